/* cli/collect_software.c - what the program says of itself, and the keys of a node that does not exist. See collect.h. */
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "cli/attest.h"
#include "cli/collect.h"
#include "evidence/canonical_json.h"
#include "platform/process.h"
#include "seal/sign.h"

enum { PROGRAM_BYTES_MAX = 512 << 20, KEYS_FOR_S = 2 * 3600 };

static const struct {
    const char *path, *name;
} devices[] = {{"/dev/tpmrm0", "tpm"},
               {"/dev/sev-guest", "sev-snp"},
               {"/dev/tdx_guest", "tdx"},
               {"/dev/nsm", "aws-nitro"},
               {"/dev/nvidia0", "nvidia-gpu"}};

const char *collect_device(size_t i, const char **path) {
    for (size_t at = 0, seen = 0; at < sizeof devices / sizeof *devices; at++)
        if (access(devices[at].path, F_OK) == 0 && seen++ == i) {
            *path = devices[at].path;
            return devices[at].name;
        }
    return NULL;
}

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

static json_t *statement(void) {
    json_t *all = json_object(), *seen = json_array();
    const char *path, *name;
    struct utsname u;
    for (size_t i = 0; (name = collect_device(i, &path)) != NULL; i++) json_array_append_new(seen, json_string(name));
    json_object_set_new(all, "class", json_string("T0"));
    json_object_set_new(all, "devices_not_used", seen);
    json_object_set_new(all, "program_sha256", program_hash());
    json_object_set_new(all, "program_version", json_string(LULL_VERSION));
    json_object_set_new(all, "time", json_integer((json_int_t)clock_unix_s()));
    if (process_caveat()) json_object_set_new(all, "caveat", json_string(process_caveat()));
    if (uname(&u) == 0) {
        json_object_set_new(all, "kernel", attest_text(u.release));
        json_object_set_new(all, "machine", attest_text(u.machine));
    }
    return all;
}

int collect_software(struct collected *c, struct why *why) {
    struct buf text;
    json_t *all = statement();
    int r = canonical_json_of(&text, all, why);
    json_decref(all);
    if (r != 0) return r;
    c->at_best = EV_T0;
    r = ev_envelope_write(&c->envelope, &(struct ev_writing){.kind = EV_KIND_NONE, .software = {text.data, text.len}});
    buf_release(&text);
    return r;
}

static void public_key_of_nobody(uint8_t key[32]) {
    uint8_t seed[SIGN_SEED_BYTES], secret[SIGN_SECRET_BYTES];
    random_bytes(seed, sizeof seed);
    sign_keypair(key, secret, seed);
    mem_wipe(seed, sizeof seed);
    mem_wipe(secret, sizeof secret);
}

void collect_keys(struct collected *c, const uint8_t seal_x[32]) {
    uint64_t now = clock_unix_s();
    c->keys = (struct keystmt){
        .kem = HPKE_P256, .engine_id = "lull-" LULL_VERSION, .not_before = now - 60, .not_after = now + KEYS_FOR_S};
    public_key_of_nobody(c->keys.identity);
    public_key_of_nobody(c->keys.receipt_key);
    memcpy(c->keys.seal_key, seal_x, 32);
    c->has_keys = 1;
}
