/* coordinator/coordinator.c - `lull coordinator`: options, the process, the ready line, signals. */
#include "coordinator/coordinator.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "coordinator/coord.h"
#include "net/httpd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void on_stop(void *arg) { coord_drain(arg); }

/* A link is a descriptor: the soft limit of 1024 would bind long before --max-nodes does. */
static void raise_descriptor_limit(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/* For the person who sets up nodes and gateways; a program that reads a structured log has no use for it. */
static void say_trust(const struct coord *c) {
    if (c->o.log_format && strcmp(c->o.log_format, "json") == 0) return;
    if (c->cert_reissued)
        fprintf(stderr,
                "the certificate was issued anew for the names of --name, with the same key: copy %s again to nodes and gateways "
                "that use --ca\n",
                c->cert);
    fprintf(stderr, "nodes and gateways trust this coordinator by --ca %s or by --pin %s\n", c->cert, c->pin);
}

static void say_ready(const struct coord *c) {
    char at[ADDR_TEXT_BYTES], status[ADDR_TEXT_BYTES] = "off";
    listener_addr(c->listener, at);
    if (c->status) httpd_addr(c->status, status);
    printf("ready coordinator %s %s\n", at, status);
    fflush(stdout);
}

static int serve(struct coord *c, struct loop *l) {
    int r = loop_on_signal(l, SIGTERM, on_stop, c);
    if (r == 0) r = loop_on_signal(l, SIGINT, on_stop, c);
    if (r != 0) return r;
    say_trust(c);
    say_ready(c);
    return loop_run(l);
}

int coordinator_main(int argc, char **argv) {
    struct config o;
    struct coord c = {.o = {.listen = NULL}};
    struct data_dir dir = {.lock_fd = -1};
    struct loop *loop = NULL;
    struct why why = {{0}};
    int r = config_parse(&o, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_SUCCESS;
    if (r == 0 && log_setup(o.log_level, o.log_format) != 0)
        r = why_set(&why, ERR_USAGE, "--log is error, warn, info or debug; --log-format is text or json");
    if (r != 0) {
        fprintf(stderr, "lull coordinator: %s\n", why_text(&why, r));
        return 2;
    }
    secret_harden_process();
    raise_descriptor_limit();
    r = data_dir_open(&dir, o.data, "coordinator", &why);
    if (r == 0) r = loop_new(&loop);
    if (r == 0) r = coord_open(&c, loop, &o, dir.path, &why);
    if (r == 0) r = serve(&c, loop);
    if (r != 0) fprintf(stderr, "lull coordinator: %s\n", why_text(&why, r));
    uint32_t lost = coord_close(&c);
    if (lost) log_event(LOG_ERROR, "store", "rows_lost", LOG_COUNT("rows", lost));
    loop_free(loop);
    data_dir_close(&dir);
    return r == 0 && lost == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
