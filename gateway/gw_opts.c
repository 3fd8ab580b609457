/* gateway/gw_opts.c - see gw_opts.h. */
#include "gateway/gw_opts.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "evidence/tlog_bundle.h"
#include "base/opt.h"
#include "gateway/gw_blind_kept.h"
#include "net/addr.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int pins(uint8_t *out, size_t bytes, size_t *count, const struct opt_list *list, const char *option, struct why *why) {
    for (size_t i = 0; i < list->count; i++, (*count)++)
        if (hex_decode(out + i * bytes, bytes, list->item[i], strlen(list->item[i])) != 0)
            return why_set(why, ERR_USAGE, "--%s: needs %zu hexadecimal digits", option, 2 * bytes);
    return 0;
}

static int read_key(struct buf *key, const char *path, struct why *why) {
    buf_init(key, 1 << 12);
    if (!path) return 0;
    int r = file_read(key, path, 1024, why);
    if (r != 0) return r;
    while (key->len && (key->data[key->len - 1] == '\n' || key->data[key->len - 1] == '\r')) key->len--;
    if (key->len < 8) return why_set(why, ERR_USAGE, "%s: a key has at least 8 characters", path);
    for (size_t i = 0; i < key->len; i++)
        if (key->data[i] <= 0x20 || key->data[i] >= 0x7f)
            return why_set(why, ERR_USAGE, "%s: a key is one line of printable characters", path);
    struct buf copy; /* file_read sized it to fit: one more byte for the NUL */
    buf_init(&copy, key->len + 1);
    r = buf_add(&copy, key->data, key->len);
    if (r == 0) r = buf_add(&copy, "", 1);
    buf_release(key);
    *key = copy;
    return r == 0 ? 0 : why_set(why, r, "out of memory");
}

static int check_folder(const char *path, struct why *why) {
    struct stat st;
    if (!path || (stat(path, &st) == 0 && S_ISDIR(st.st_mode))) return 0;
    return why_set(why, ERR_USAGE, "--receipts: %s is not a directory", path);
}

/* Whoever reaches the gateway asks in its user's name: beyond this machine only with a key. */
static int check_listen(struct gw_opts *o, struct why *why) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr a;
    if (addr_split(o->listen, 0, host, &port) != 0)
        return why_set(why, ERR_USAGE, "--listen: \"%.80s\" is no ADDR:PORT", o->listen);
    o->beyond_loopback = strcmp(host, "localhost") != 0 && (addr_numeric(&a, host, port) != 0 || !addr_is_loopback(&a));
    if (!o->beyond_loopback || o->key.len) return 0;
    return why_set(why, ERR_USAGE, "--listen %.80s is reachable from other machines: give --api-key-file FILE too", o->listen);
}

/* They are read anew whenever they are needed; one that is not there today is a mistake. */
static int check_releases(const struct gw_opts *o, struct why *why) {
    for (size_t i = 0; i < o->releases.count; i++) {
        struct buf b;
        int r = file_read(&b, o->releases.item[i], TLOG_BUNDLE_FILE_MAX, why);
        buf_release(&b);
        if (r != 0) return r;
    }
    return 0;
}

/* Without a policy of the user's own there is no tier attested: the built-in one names no program that may run. */
static int read_policy(struct gw_opts *o, struct why *why) {
    struct why what = {{0}};
    struct buf text;
    if (o->releases.count && !o->policy_file) return why_set(why, ERR_USAGE, "--release goes with --policy FILE");
    if (!o->policy_file)
        return o->blind.least != API_TIER_ATTESTED
                   ? 0
                   : why_set(why, ERR_USAGE, "--tier attested: give --policy FILE, what to ask of nodes (docs/evidence.md)");
    int r = file_read(&text, o->policy_file, EV_POLICY_BYTES_MAX, why);
    if (r != 0) return r;
    o->attested = ev_policy_read(text.data, text.len, &what);
    buf_release(&text);
    if (!o->attested) return why_set(why, ERR_USAGE, "--policy: %.100s: %s", o->policy_file, what.text);
    if (o->releases.count == 0 || o->attested->log.given) return check_releases(o, why);
    return why_set(why, ERR_USAGE, "--release: the policy names no log whose word on releases would count (section \"log\")");
}

int gw_opts_parse(struct gw_opts *o, int argc, char **argv, struct why *why) {
    *o = (struct gw_opts){
        .listen = "127.0.0.1:11434", .candidates = 3, .max_queue = 256, .blind = {.keep = 4, .keep_minutes = 15}};
    const char *key_file = NULL, *coordinator_key_file = NULL, *level = NULL, *format = NULL;
    struct opt_list operators = {.count = 0}, nodes = {.count = 0};
    const struct opt rows[] = {
        {"listen", OPT_TEXT, &o->listen, "ADDR:PORT", "where apps ask (127.0.0.1:11434)", 0, 0},
        {"coordinator", OPT_TEXT, &o->coordinator, "HOST:PORT", "the network's coordinator; always needed", 0, 0},
        {"ca", OPT_TEXT, &o->ca, "FILE", "trust these certificates: the coordinator's tls.crt (the system's)", 0, 0},
        {"pin", OPT_TEXT, &o->pin, "sha256:HEX", "trust the coordinator's public key itself instead", 0, 0},
        {"coordinator-key-file", OPT_TEXT, &coordinator_key_file, "FILE",
         "present the key in FILE to the coordinator, which may want one (none)", 0, 0},
        {"candidates", OPT_U32, &o->candidates, "N", "nodes that each request is sealed to, 1 to 8; each can read it (3)", 1,
         CANDIDATES_MAX},
        {"pin-operator", OPT_LIST, &operators, "HEX", "only nodes of this operator; may be repeated", 0, 0},
        {"pin-node", OPT_LIST, &nodes, "HEX", "only this node's identity; may be repeated", 0, 0},
        {"forget-pin", OPT_TEXT, &o->forget_pin, "NAME", "forget which file that model name stood for, and exit", 0, 0},
        {"api-key-file", OPT_TEXT, &key_file, "FILE", "apps must present the key in FILE (none; needed beyond loopback)", 0, 0},
        {"receipts", OPT_TEXT, &o->receipts, "DIR",
         "write each receipt there: it holds question and answer (the last 64 in memory)", 0, 0},
        {"data", OPT_TEXT, &o->data, "DIR", "pinned models (~/.local/share/lull/gateway)", 0, 0},
        {"max-queue", OPT_U32, &o->max_queue, "N", "requests at once, queued ones included (256)", 1, 4096},
        {"keep-nothing", OPT_FLAG, &o->keep_nothing, NULL,
         "nodes keep nothing computed after an answer; else a prompt that begins like an earlier one is answered sooner", 0, 0},
        {"tier", OPT_TEXT, &o->blind.tier, "TIER",
         "the least tier of every request: sealed, attested, or blind, an experimental construction, not yet reviewed (sealed)",
         0, 0},
        {"policy", OPT_TEXT, &o->policy_file, "FILE",
         "what tier attested asks of nodes: a policy (lull attest policy check) (none)", 0, 0},
        {"release", OPT_LIST, &o->releases, "PROOF",
         "tier attested: a proof from the policy's log of a release that nodes may run (lull log prove), read anew for each "
         "node; may be "
         "repeated (none)",
         0, 0},
        {"blind", OPT_LIST, &o->blind.dirs, "DIR",
         "answer this model in tier blind: a folder of lull blind prepare; may be repeated", 0, 0},
        {"mode", OPT_TEXT, &o->blind.mode_name, "MODE",
         "of tier blind: pair, two workers of different operators, or lattice, one that need not be trusted (pair)", 0, 0},
        {"pair-a", OPT_LIST, &o->blind.operators[PAIR_A], "OPERATOR",
         "whose workers may get masked inputs; may be repeated. Never one of --pair-b", 0, 0},
        {"pair-b", OPT_LIST, &o->blind.operators[PAIR_B], "OPERATOR",
         "whose workers may get the keys of the masks; may be repeated", 0, 0},
        {"pair-a-token", OPT_TEXT, &o->blind.token_file[PAIR_A], "FILE", "of the columns prepaid there (none)", 0, 0},
        {"pair-b-token", OPT_TEXT, &o->blind.token_file[PAIR_B], "FILE", "of the columns prepaid there (none)", 0, 0},
        {"pair-direct", OPT_FLAG, &o->blind.pair_direct, NULL,
         "connect to workers that name an address, without the coordinator's detour: they then see this machine's", 0, 0},
        {"lattice-operator", OPT_LIST, &o->blind.lattice_operators, "OPERATOR",
         "whose workers may serve mode lattice; may be repeated", 0, 0},
        {"lattice-token", OPT_TEXT, &o->blind.lattice_token_file, "FILE", "of the columns prepaid there (none)", 0, 0},
        {"lattice-direct", OPT_FLAG, &o->blind.lattice_direct, NULL, "as --pair-direct", 0, 0},
        {"lattice-masks-mb", OPT_U32, &o->blind.masks_mb, "N",
         "no more masks are made ahead beyond N MiB for each model, but those that a pass needs; 0: 512 (0)", 0, 1 << 20},
        {"blind-keep", OPT_U32, &o->blind.keep, "N",
         "keep the last N conversations of a model between two turns, so that a turn sends workers its new part only; 0: none "
         "(4)",
         0, KEPT_MAX},
        {"blind-keep-minutes", OPT_U32, &o->blind.keep_minutes, "N", "wipe one of them after N minutes without a turn (15)", 1,
         1440},
        {"blind-guess", OPT_U32, &o->blind.guess, "K",
         "send K guessed tokens along in every pass after the prompt: fewer round trips where text repeats itself, 1 + K times "
         "the bytes a "
         "pass, and workers see how many passes an answer took (0)",
         0, BLIND_GUESS_MAX},
        {"threads", OPT_U32, &o->blind.threads, "N", "threads of tier blind's own computing; 0: one per core (0)", 0, 256},
        {"log", OPT_TEXT, &level, "LEVEL", "error, warn, info or debug (info)", 0, 0},
        {"log-format", OPT_TEXT, &format, "FORMAT", "text or json (text)", 0, 0},
        {0},
    };
    struct command_line c = {
        .command = "gateway",
        .arguments = "",
        .opts = rows,
        .about = "Serves the OpenAI and Ollama APIs on this machine and seals every request to the nodes that may answer it."};
    int r = opt_parse(&c, argc, argv, why);
    if (r == 0 && !o->coordinator && !o->forget_pin) r = why_set(why, ERR_USAGE, "--coordinator HOST:PORT is needed");
    if (r == 0 && o->ca && o->pin) r = why_set(why, ERR_USAGE, "--ca and --pin exclude each other");
    if (r == 0 && log_setup(level, format) != 0)
        r = why_set(why, ERR_USAGE, "--log is error, warn, info or debug; --log-format text or json");
    if (r == 0) r = pins(o->policy.operators[0], OPERATOR_PIN_BYTES, &o->policy.operator_count, &operators, "pin-operator", why);
    if (r == 0) r = pins(o->policy.nodes[0], 32, &o->policy.node_count, &nodes, "pin-node", why);
    if (r == 0) r = check_folder(o->receipts, why);
    if (r == 0) r = read_key(&o->key, key_file, why);
    if (r == 0) r = read_key(&o->coordinator_key, coordinator_key_file, why);
    if (r == 0 && o->coordinator_key.len)
        snprintf(o->bearer, sizeof o->bearer, "Bearer %s", (const char *)o->coordinator_key.data);
    if (r == 0) r = check_listen(o, why);
    if (r == 0) r = gw_blind_opts_check(&o->blind, why);
    return r == 0 ? read_policy(o, why) : r;
}

void gw_opts_release(struct gw_opts *o) {
    buf_release(&o->key);
    buf_release(&o->coordinator_key);
    gw_blind_opts_release(&o->blind);
    ev_policy_free(o->attested);
    mem_wipe(o->bearer, sizeof o->bearer);
}
