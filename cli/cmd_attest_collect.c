/* cli/cmd_attest_collect.c - `lull attest collect --out FILE`: what this machine can show. This build makes no quotes: it writes what the
 * program says of itself, which is class T0, and says which devices it has seen and not used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/opt.h"
#include "cli/attest.h"
#include "cli/cli.h"
#include "evidence/canonical_json.h"

enum { PROGRAM_BYTES_MAX = 512 << 20 };

static const struct {
    const char *path, *name;
} devices[] = {{"/dev/tpmrm0", "tpm"},
               {"/dev/sev-guest", "sev-snp"},
               {"/dev/tdx_guest", "tdx"},
               {"/dev/nsm", "aws-nitro"},
               {"/dev/nvidia0", "nvidia-gpu"}};

/* SHA-256 of the running program, or null when the system does not say. */
static json_t *program_hash(void) {
    struct file_map m = {0};
    uint8_t digest[32];
    char hex[65];
    if (file_map_open(&m, "/proc/self/exe", NULL) != 0) return json_null();
    if (m.size > PROGRAM_BYTES_MAX) {
        file_map_close(&m);
        return json_null();
    }
    sha256_of(digest, m.data, m.size);
    file_map_close(&m);
    hex_encode(hex, digest, 32);
    return json_string(hex);
}

static json_t *software(void) {
    json_t *all = json_object(), *seen = json_array();
    struct utsname u;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (access(devices[i].path, F_OK) == 0) json_array_append_new(seen, json_string(devices[i].name));
    json_object_set_new(all, "class", json_string("T0"));
    json_object_set_new(all, "devices_not_used", seen);
    json_object_set_new(all, "program_sha256", program_hash());
    json_object_set_new(all, "program_version", json_string(LULL_VERSION));
    json_object_set_new(all, "time", json_integer((json_int_t)clock_unix_s()));
    if (uname(&u) == 0) {
        json_object_set_new(all, "kernel", attest_text(u.release));
        json_object_set_new(all, "machine", attest_text(u.machine));
    }
    return all;
}

static int write_envelope(const char *path, int cbor, struct why *why) {
    static struct cmw c;
    struct buf statement, out;
    json_t *all = software();
    int r = canonical_json_of(&statement, all, why);
    json_decref(all);
    if (r != 0) return r;
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.label = "software",
                                  .type = EV_SOFTWARE_MEDIA_TYPE,
                                  .has_indicator = 1,
                                  .indicator = CMW_EVIDENCE,
                                  .value = {statement.data, statement.len}};
    if (cbor) {
        buf_init(&out, EV_ENVELOPE_BYTES_MAX);
        uint8_t *to = buf_room(&out, statement.len + 1024);
        struct writer w = writer_over(to, to ? statement.len + 1024 : 0);
        cmw_write_cbor(&w, &c);
        out.len = w.len;
        r = w.err;
    } else
        r = cmw_write_json(&out, &c);
    if (r == 0) r = file_write(path, out.data, out.len, 0644, why);
    buf_release(&out);
    buf_release(&statement);
    return r;
}

int attest_collect(int argc, char **argv) {
    const char *out = NULL;
    int cbor = 0;
    const struct opt rows[] = {{"out", OPT_TEXT, &out, "FILE", "the envelope to write", 0, 0},
                               {"cbor", OPT_FLAG, &cbor, NULL, "as it goes over the wire; else JSON", 0, 0},
                               {0}};
    struct command_line line = {.command = "attest collect",
                                .arguments = "--out FILE",
                                .opts = rows,
                                .args_min = 0,
                                .args_max = 0,
                                .about = "Writes an envelope with what this machine can show."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && !out) r = why_set(&why, ERR_USAGE, "--out: names the file to write");
    if (r == 0) r = write_envelope(out, cbor, &why);
    if (r != 0) {
        fprintf(stderr, "lull attest collect: %s\n", why_text(&why, r));
        return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
    }
    printf("%s: class T0: nothing that another machine could check; who could still read a prompt: %s\n", out,
           ev_class_reach(EV_T0));
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (access(devices[i].path, F_OK) == 0) printf("%s is here, and this command does not use it yet\n", devices[i].path);
    return EXIT_OK;
}
