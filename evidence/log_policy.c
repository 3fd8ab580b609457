/* evidence/log_policy.c - see log_policy.h. */
#include "evidence/log_policy.h"

#include <string.h>

#include "base/hash.h"
#include "evidence/policy_parts.h"
#include "evidence/tlog_note.h"

void log_policy_strict(struct log_policy *p) { *p = (struct log_policy){.given = 0}; }

/* The first line of a checkpoint: printable ASCII without blanks at its ends, as C2SP's tlog-checkpoint has it. */
static int read_origin(const json_t *section, struct log_policy *p, struct why *why) {
    const json_t *v = json_object_get(section, "origin");
    const char *text = json_string_value(v);
    size_t n = text ? json_string_length(v) : 0;
    int good = n > 0 && n <= EV_ORIGIN_BYTES_MAX;
    for (size_t i = 0; i < n && good; i++) good = text[i] > 0x20 && text[i] < 0x7f;
    if (!good)
        return why_set(why, ERR_FORMAT, "policy: \"log\" needs \"origin\", 1 to %d printable characters without blanks",
                       EV_ORIGIN_BYTES_MAX);
    memcpy(p->origin, text, n + 1);
    return 0;
}

/* The bare key in 64 digits, or the verifier key that `lull log` prints, of that type. name: whose it must be then; NULL: anybody's. */
static int read_one_key(const json_t *v, uint8_t type, const char *name, uint8_t key[32]) {
    const char *text = json_string_value(v);
    struct tlog_key k;
    if (!text || strlen(text) != json_string_length(v)) return 0;
    if (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64) return hex_decode(key, 32, text, 64) == 0;
    if (tlog_vkey_read(&k, text) != 0 || k.type != type || (name && strcmp(k.name, name) != 0)) return 0;
    memcpy(key, k.key, 32);
    return 1;
}

static int read_witnesses(const json_t *section, struct log_policy *p, struct why *why) {
    const json_t *list = json_object_get(section, "witnesses");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n < 1 || n > EV_WITNESSES_MAX)
        return why_set(why, ERR_FORMAT, "policy: \"log\" needs \"witnesses\", 1 to %d keys", EV_WITNESSES_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!read_one_key(json_array_get(list, i), TLOG_SIG_COSIGNATURE, NULL, p->witness[i]))
            return why_set(
                why, ERR_FORMAT,
                "policy: \"witnesses\" has something that is no witness's key: 64 lower-case hexadecimal digits, or what lull "
                "log witness --new prints");
        for (size_t k = 0; k < i; k++)
            if (memcmp(p->witness[i], p->witness[k], 32) == 0)
                return why_set(why, ERR_FORMAT, "policy: \"witnesses\" has one key twice");
    }
    p->witnesses = (unsigned)n;
    return 0;
}

static int read_key(const json_t *section, struct log_policy *p, struct why *why) {
    if (read_one_key(json_object_get(section, "key"), TLOG_SIG_ED25519, p->origin, p->key)) return 0;
    return why_set(
        why, ERR_FORMAT,
        "policy: \"log\" needs \"key\": 64 lower-case hexadecimal digits, or what lull log init prints for that origin");
}

static int read_release(const json_t *section, struct log_policy *p, struct why *why) {
    const json_t *v = json_object_get(section, "release");
    const char *text = json_string_value(v);
    p->release_required = v != NULL;
    return !v || (text && strcmp(text, "required") == 0) ? 0 : why_set(why, ERR_FORMAT, "policy: \"release\" takes \"required\"");
}

int log_policy_read(const json_t *section, struct log_policy *p, struct why *why) {
    static const char *const known[] = {"origin", "key", "witnesses", "k", "release", NULL};
    int64_t k = 0;
    log_policy_strict(p);
    int r = ev_policy_known(section, known, "log", why);
    if (r == 0) r = read_origin(section, p, why);
    if (r == 0) r = read_key(section, p, why);
    if (r == 0) r = read_witnesses(section, p, why);
    if (r == 0) r = ev_policy_int(section, "k", 1, p->witnesses, &k, why);
    if (r == 0 && k == 0) r = why_set(why, ERR_FORMAT, "policy: \"log\" needs \"k\", how many of the witnesses it takes");
    if (r == 0) r = read_release(section, p, why);
    p->k = (unsigned)k;
    p->given = r == 0;
    return r;
}
