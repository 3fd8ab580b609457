/* cli/cmd_attest_policy.c - `lull attest policy check|digest FILE`. Without FILE, of the built-in policy. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/opt.h"
#include "cli/attest.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "evidence/canonical_json.h"

/* The digest is that of the canonical form: whoever compares files, not digests, wants to know. */
static int is_canonical(const char *path) {
    struct buf b;
    int r = path ? attest_file(&b, path, EV_POLICY_BYTES_MAX, NULL) : 0;
    if (!path) return 1;
    if (r == 0) r = canonical_json_check(b.data, b.len, NULL);
    buf_release(&b);
    return r == 0;
}

static void say(const struct ev_policy *p, const char *path, int only_digest, int json) {
    char digest[65], classes[64];
    hex_encode(digest, p->digest, 32);
    ev_policy_classes(p, classes, sizeof classes);
    if (json)
        printf("{\"digest\":\"%s\",\"canonical\":%s,\"classes\":\"%s\",\"max_age\":%lld}\n", digest,
               is_canonical(path) ? "true" : "false", classes, (long long)p->max_age_s);
    else if (only_digest)
        printf("%s\n", digest);
    else
        printf("digest     %s\nclasses    %s\nmax_age    %lld\ncanonical  %s\n", digest, classes, (long long)p->max_age_s,
               is_canonical(path) ? "yes" : "no: the digest is that of the canonical form");
}

int attest_policy(int argc, char **argv) {
    int json = 0, unreadable = 0;
    const struct opt rows[] = {{"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0}, {0}};
    struct command_line line = {.command = "attest policy",
                                .arguments = "check|digest [FILE]",
                                .opts = rows,
                                .args_min = 1,
                                .args_max = 2,
                                .about = "Says whether a file is a policy, and its digest, which is that of its canonical form "
                                         "(RFC 8785); without FILE, of the\n"
                                         "built-in policy. Exit 0: it is one, 30: it is none, 2: it cannot be read."};
    struct why why = {{0}};
    struct ev_policy *own;
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    int digest = r == 0 && strcmp(line.args[0], "digest") == 0;
    if (r == 0 && !digest && strcmp(line.args[0], "check") != 0) r = why_set(&why, ERR_USAGE, "either check or digest");
    if (r != 0) {
        fprintf(stderr, "lull attest policy: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    const char *path = line.arg_count > 1 ? line.args[1] : NULL;
    const struct ev_policy *p = attest_policy_of(path, &own, &unreadable, &why);
    if (!p) {
        fprintf(stderr, "lull attest policy: %s\n", why.text);
        return unreadable ? EXIT_USAGE : EXIT_MALFORMED;
    }
    say(p, path, digest, json);
    ev_policy_free(own);
    int written = terminal_output_end("attest policy");
    return written;
}
