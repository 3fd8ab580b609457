/* cli/cmd_attest_collect.c - `lull attest collect --out FILE`: what this machine can show to another one: a TPM's quote of its boot, or, without a
 * TPM, what the program says of itself, which is class T0. It says which devices it has seen and not used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/opt.h"
#include "base/secret.h"
#include "cli/attest.h"
#include "cli/cli.h"
#include "cli/collect.h"
#include "platform/process.h"

#define TPM_DEVICE "/dev/tpmrm0"
enum { PATH_BYTES = 600 };

struct asked {
    const char *out, *tpm, *nonce, *attestation;
    int cbor, enclave;
};

/* ---- what is collected ---- */

static int read_nonce(uint8_t nonce[32], const char *text, struct why *why) {
    size_t n = 0;
    if (!text) {
        random_bytes(nonce, 32);
        return 0;
    }
    int r = attest_hex(nonce, 32, &n, "nonce", text, why);
    return r != 0 || n == 32 ? r : why_set(why, ERR_USAGE, "--nonce: takes 32 bytes");
}

/* A chip that the user has named must answer. One that is only there may be of no use to this user; then that is said, and T0 shown. */
static int collect(struct collected *c, const struct asked *a, const uint8_t nonce[32], struct why *why) {
    if (a->enclave) return collect_enclave(c, a->attestation, nonce, why);
    if (a->tpm) return collect_tpm(c, a->tpm, nonce, why);
    if (access(TPM_DEVICE, F_OK) == 0) {
        int r = collect_tpm(c, "device:" TPM_DEVICE, nonce, why);
        if (r == 0) return 0;
        printf("the TPM cannot be used: %s\n", why_text(why, r));
        *c = (struct collected){.has_keys = 0};
        buf_init(&c->envelope, 0);
        why->text[0] = 0;
    }
    return collect_software(c, why);
}

/* ---- what is written ---- */

static int write_keys(const struct collected *c, const char *path, struct why *why) {
    uint8_t bytes[KEYSTMT_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    keystmt_write(&w, &c->keys);
    return w.err ? w.err : file_write(path, w.p, w.len, 0644, why);
}

static int write_files(const struct collected *c, const struct asked *a, const char *keys, struct why *why) {
    struct buf json;
    buf_init(&json, 0);
    int r = c->has_keys ? write_keys(c, keys, why) : 0;
    if (r == 0 && !a->cbor) r = ev_envelope_as_json(&json, c->envelope.data, c->envelope.len);
    const struct buf *b = a->cbor ? &c->envelope : &json;
    if (r == 0) r = file_write(a->out, b->data, b->len, 0644, why);
    buf_release(&json);
    return r;
}

static void say(const struct collected *c, const struct asked *a, const char *keys, const uint8_t nonce[32]) {
    char hex[65];
    const char *path;
    hex_encode(hex, nonce, 32);
    printf("%s: class %s%s; who could still read a prompt: %s\n", a->out, ev_class_name(c->at_best),
           c->has_keys ? " at best" : ": nothing that another machine could check", ev_class_reach(c->at_best));
    if (c->has_keys) printf("%s: the key statement that it is bound to, made for this and used for nothing\n", keys);
    if (c->has_keys) printf("lull attest verify %s --keys %s --nonce %s\n", a->out, keys, hex);
    if (c->pair[0])
        printf("the TPM has answered a challenge of this machine's own: --activated %s, if you take its word\n", c->pair);
    for (size_t i = 0; collect_device(i, &path) != NULL; i++)
        if (c->at_best != EV_T1 || strcmp(path, TPM_DEVICE) != 0) printf("%s is here, and was not used\n", path);
    if (process_caveat()) printf("%s\n", process_caveat());
}

static int run(const struct asked *a, struct why *why) {
    static struct collected c;
    uint8_t nonce[32];
    char keys[PATH_BYTES];
    buf_init(&c.envelope, 0);
    int r = read_nonce(nonce, a->nonce, why);
    if (r == 0 && snprintf(keys, sizeof keys, "%s.keys", a->out) >= (int)sizeof keys)
        r = why_set(why, ERR_USAGE, "--out: path too long");
    if (r == 0) r = collect(&c, a, nonce, why);
    if (r == 0) r = write_files(&c, a, keys, why);
    if (r == 0) say(&c, a, keys, nonce);
    buf_release(&c.envelope);
    return r;
}

int attest_collect(int argc, char **argv) {
    static struct asked a;
    const struct opt rows[] = {
        {"out", OPT_TEXT, &a.out, "FILE", "the envelope to write; with a TPM or a Secure Enclave also FILE.keys", 0, 0},
        {"nonce", OPT_TEXT, &a.nonce, "HEX", "the verifier's, 32 bytes (random)", 0, 0},
        {"tpm", OPT_TEXT, &a.tpm, "TCTI", "the TPM 2.0 to ask, as tss2 names it (device:" TPM_DEVICE ", where there is one)", 0,
         0},
        {"enclave", OPT_FLAG, &a.enclave, NULL, "ask the Secure Enclave of a Mac; never yet run on hardware", 0, 0},
        {"attestation", OPT_TEXT, &a.attestation, "FILE",
         "with --enclave: Apple's certificates for this machine, or label:NAME, theirs in the keychain", 0, 0},
        {"cbor", OPT_FLAG, &a.cbor, NULL, "as it goes over the wire; else JSON", 0, 0},
        {0}};
    struct command_line line = {.command = "attest collect",
                                .arguments = "--out FILE",
                                .opts = rows,
                                .args_min = 0,
                                .args_max = 0,
                                .about = "Writes an envelope with what this machine can show. It is bound to keys that are made "
                                         "for it: it shows the machine, and\n"
                                         "nothing is sealed to it. lull attest verify says what it is worth."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && !a.out) r = why_set(&why, ERR_USAGE, "--out: names the file to write");
    if (r == 0 && a.enclave && a.tpm) r = why_set(&why, ERR_USAGE, "either --tpm or --enclave");
    if (r == 0 && a.attestation && !a.enclave) r = why_set(&why, ERR_USAGE, "--attestation goes with --enclave");
    if (r == 0) r = run(&a, &why);
    if (r == 0) return EXIT_OK;
    fprintf(stderr, "lull attest collect: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
