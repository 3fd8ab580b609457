/* node/node_main.c - `lull node`: options, start in the order that keeps the identity key apart, the loop, the end. */
#include "base/log.h"
#include "node/blind_listen.h"
#include "node/blind_used.h"
#include "node/hardening.h"
#include "node/node.h"
#include "node/node_parts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_signal(void *arg) { drain_begin(arg); }

/* What the accounts say, and beside it what was computed in all. */
static void log_accounts(const struct node *n) {
    struct blind_worker_counts c;
    for (size_t i = 0; n->accounts.list && i < n->blind_count; i++) {
        blind_thread_count(n->blind[i].thread, &c);
        log_event(LOG_INFO, "blind", "computed", LOG_NAME("model", n->blind[i].entry.name), LOG_COUNT("columns", c.columns));
    }
    blind_accounts_log(&n->accounts);
}

static void keep_used(struct node *n) {
    struct why why = {{0}};
    int r = blind_used_write(&n->accounts, &n->dir, &why);
    if (r != 0) log_event(LOG_ERROR, "blind", "used_not_kept", LOG_WHY("why", why_text(&why, r)));
}

static void on_keep_used(void *arg) {
    struct node *n = arg;
    keep_used(n);
    timer_start_ms(n->keep_used, BLIND_USED_MS);
}

/* SIGHUP: somebody has paid. */
static void on_hangup(void *arg) {
    struct node *n = arg;
    struct why why = {{0}};
    int r = blind_accounts_reload(&n->accounts, n->o.blind_clients, &why);
    if (r == 0)
        log_event(LOG_INFO, "blind", "clients_read_again", LOG_COUNT("listed", n->accounts.count));
    else /* the file's name, a line's number: no token */
        log_event(LOG_ERROR, "blind", "clients_not_read_again", LOG_WHY("why", why_text(&why, r)));
    keep_used(n);
    log_accounts(n);
}

/* An option that does nothing is a promise that nobody keeps. */
static int check_blind(const struct node_opts *o, struct why *why) {
    if (!o->blind.count && (o->blind_listen || o->blind_announce || o->blind_layers || o->blind_clients || o->blind_fold))
        return why_set(why, ERR_USAGE, "--blind-...: only with --blind FILE");
    if (o->blind_announce && !o->blind_listen)
        return why_set(why, ERR_USAGE, "--blind-announce goes with --blind-listen ADDR:PORT");
    return 0;
}

static int open_blind(struct node *n, struct why *why) {
    char at[WORKER_AT_BYTES];
    uint8_t pin[32];
    struct blind_served_opts o = {.threads = n->o.threads,
                                  .sessions = n->o.blind_sessions,
                                  .columns_quota = n->o.blind_quota,
                                  .layers = n->o.blind_layers,
                                  .folded = n->o.blind_fold,
                                  .kernels = getenv("LULL_KERNELS")};
    int r = n->o.blind.count > NODE_MODELS_MAX ? why_set(why, ERR_USAGE, "at most %d models with --blind", NODE_MODELS_MAX) : 0;
    if (r == 0) r = blind_accounts_load(&n->accounts, n->o.blind_clients, why);
    if (r == 0) r = blind_used_read(&n->accounts, &n->dir, why);
    if (r == 0 && n->accounts.list && (r = timer_new(&n->keep_used, n->loop, on_keep_used, n)) == 0)
        timer_start_ms(n->keep_used, BLIND_USED_MS);
    if (r == 0 && n->o.blind.count && n->o.blind_listen) r = blind_listen_open(&n->blind_listen, n, at, pin, why);
    if (r == 0 && n->blind_listen) o.at = at, o.at_pin = pin;
    for (size_t i = 0; r == 0 && i < n->o.blind.count; i++) {
        r = blind_served_open(&n->blind[i], n->o.blind.item[i], &o, &n->dir, why);
        if (r == 0) n->blind_count++;
        for (size_t k = 0; r == 0 && k < i; k++)
            if (strcmp(n->blind[k].entry.name, n->blind[i].entry.name) == 0)
                r = why_set(why, ERR_USAGE, "two blind models are called %s; name one: --blind FILE=NAME",
                            n->blind[i].entry.name);
        if (r == 0)
            log_event(LOG_INFO, "node", "computes_blindly", LOG_NAME("model", n->blind[i].entry.name),
                      LOG_ID("manifest", n->blind[i].entry.manifest_hash, 8), LOG_COUNT("stacks", n->blind[i].stack_count));
    }
    return r;
}

static int open_models(struct node *n, struct why *why) {
    struct served_opts so = {
        .threads = n->o.threads, .slots = n->o.slots, .context = n->o.context, .loop = n->loop, .on_event = job_event, .arg = n};
    int r = kv_format_of(&so.kv, n->o.kv, why);
    if (r == 0 && n->o.models.count + n->o.blind.count == 0 && !n->o.explain)
        r = why_set(why, ERR_USAGE, "give at least one --model FILE or --blind FILE");
    if (r == 0 && n->o.models.count > NODE_MODELS_MAX) r = why_set(why, ERR_USAGE, "at most %d models", NODE_MODELS_MAX);
    for (size_t i = 0; r == 0 && i < n->o.models.count; i++) {
        r = served_open(&n->models[i], n->o.models.item[i], &so, &n->dir, why);
        if (r == 0) n->model_count++;
        for (size_t k = 0; r == 0 && k < i; k++)
            if (strcmp(n->models[k].manifest.name, n->models[i].manifest.name) == 0)
                r = why_set(why, ERR_USAGE, "two models are called %s; name one: --model FILE=NAME", n->models[i].manifest.name);
        if (r == 0)
            log_event(LOG_INFO, "node", "serves", LOG_NAME("model", n->models[i].manifest.name),
                      LOG_COUNT("context", n->models[i].context));
    }
    return r;
}

/* In the order that lets each part lose what it does not need: the processes for the key and for connections before any thread, loop or
 * socket exists; files once keys and certificates are read, and before the first thread; system calls once all is open. */
int node_start(struct node *n, struct why *why) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    if (!n->o.coordinator) return why_set(why, ERR_USAGE, "give --coordinator HOST:PORT");
    if (addr_split(n->o.coordinator, 0, host, &port) != 0)
        return why_set(why, ERR_USAGE, "--coordinator: \"%.80s\" is no HOST:PORT", n->o.coordinator);
    int r = check_blind(&n->o, why);
    if (r != 0) return r;
    r = data_dir_open(&n->dir, n->o.data, "node", why);
    if (r == 0 && !n->o.operator_key) {
        r = data_dir_file(&n->dir, "operator.key", n->operator_path, sizeof n->operator_path);
        n->o.operator_key = n->operator_path;
    }
    if (r == 0) hardening_process(&n->measures);
    if (r == 0) r = signer_start(&n->signer, &n->dir, &n->measures, why);
    if (r == 0) r = dialler_start(&n->dialler, n->o.coordinator, &n->measures, why);
    if (r == 0 && n->o.tpm && n->o.enclave) r = why_set(why, ERR_USAGE, "either --tpm or --enclave");
    if (r == 0 && n->o.tpm) r = node_tpm_open(n, why);
    if (r == 0 && n->o.enclave) r = node_enclave_open(n, why);
    if (r == 0) r = loop_new(&n->loop);
    if (r == 0) r = dialler_attach(n->dialler, n->loop);
    if (r == 0) r = link_init(n, why);
    if (r == 0) hardening_files(&n->measures, &n->o, &n->dir);
    if (r == 0) r = timer_new(&n->drain, n->loop, drain_on_timer, n);
    if (r == 0) r = helpers_watch(n);
    if (r == 0) r = open_models(n, why);
    if (r == 0) r = open_blind(n, why);
    if (r == 0) r = loop_on_signal(n->loop, SIGTERM, on_signal, n);
    if (r == 0) r = loop_on_signal(n->loop, SIGINT, on_signal, n);
    if (r == 0 && n->accounts.list) r = loop_on_signal(n->loop, SIGHUP, on_hangup, n);
    if (r == 0) hardening_calls(&n->measures);
    return r;
}

void node_stop(struct node *n) {
    blind_listen_close(n->blind_listen);
    link_release(n);
    for (size_t i = 0; i < n->model_count; i++) served_close(&n->models[i]);
    log_accounts(n);
    for (size_t i = 0; i < n->blind_count; i++) blind_served_close(&n->blind[i]); /* what is not computed is given back */
    keep_used(n);
    blind_accounts_release(&n->accounts);
    timer_free(n->keep_used);
    timer_free(n->drain);
    helpers_release(n);
    dialler_stop(n->dialler);
    loop_free(n->loop);
    node_tpm_close(n);
    node_enclave_close(n);
    signer_stop(&n->signer);
    data_dir_close(&n->dir);
}

int node_main(int argc, char **argv) {
    static struct node n = {.signer = {.child.fd = -1},
                            .dir = {.lock_fd = -1},
                            .visit_times = BLIND_TIMES_USUAL,
                            .o = {.slots = 4, .drain_ms = 1000, .kv = "f16", .blind_sessions = 32}};
    const struct opt rows[] = {
        {"coordinator", OPT_TEXT, &n.o.coordinator, "HOST:PORT", "the coordinator to work for; always needed", 0, 0},
        {"ca", OPT_TEXT, &n.o.ca, "FILE", "trust these certificates: the coordinator's tls.crt (the system's)", 0, 0},
        {"pin", OPT_TEXT, &n.o.pin, "sha256:HEX", "trust the coordinator's public key itself instead", 0, 0},
        {"model", OPT_LIST, &n.o.models, "FILE[=NAME]",
         "a GGUF file to serve; may be repeated. NAME is name:tag (from the file: its name and weight type)", 0, 0},
        {"blind", OPT_LIST, &n.o.blind, "FILE[=NAME]",
         "compute masked products of this model for blind clients (experimental construction, not yet reviewed); may be repeated",
         0, 0},
        {"blind-fold", OPT_FLAG, &n.o.blind_fold, NULL,
         "compute for clients that prepared the --blind models with --fold: half as many round trips, about twice the memory; "
         "takes minutes to start for billions of weights",
         0, 0},
        {"blind-layers", OPT_TEXT, &n.o.blind_layers, "FIRST-LAST",
         "hold only these layers of the --blind models; the last one brings the output matrix. Clients join up to eight such "
         "workers, so none should hold less than an eighth (all)",
         0, 0},
        {"blind-sessions", OPT_U32, &n.o.blind_sessions, "N", "blind sessions at once for each model (32)", 1, 1024},
        {"blind-clients", OPT_TEXT, &n.o.blind_clients, "FILE",
         "compute blindly only for these, prepaid: lines \"TOKEN COLUMNS\"; SIGHUP reads it again and adds what is paid more "
         "(everybody)",
         0, 0},
        {"blind-listen", OPT_TEXT, &n.o.blind_listen, "ADDR:PORT",
         "let blind clients connect here too, not only through the coordinator (nowhere)", 0, 0},
        {"blind-announce", OPT_TEXT, &n.o.blind_announce, "HOST:PORT", "how they reach that address (as --blind-listen says)", 0,
         0},
        {"blind-quota", OPT_U64, &n.o.blind_quota, "N",
         "columns that one blind session may ask for; one through one matrix counts one (no end)", 0, 0},
        {"slots", OPT_U32, &n.o.slots, "N", "answers at once for each model (4)", 1, 64},
        {"threads", OPT_U32, &n.o.threads, "N", "compute threads for each model (one per core)", 1, 256},
        {"context", OPT_U32, &n.o.context, "N", "longest prompt and answer in tokens (the model's, at most 8192)", 16, 16777216},
        {"kv", OPT_TEXT, &n.o.kv, "FORMAT",
         "keys and values in the cache: f16 or q8, half the memory; part of the arithmetic profile (f16)", 0, 0},
        {"operator-key", OPT_TEXT, &n.o.operator_key, "FILE",
         "your operator key, shared by your machines; made when missing (operator.key in DIR)", 0, 0},
        {"drain-ms", OPT_U32, &n.o.drain_ms, "MS", "how long running answers may finish when the node leaves (1000)", 0, 600000},
        {"tpm", OPT_TEXT, &n.o.tpm, "TCTI",
         "keep the key that opens requests in a TPM 2.0, usable only as this machine has booted: device:/dev/tpmrm0, or what "
         "tss2 takes (in memory)",
         0, 0},
        {"enclave", OPT_FLAG, &n.o.enclave, NULL, "keep it in the Secure Enclave of a Mac instead; never yet run on hardware", 0,
         0},
        {"explain-hardening", OPT_FLAG, &n.o.explain, NULL,
         "print what the node takes from itself before it serves, what this kernel gave of it, and stop", 0, 0},
        {"json", OPT_FLAG, &n.o.json, NULL, "that as JSON", 0, 0},
        {"data", OPT_TEXT, &n.o.data, "DIR", "keys and caches (~/.local/share/lull/node)", 0, 0},
        {"log", OPT_TEXT, &n.o.log, "LEVEL", "error, warn, info or debug (info)", 0, 0},
        {"log-format", OPT_TEXT, &n.o.log_format, "FORMAT", "text or json (text)", 0, 0},
        {0},
    };
    struct command_line line = {
        .command = "node",
        .arguments = "",
        .opts = rows,
        .about = "Lends this machine: answers sealed requests with the given models. Prints a line when it is registered.\n"
                 "SIGTERM or Ctrl-C leaves in good order; a second one at once."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return 0;
    if (r == 0 && log_setup(n.o.log, n.o.log_format) != 0)
        r = why_set(&why, ERR_USAGE, "--log is error, warn, info or debug; --log-format text or json");
    if (r == 0 && n.o.explain) return hardening_explain(&n, n.o.json);
    if (r == 0) r = node_start(&n, &why);
    if (r != 0) fprintf(stderr, "lull node: %s\n", why_text(&why, r));
    if (r == 0) {
        hardening_log(&n.measures);
        link_dial(&n);
        r = loop_run(n.loop);
    }
    node_stop(&n);
    return r == ERR_USAGE ? 2 : r != 0 || n.failed;
}
