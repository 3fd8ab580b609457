/* coordinator/config.c - see config.h. */
#include "coordinator/config.h"

#include <string.h>

void config_defaults(struct config *c) {
    *c = (struct config){
        .listen = "0.0.0.0:7443",
        .status = "127.0.0.1:7480",
        .nodes_max = 4096,
        .nodes_each = 1024,
        .links_each = 256,
        .requests_each = 256,
        .rate_each = 200,
        .queue_max = 256,
        .queue_each = 64,
        .queue_ms = 20000,
        .keep_days = 90,
        .drain_ms = 10000,
    };
}

int config_parse(struct config *c, int argc, char **argv, struct why *why) {
    const struct opt opts[] = {
        {"listen", OPT_TEXT, &c->listen, "ADDR:PORT", "where nodes and gateways connect; port 0 takes a free one (0.0.0.0:7443)",
         0, 0},
        {"status", OPT_TEXT, &c->status, "ADDR:PORT", "status page, or \"off\" (127.0.0.1:7480)", 0, 0},
        {"data", OPT_TEXT, &c->data, "DIR", "certificate, signing key and store (~/.local/share/lull/coordinator)", 0, 0},
        {"name", OPT_LIST, &c->names, "NAME",
         "a host name or address by which nodes and gateways dial it, for its certificate; may be repeated", 0, 0},
        {"tls-cert", OPT_TEXT, &c->tls_cert, "FILE", "certificate chain in PEM (its own: tls.crt in DIR)", 0, 0},
        {"tls-key", OPT_TEXT, &c->tls_key, "FILE", "its private key", 0, 0},
        {"admit", OPT_TEXT, &c->admit, "FILE", "only nodes of these operator ids, one a line (all)", 0, 0},
        {"client-keys", OPT_TEXT, &c->client_keys, "FILE",
         "only gateways with one of these keys, one a line: their --coordinator-key-file (all)", 0, 0},
        {"max-nodes", OPT_U32, &c->nodes_max, "N", "nodes at once (4096)", 1, 65536},
        {"max-nodes-per-operator", OPT_U32, &c->nodes_each, "N", "nodes of one operator (1024)", 1, 65536},
        {"max-links", OPT_U32, &c->links_each, "N", "connections of one address (256)", 1, 65536},
        {"max-requests", OPT_U32, &c->requests_each, "N", "requests of one address, running and waiting (256)", 1, 65536},
        {"max-rate", OPT_U32, &c->rate_each, "N", "new requests a second of one address; five times that at once (200)", 1,
         100000},
        {"queue", OPT_U32, &c->queue_max, "N", "requests that may wait for a free node (256)", 1, 65536},
        {"queue-per-address", OPT_U32, &c->queue_each, "N", "of one address (64)", 1, 65536},
        {"queue-ms", OPT_U32, &c->queue_ms, "N", "how long one waits before it is told busy (20000)", 1, 20000},
        {"keep-days", OPT_U32, &c->keep_days, "N", "days that rows of single jobs are kept; 0: for ever (90)", 0, 36500},
        {"drain-ms", OPT_U32, &c->drain_ms, "N", "time for running jobs when asked to stop (10000)", 1, 600000},
        {"log", OPT_TEXT, &c->log_level, "LEVEL", "error, warn, info or debug (info)", 0, 0},
        {"log-format", OPT_TEXT, &c->log_format, "FORMAT", "text or json (text)", 0, 0},
        {0},
    };
    struct command_line line = {
        .command = "coordinator",
        .arguments = "",
        .about = "Brings gateways and nodes together: a directory of nodes, and a relay of requests that it cannot read.\n"
                 "When it serves it prints one line: ready coordinator ADDR:PORT STATUS-ADDR:PORT (or \"off\").",
        .opts = opts,
    };
    config_defaults(c);
    int r = opt_parse(&line, argc, argv, why);
    if (r != 0) return r;
    if ((c->tls_cert == NULL) != (c->tls_key == NULL)) return why_set(why, ERR_USAGE, "--tls-cert and --tls-key belong together");
    if (c->tls_cert && c->names.count)
        return why_set(why, ERR_USAGE,
                       "--name is for the certificate that the coordinator makes itself: --tls-cert has its own names");
    return 0;
}
