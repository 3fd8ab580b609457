/* tests/e2e/e2e_attest_envelope.c - `lull attest verify FILE --record RECORD`: an envelope with real members that were made for somebody
 * else, and records that are good, over, changed, or name another envelope. No verdict may be better than what was shown. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "evidence/ev_envelope.h"
#include "tests/e2e/tap.h"
#include "tests/unit/seal/seal_fixture.h"

#define DATA "tests/data/evidence/"
#define AT   "--at 1800000000" /* FIX_NOW */
#define N    "--nonce 0707070707070707070707070707070707070707070707070707070707070707"
static char dir[64], out[1 << 16];

static int put(const char *name, const void *p, size_t n) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_write(path, p, n, 0600, NULL) == 0;
}

static struct cmw collection;
static uint8_t space[3][65536];
static void add_member(unsigned at, enum ev_kind kind, const char *file, const char *cert_file) {
    static struct buf evidence, cert;
    struct ev_part part = {.certs = cert_file != NULL};
    if (file_read(&evidence, file, 65536, NULL) != 0 || (cert_file && file_read(&cert, cert_file, 65536, NULL) != 0)) exit(99);
    part.evidence = (struct ev_bytes){evidence.data, evidence.len};
    part.cert[0] = (struct ev_bytes){cert.data, cert.len};
    struct writer w = writer_over(space[at], sizeof space[at]);
    ev_envelope_put_member(&w, &part, 1);
    buf_release(&evidence);
    if (cert_file) buf_release(&cert);
    struct cmw_item *it = &collection.item[at];
    snprintf(it->label, sizeof it->label, "%s", ev_slot_label(ev_slot_of(kind)));
    snprintf(it->type, sizeof it->type, "%s", ev_envelope_media_type(kind));
    it->value = (struct ev_bytes){w.p, w.len};
    it->has_indicator = 1;
    it->indicator = CMW_EVIDENCE;
    collection.items = at + 1;
}

/* The envelope's SHA-256 in digest. */
static int make_envelope(uint8_t digest[32]) {
    static uint8_t bytes[1 << 17];
    collection = (struct cmw){.form = CMW_COLLECTION, .collection_type = EV_ENVELOPE_TYPE};
    add_member(0, EV_AWS_NITRO, DATA "aws-nitro/nitro_attestation.cbor", NULL);
    struct writer w = writer_over(bytes, sizeof bytes);
    cmw_write_cbor(&w, &collection);
    sha256_of(digest, w.p, w.len);
    return w.err == 0 && put("envelope", w.p, w.len);
}

static int make_records(const uint8_t digest[32]) {
    static struct fix_node node;
    static uint8_t bytes[RECORD_BYTES_MAX];
    uint8_t other[32] = {1};
    int good = 1;
    fix_node(&node, 1);
    for (int i = 0; i < 4 && good; i++) {
        static const char *const names[] = {"record", "record-of-it", "record-of-another", "record-over"};
        memcpy(node.record.evidence_hash, i == 1 ? digest : other, i == 1 || i == 2 ? 32 : 0);
        if (i == 3)
            node.record.keys.not_before -= 7200, node.record.keys.not_after -= 7200, memset(node.record.evidence_hash, 0, 32);
        record_sign(&node.record, node.identity_secret);
        struct writer w = writer_over(bytes, sizeof bytes);
        record_write(&w, &node.record);
        good = w.err == 0 && put(names[i], w.p, w.len);
        if (i == 0) {
            bytes[w.len - 1] ^= 1;
            good = good && put("record-changed", w.p, w.len) && put("record-cut", w.p, w.len - 1);
            struct writer k = writer_over(bytes, sizeof bytes);
            keystmt_write(&k, &node.record.keys);
            good = good && put("keys", k.p, k.len);
        }
    }
    fix_node_done(&node);
    return good;
}

/* "name" or "member.name" of the factors that failed, each with a comma behind it. */
static void failed_list(const json_t *j, char *to, size_t cap) {
    const json_t *factors = json_object_get(j, "factors");
    size_t at = 0;
    to[0] = 0;
    for (size_t i = 0; i < json_array_size(factors); i++) {
        const json_t *f = json_array_get(factors, i);
        const char *member = json_string_value(json_object_get(f, "member"));
        if (!json_is_true(json_object_get(f, "ok")) && at < cap)
            at += (size_t)snprintf(to + at, cap - at, "%s%s%s,", member ? member : "", member ? "." : "",
                                   json_string_value(json_object_get(f, "name")));
    }
}

static void judged(const char *options, int status, const char *failed) {
    char cmd[1000], got[400];
    const char *bin = getenv("LULL_BIN");
    snprintf(cmd, sizeof cmd, "cd %s && HOME=%s $OLDPWD/%s attest verify envelope %s --json", dir, dir, bin ? bin : "build/lull",
             options);
    if (bin && bin[0] == '/')
        snprintf(cmd, sizeof cmd, "cd %s && HOME=%s %s attest verify envelope %s --json", dir, dir, bin, options);
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(out, 1, sizeof out - 1, p) : 0;
    out[n] = 0;
    int s = p ? pclose(p) : -1;
    json_t *j = json_loads(out, 0, NULL);
    const char *class = json_string_value(json_object_get(j, "class"));
    failed_list(j, got, sizeof got);
    int good = WIFEXITED(s) && WEXITSTATUS(s) == status && strcmp(got, failed) == 0 && class && strcmp(class, "none") == 0;
    tap_ok(good, "%.100s: exit %d, %s%s%.900s", options, status, failed, good ? "" : " but got ", good ? "" : out);
    json_decref(j);
}

int main(void) {
    uint8_t digest[32];
    if (secret_setup() != 0) return 99;
    snprintf(dir, sizeof dir, "/tmp/lull-attest-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    tap_ok(make_envelope(digest) && make_records(digest), "an envelope and records are written");
    /* the document is real and over by then: made for another's nonce all the same */
    judged("--record record " N " " AT, 10, "cpu,cpu.dates,cpu.nonce,");
    judged("--keys keys " N " " AT, 10, "cpu,cpu.dates,cpu.nonce,");
    judged("--record record " N " --tls " AT, 10, "channel,cpu,cpu.dates,");
    judged("--record record " N
           " --tls --channel 1 --exporter 0909090909090909090909090909090909090909090909090909090909090909 " AT,
           10, "cpu,cpu.dates,cpu.nonce,");
    judged("--record record " N " --channel 1 " AT, 10, "channel,cpu,cpu.dates,");
    judged(N " " AT, 10, "key_statement,cpu,cpu.dates,");
    judged("--record record " AT, 10, "nonce,cpu,cpu.dates,");
    judged("--record record-of-it " AT, 10, "nonce,cpu,cpu.dates,");
    judged("--record record-of-another " AT, 10, "nonce,cpu,evidence_hash,cpu.dates,");
    judged("--record record-of-another " N " " AT, 10, "cpu,cpu.dates,cpu.nonce,");
    judged("--record record-changed " N " " AT, 10, "key_statement,cpu,record,cpu.dates,");
    judged("--record record-over " N " " AT, 10, "key_statement,cpu,record,cpu.dates,");
    judged("--record record-cut " N " " AT, 30, "key_statement,cpu,record,cpu.dates,");
    judged("--keys record " N " " AT, 30, "key_statement,cpu,keys,cpu.dates,");
    judged(N " --at 1766678700", 20, "key_statement,"); /* in date: genuine, and bound to nobody */
    tap_ok(put("no-proof", "{}", 2) && put("empty", "", 0), "two files that prove no release");
    judged("--record record " N " --release no-proof " AT, 30, "cpu,release,cpu.dates,cpu.nonce,release.proof_form,");
    judged("--record record " N " --release empty " AT, 30, "release,");
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    tap_ok(system(cmd) == 0, "cleaned up");
    return tap_done();
}
