/* node/node_parts.h - what the node's own files share: the daemon's state and how its parts call each other. All of it belongs to
 * the loop's thread. */
#ifndef NODE_NODE_PARTS_H
#define NODE_NODE_PARTS_H

#include "base/file.h"
#include "base/hash.h"
#include "base/measures.h"
#include "base/opt.h"
#include "net/dialler.h"
#include "net/h2.h"
#include "net/link_log.h"
#include "net/loop.h"
#include "net/tls.h"
#include "node/blind_accounts.h"
#include "node/blind_served.h"
#include "node/blind_visit.h"
#include "node/chip_turns.h"
#include "node/keyring.h"
#include "node/served.h"
#include "node/signer_proc.h"
#include "seal/codes.h"

enum { NODE_MODELS_MAX = 8, NODE_ENVELOPES_MAX = 64 << 20 /* bytes of requests being received */ };
#define NODE_ENGINE_ID "lull-" LULL_VERSION

struct node_opts {
    const char *coordinator, *ca, *pin, *data, *operator_key, *log, *log_format, *kv, *tpm;
    struct opt_list models, blind;
    const char *blind_layers, *blind_clients, *blind_listen, *blind_announce;
    uint32_t slots, threads, context, drain_ms, blind_sessions;
    uint64_t blind_quota;
    int blind_fold;
    int explain, json, enclave;
};

/* evidence_ahead.c: for the newest key statement. */
struct evidence_made {
    struct buf nonce, envelope; /* empty: none */
    uint64_t renewed_ms;        /* when the statement was made */
    struct timer *look;
};

struct job;
struct node {
    struct node_opts o;
    struct data_dir dir;
    char operator_path[600]; /* of the key, when no option names it */
    struct measures measures;
    struct signer signer;
    struct dialler *dialler;
    struct loop *loop;
    struct tls *tls;
    struct chip_proc *chip;  /* node_tpm.c; NULL: the seal key is in memory */
    struct enclave *enclave; /* node_enclave.c; NULL: likewise */
    struct seal_source seal_source;
    struct chip_turns proofs, activations; /* evidence_answer.c, activate_answer.c: when the chip was last kept busy */
    struct evidence_made ahead;
    struct keyring *keys;
    struct operator_stmt operator_stmt;
    struct served models[NODE_MODELS_MAX];
    size_t model_count;
    struct blind_served blind[NODE_MODELS_MAX];
    size_t blind_count;
    /* link.c */
    struct h2 *link;
    struct h2_stream *link_stream; /* the coordinator's; NULL until it opened it */
    struct buf link_in;
    struct timer *redial, *heartbeat, *renew;
    uint32_t redial_ms, heartbeat_ms;
    int registered, said_ready;
    int was_registered, refused; /* at some time on this link */
    struct link_log log;
    uint8_t coordinator_key[32];
    /* job.c */
    struct job *jobs;
    uint64_t next_job;
    size_t receiving; /* bytes of envelopes held */
    struct blind_accounts accounts;
    struct timer *keep_used;           /* writes down now and then what they have used */
    struct blind_listen *blind_listen; /* NULL: nowhere */
    /* blind_visit.c */
    struct blind_visit *visits;
    struct blind_times visit_times;
    uint64_t next_visit;
    /* drain.c */
    struct timer *drain;
    int draining;
    /* helpers.c */
    struct timer *look;
    int failed; /* it leaves because of a failure, and says so when it has left */
};

/* ---- node_main.c ---- */
int node_start(struct node *n, struct why *why); /* all but the first connection */
void node_stop(struct node *n);                  /* fine after a start that failed */

/* ---- node_tpm.c ---- */
/* Opens the chip of --tpm and makes the keys in it. ERR_UNSUPPORTED: built without tss2. */
int node_tpm_open(struct node *n, struct why *why);
int node_tpm_ended(const struct node *n); /* 1: there is one, and its process is gone or was given up */
void node_tpm_close(struct node *n);      /* fine without one */

/* ---- helpers.c: the processes beside this one (key, connections, TPM); without one of them the node leaves ---- */
int helpers_watch(struct node *n);
void helpers_release(struct node *n);

/* ---- node_enclave.c ---- */
/* The same for --enclave. ERR_UNSUPPORTED: not a machine of Apple's. After all forks, and in no forked child (platform/enclave.h). */
int node_enclave_open(struct node *n, struct why *why);
void node_enclave_close(struct node *n); /* fine without one */

/* ---- link.c: dials, registers, sends heartbeats, dials again ---- */
int link_init(struct node *n, struct why *why);
void link_dial(struct node *n);
void link_register_now(struct node *n); /* a new record on the running link; nothing without one */
void link_renew_now(struct node *n);    /* a new key statement, registered when the link is up */
void link_heartbeat_now(struct node *n);
/* Says that we leave (LINK_DRAIN); later that nothing runs any more (LINK_DRAINED) and closes. */
void link_say_drain(struct node *n);
void link_say_drained(struct node *n);
void link_release(struct node *n);

/* ---- job.c: one sealed request each ---- */
void job_begin(struct node *n, struct h2_stream *s);
void job_event(void *node, const struct work_event *e);
size_t job_count(const struct node *n);
void job_fail_all(struct node *n, enum code code); /* sealed errors to all; their streams end in good order */
void job_drop_all(struct node *n);                 /* the link is lost: nobody listens */

/* ---- drain.c ---- */
void drain_begin(struct node *n);
void drain_check(struct node *n); /* after a job has ended */
void drain_on_timer(void *node);  /* the time for finishing is over */

#endif
