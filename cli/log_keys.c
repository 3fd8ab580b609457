/* cli/log_keys.c - keys of logs and witnesses, in files and on the command line. See log_cmd.h. */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"
#include "cli/log_cmd.h"

int log_key_make(const char *path, const char *name, uint8_t type, struct tlog_key *key, struct why *why) {
    uint8_t seed[32];
    char text[TLOG_SKEY_BYTES_MAX + 1];
    if (access(path, F_OK) == 0) return why_set(why, ERR_EXISTS, "%.250s is there already", path);
    randombytes_buf(seed, sizeof seed);
    int r = tlog_key_of(key, name, type, seed);
    if (r != 0) why_set(why, r, "a name has 1 to %d characters, no blanks and no plus: log.example/lull", TLOG_NAME_BYTES_MAX);
    if (r == 0) r = tlog_skey_text(text, key, seed);
    if (r == 0) {
        strcat(text, "\n");
        r = file_write(path, text, strlen(text), 0600, why);
    }
    mem_wipe(seed, sizeof seed);
    mem_wipe(text, sizeof text);
    return r;
}

int log_key_read(const char *path, uint8_t type, struct tlog_key *key, uint8_t seed[32], struct why *why) {
    struct buf b;
    int r = file_read_private(&b, path, TLOG_SKEY_BYTES_MAX, why);
    if (r != 0) return r;
    b.data[strcspn((char *)b.data, "\n")] = 0; /* file_read leaves a NUL behind the end */
    r = tlog_skey_read(key, seed, (char *)b.data);
    if (r == 0 && key->type != type) r = ERR_UNSUPPORTED;
    if (r != 0) why_set(why, r, "%.250s: no key of this kind", path);
    buf_release(&b);
    return r;
}

int log_trust_read(struct log_policy *out, const char *key, const struct opt_list *witness, uint32_t k, struct why *why) {
    struct tlog_key one;
    unsigned n = witness ? (unsigned)witness->count : 0;
    log_policy_strict(out);
    if (!key) return why_set(why, ERR_USAGE, "--key: the log's verifier key, as lull log init prints it");
    int r = tlog_vkey_read(&one, key);
    if (r != 0 || one.type != TLOG_SIG_ED25519) return why_set(why, ERR_USAGE, "--key: no verifier key of a log");
    memcpy(out->origin, one.name, strlen(one.name) + 1);
    memcpy(out->key, one.key, 32);
    for (unsigned i = 0; i < n; i++) {
        r = tlog_vkey_read(&one, witness->item[i]);
        if (r != 0 || one.type != TLOG_SIG_COSIGNATURE) return why_set(why, ERR_USAGE, "--witness: no verifier key of a witness");
        for (unsigned j = 0; j < i; j++)
            if (memcmp(out->witness[j], one.key, 32) == 0) return why_set(why, ERR_USAGE, "--witness: one key twice");
        memcpy(out->witness[out->witnesses++], one.key, 32);
    }
    if (k > n) return why_set(why, ERR_USAGE, "--k: %u of %u witnesses", k, n);
    out->k = k ? k : n;
    out->given = 1;
    return 0;
}
