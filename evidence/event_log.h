/* evidence/event_log.h - what the firmware and the boot loader say they measured: TCG event logs of a TPM (crypto-agile, and the older
 * form with SHA-1 only) and of a confidential VM (CCEL, for TDX's RTMRs).
 *
 * A log is a claim by whoever hands it in. What makes it more than that is the replay: the digests of its events, extended one by one,
 * give the value of each register, and that value must be the one in a verified quote. After that the digests are known to be true, in
 * their order, for each register and bank that was compared, and for no other. The rest of an event never is:
 *
 *     type   not part of any digest. Whoever may extend a register may have extended it, whatever the log says about it.
 *     data   true only where the digest is the hash of it: event_covered says so, from the bytes, and only for the types below.
 *            In the others (a program's path, a firmware's address and size) it is a remark.
 *
 * Types whose data the digest may be the hash of (TCG PC Client Platform Firmware Profile, table of event types; and what EDK2, shim, GRUB,
 * systemd and Linux write): separator, action, EFI action, EFI variable of driver configuration, of the boot, of an authority, GPT, CRTM
 * version, table of devices, POST code, non-host information, tagged event, IPL. Each event is looked at anew: Linux tags its command
 * line with the name of the field, and that event's data is not covered, though others of its type are.
 *
 * EV_NO_ACTION events are not measured: they are skipped, and nothing in them is trusted. One is used: StartupLocality, which says
 * what PCR 0 began with. A false one makes the replay of PCR 0 come out wrong, and does no more. */
#ifndef EVIDENCE_EVENT_LOG_H
#define EVIDENCE_EVENT_LOG_H

#include "evidence/evidence.h"
#include "evidence/tpm_pcr.h"

enum {
    EVENT_LOG_BYTES_MAX = 1 << 20,
    EVENT_LOG_EVENTS_MAX = 16384,
    EVENT_LOG_BANKS_MAX = 8,
    EVENT_REGISTERS = TPM_PCR_COUNT,
    CC_REGISTERS = 5 /* 0 is MRTD, which nothing extends; 1 to 4 are RTMR 0 to 3 */
};

/* How the registers are numbered, and what they begin with. */
enum event_log_of { EVENT_LOG_TPM, EVENT_LOG_CC };

enum { EV_NO_ACTION_TYPE = 3 }; /* the TCG's EV_NO_ACTION; the names with EV_ are ours */

struct event_log {
    enum event_log_of of;
    int sha1_only;          /* the older form: no header, SHA-1 alone */
    struct ev_bytes events; /* what follows the header, without padding */
    unsigned count;         /* of events, those that are not measured included */
    unsigned banks;
    struct {
        uint16_t alg;
        uint16_t size;
    } bank[EVENT_LOG_BANKS_MAX]; /* as the header lists them; hashes that we do not know are skipped by size */
    uint8_t startup_locality;    /* what the last byte of PCR 0 began as: 0, 3 or 4 */
};

/* Reads all of a log; it points into text, which must stay. Padding of one byte, 00 or ff, up to the end is taken off: the tables of
 * a CCEL are handed in whole. ERR_FORMAT, ERR_SHORT, ERR_LIMIT, ERR_RANGE (a register that is none), ERR_UNSUPPORTED, with why. */
int event_log_read(struct event_log *out, struct ev_bytes text, enum event_log_of of, struct why *why);

/* ---- events ---- */

struct event {
    unsigned number; /* from 0, the header not counted */
    unsigned index;  /* of the register; of EV_NO_ACTION any number */
    uint32_t type;
    unsigned digests;
    struct {
        uint16_t alg;
        struct ev_bytes digest;
    } digest[EVENT_LOG_BANKS_MAX];
    struct ev_bytes data;
};
struct event_walk {
    const struct event_log *log;
    struct reader in;
    unsigned number;
};
struct event_walk event_walk_over(const struct event_log *log);
int event_next(struct event_walk *w, struct event *out); /* 1: *out is set; 0: that was all */

struct ev_bytes event_digest(const struct event *e, uint16_t alg); /* n 0: it has none of that bank */
const char *event_type_name(uint32_t type);                        /* "EV_SEPARATOR"; "unknown" */

/* Whether the data is what the digest of bank alg is the hash of. Ask with the bank that was compared with a quote, since a digest of
 * another bank may say anything. *what is the part that is covered, and never set when nothing is. */
enum event_cover {
    EVENT_NOT_COVERED,
    EVENT_COVERED,      /* all of the data */
    EVENT_COVERED_PART, /* *what: an EFI variable's value without its name, GRUB's command without the word before it */
};
enum event_cover event_covered(const struct event *e, uint16_t alg, struct ev_bytes *what);

/* ---- replay ---- */

struct event_replay {
    uint16_t alg;
    size_t size;       /* of a digest */
    uint32_t extended; /* bit i: the log extends register i */
    uint32_t unknown;  /* bit i: an event of register i has no digest of this bank, so nothing can be said of it */
    uint8_t value[EVENT_REGISTERS][TPM_DIGEST_MAX];
};
/* PCRs begin with zeros, 0 with the startup locality, 17 to 22 with ff unless the log extends them (only a dynamic launch can, and it sets
 * them to zeros first). ERR_NOTFOUND: the log has no such bank; ERR_UNSUPPORTED: a hash that we do not know. */
int event_log_replay(const struct event_log *log, uint16_t alg, struct event_replay *out);

/* ---- comparison ---- */

struct event_given { /* what a verified quote holds */
    uint16_t alg;
    unsigned index;
    struct ev_bytes value;
};
enum event_says {
    EVENT_AGREES,
    EVENT_DISAGREES,
    EVENT_NO_BANK,    /* the log has no such bank, or not for all events of this register */
    EVENT_NO_REGISTER /* of that number */
};
/* says[i] is what the log says of given[i]. Returns how many do not agree; ERR_INTERNAL. */
int event_log_compare(const struct event_log *log, const struct event_given *given, unsigned count, enum event_says *says);

/* All the PCRs of `given` whose bit is in mask (leave out what the log cannot know: IMA's 10, resettable ones). 0; ERR_AUTH when one
 * disagrees: why names the first and the number of them. ERR_NOTFOUND: none was compared. */
int event_log_explains(const struct event_log *log, const struct tpm_pcrs *given, uint32_t mask, struct why *why);
/* The same for a CCEL and the RTMRs whose bit is in mask (bit 0: RTMR 0). RTMR 3 is for programs and often has no log. */
int event_log_explains_rtmrs(const struct event_log *log, const uint8_t rtmr[4][48], unsigned mask, struct why *why);

#endif
