/* evidence/tpm_policy_read.c - the section "tpm" of a policy. See tpm_policy.h. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/tpm_policy.h"

static int list_of_pcrs(const json_t *section, const char *key, uint32_t *out, struct why *why) {
    const json_t *list = json_object_get(section, key), *v;
    size_t i;
    *out = 0;
    if (!list) return 0;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return why_set(why, ERR_FORMAT, "policy: tpm: \"%s\" takes a list of PCRs", key);
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        int64_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 0 || n >= TPM_PCR_COUNT || *out >> n & 1)
            return why_set(why, ERR_FORMAT, "policy: tpm: \"%s\" takes PCRs, each once, 0 to %d", key, TPM_PCR_COUNT - 1);
        if (TPM_RESETTABLE >> n & 1)
            return why_set(why, ERR_FORMAT, "policy: tpm: \"%s\": any program can reset PCR %d, so it shows nothing", key,
                           (int)n);
        *out |= 1u << n;
    }
    return 0;
}

static int selection(const json_t *section, struct tpm_policy *p, struct why *why) {
    const char *bank = NULL;
    size_t n;
    uint32_t mask;
    enum json_got got = json_get_str(section, "pcr_bank", &bank, &n);
    int r = list_of_pcrs(section, "pcrs", &mask, why);
    if (r != 0) return r;
    if (got == JSON_ABSENT && !mask) return 0;
    uint16_t alg = got == JSON_OK && strlen(bank) == n ? tpm_hash_named(bank) : 0;
    if (!mask || (alg != TPM_ALG_SHA256 && alg != TPM_ALG_SHA384))
        return why_set(why, ERR_FORMAT, "policy: tpm: \"pcr_bank\" takes \"sha256\" or \"sha384\", beside \"pcrs\"");
    p->select_given = 1;
    p->select = tpm_selection_of(alg, mask);
    return 0;
}

static int one_value(struct tpm_policy *p, unsigned index, const json_t *v, struct why *why) {
    const char *text = json_string_value(v);
    size_t size = tpm_hash_size(p->select.bank[0].alg), n = text ? json_string_length(v) : 0;
    if (p->values == TPM_POLICY_VALUES_MAX)
        return why_set(why, ERR_FORMAT, "policy: tpm: over %d PCR values", TPM_POLICY_VALUES_MAX);
    struct tpm_policy_value *to = &p->value[p->values];
    if (n != 2 * size || strspn(text, "0123456789abcdef") != n || hex_decode(to->value, size, text, n) != 0)
        return why_set(why, ERR_FORMAT, "policy: tpm: a value of PCR %u takes %zu lower-case hex digits", index, 2 * size);
    to->index = (uint8_t)index;
    to->size = (uint8_t)size;
    p->values++;
    return 0;
}

static int values(const json_t *section, struct tpm_policy *p, struct why *why) {
    const json_t *all = json_object_get(section, "pcr_values");
    const char *key;
    json_t *list, *v;
    size_t i;
    int r = 0;
    if (!all) return 0;
    if (!json_is_object(all) || json_object_size(all) == 0)
        return why_set(why, ERR_FORMAT, "policy: tpm: \"pcr_values\" takes an object: {\"0\": [...]}");
    json_object_foreach((json_t *)(uintptr_t)all, key, list) {
        size_t n = strspn(key, "0123456789");
        unsigned index = n >= 1 && n <= 2 && !key[n] && !(n == 2 && key[0] == '0') ? (unsigned)atoi(key) : TPM_PCR_COUNT;
        if (index >= TPM_PCR_COUNT || !(p->select.bank[0].mask >> index & 1))
            return why_set(why, ERR_FORMAT, "policy: tpm: \"pcr_values\" names a PCR that \"pcrs\" does not: \"%.8s\"", key);
        if (!json_is_array(list) || json_array_size(list) == 0)
            return why_set(why, ERR_FORMAT, "policy: tpm: PCR %u takes a list of values", index);
        p->named |= 1u << index;
        json_array_foreach(list, i, v) if (r == 0) r = one_value(p, index, v, why);
    }
    return r;
}

static int boot(const json_t *section, struct tpm_policy *p, struct why *why) {
    int r = list_of_pcrs(section, "boot_pcrs", &p->boot, why);
    if (r == 0 && (p->boot & ~p->select.bank[0].mask || p->boot >> TPM_PCR_IMA & 1))
        return why_set(why, ERR_FORMAT, "policy: tpm: \"boot_pcrs\" takes PCRs of \"pcrs\", and not %d", TPM_PCR_IMA);
    return r;
}

int tpm_policy_read(const json_t *section, struct tpm_policy *p, struct why *why) {
    static const char *const names[] = {"pcr_bank", "pcrs",       "pcr_values",        "boot_pcrs",      "firmware", "eks",
                                        "ek_roots", "activators", "activators_needed", "activation_age", NULL};
    tpm_policy_strict(p);
    int r = ev_policy_known(section, names, "tpm", why);
    if (r == 0) r = selection(section, p, why);
    if (r == 0) r = values(section, p, why);
    if (r == 0) r = boot(section, p, why);
    if (r == 0) r = ev_digests_read(&p->firmware, section, "firmware", 8, why);
    if (r == 0) r = ev_digests_read(&p->eks, section, "eks", 32, why);
    if (r == 0) r = ev_digests_read(&p->ek_roots, section, "ek_roots", 32, why);
    if (r == 0) r = ev_digests_read(&p->activators, section, "activators", 32, why);
    if (r == 0) r = ev_policy_int(section, "activators_needed", 1, TPM_ACTIVATORS_MAX, &p->activators_needed, why);
    if (r == 0) r = ev_policy_int(section, "activation_age", 1, 366 * 86400, &p->activation_age_s, why);
    if (r == 0 && p->activators.given && p->activators.count < p->activators_needed)
        r = why_set(why, ERR_FORMAT, "policy: tpm: \"activators_needed\" is more than there are activators");
    return r;
}
