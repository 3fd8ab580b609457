/* evidence/tpm_container_json.c - see tpm_container_json.h. */
#include "evidence/tpm_container_json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* The decoder takes some bytes from 0x80 up for digits (base/base64.h). base64_read has two of the four spellings that are met here. */
static int in_alphabet(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!text[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=", text[i])) return 0;
    return 1;
}

int tpm_container_base64(struct tpm_container *c, const char *text, size_t n, struct ev_bytes *out) {
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                                   sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    uint8_t *to = c->scratch + c->scratch_used;
    size_t room = n / 4 * 3 + 3; /* always less than the text in the evidence that it was decoded from, but for the shortest */
    *out = (struct ev_bytes){0};
    if (n < 4 || !in_alphabet(text, n)) return ERR_FORMAT;
    if (room > n) room = n;
    for (int i = 0; i < 4; i++) {
        size_t made = 0;
        if (sodium_base642bin(to, room, text, n, NULL, &made, NULL, variants[i]) != 0) continue;
        *out = (struct ev_bytes){to, made};
        c->scratch_used += made;
        return 0;
    }
    return ERR_FORMAT;
}

static int all_hex(const char *s, size_t n) { return n > 0 && n % 2 == 0 && strspn(s, "0123456789abcdefABCDEF") == n; }

/* A text member in hexadecimal digits or base64. ERR_NOTFOUND: absent. hex 0: base64 only, as a certificate could look like digits. */
static int member(struct tpm_container *c, const json_t *obj, const char *key, int hex, struct ev_bytes *out) {
    const char *text;
    size_t n;
    enum json_got got = json_get_str(obj, key, &text, &n);
    *out = (struct ev_bytes){0};
    if (got == JSON_ABSENT) return ERR_NOTFOUND;
    if (got != JSON_OK || strlen(text) != n) return ERR_FORMAT;
    if (!hex || !all_hex(text, n)) return tpm_container_base64(c, text, n, out);
    uint8_t *to = c->scratch + c->scratch_used;
    c->scratch_used += n / 2;
    *out = (struct ev_bytes){to, n / 2};
    return hex_decode(to, n / 2, text, n);
}

static int one_value(struct tpm_container *c, const json_t *v, unsigned at) {
    const char *text = json_string_value(v);
    size_t n = text ? json_string_length(v) : 0;
    if (at >= TPM_PCRS_MAX || !text || strlen(text) != n || !all_hex(text, n) || n > 2 * TPM_DIGEST_MAX) return ERR_FORMAT;
    uint8_t *to = c->scratch + c->scratch_used;
    c->scratch_used += n / 2;
    c->value[at] = (struct ev_bytes){to, n / 2};
    return hex_decode(to, n / 2, text, n);
}

static int values_by_name(struct tpm_container *c, const json_t *pcrs) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)pcrs, key, v) {
        size_t n = strspn(key, "0123456789");
        if (n == 0 || n > 2 || key[n] || (n == 2 && key[0] == '0')) return ERR_FORMAT;
        unsigned at = (unsigned)atoi(key);
        if (at >= TPM_PCR_COUNT || one_value(c, v, at) != 0) return ERR_FORMAT;
        c->indexes |= 1u << at;
        c->values++;
    }
    c->by_index = 1;
    return 0;
}

static int values(struct tpm_container *c, const json_t *pcrs) {
    if (!pcrs || json_is_null(pcrs)) return 0;
    if (json_is_object(pcrs)) return values_by_name(c, pcrs);
    size_t n = json_array_size(pcrs);
    if (!json_is_array(pcrs) || n > TPM_PCRS_MAX) return ERR_FORMAT;
    for (size_t i = 0; i < n; i++)
        if (one_value(c, json_array_get(pcrs, i), (unsigned)i) != 0) return ERR_FORMAT;
    c->values = (unsigned)n;
    if (n == TPM_PCR_COUNT && tpm_selection_count(&c->attest.select) != n)
        c->by_index = 1, c->indexes = (1u << TPM_PCR_COUNT) - 1;
    return 0;
}

static int absent_or(int r) { return r == ERR_NOTFOUND ? 0 : r; }

static int read_object(struct tpm_container *c, const json_t *top, struct why *why) {
    const json_t *quote = json_object_get(top, "tpm_quote");
    struct ev_bytes message;
    if (!quote) quote = top;
    if (json_get_int(top, "version", 0, INT64_MAX, &c->version) == JSON_WRONG)
        return why_set(why, ERR_FORMAT, "\"version\" is not a number");
    if (member(c, quote, "message", 1, &message) != 0)
        return why_set(why, ERR_FORMAT, "no \"message\" in hexadecimal digits or base64");
    tpm_container_attest(c, message);
    if (absent_or(member(c, quote, "signature", 1, &c->rest)) != 0)
        return why_set(why, ERR_FORMAT, "\"signature\" is neither hexadecimal digits nor base64");
    if (values(c, json_object_get(quote, "pcrs")) != 0)
        return why_set(why, ERR_FORMAT, "\"pcrs\" is no list of digests in hexadecimal digits");
    if (absent_or(member(c, top, "ak_public", 0, &c->ak_public)) != 0 ||
        absent_or(member(c, top, "hcl_report", 0, &c->hcl_report)) != 0 || absent_or(member(c, top, "vcek", 0, &c->vcek)) != 0)
        return why_set(why, ERR_FORMAT, "\"ak_public\", \"hcl_report\" or \"vcek\" is not base64");
    return 0;
}

int tpm_container_json(struct ev_bytes in, struct tpm_container *c, struct why *why) {
    json_t *j = NULL;
    size_t pos = 0;
    if (json_parse(&j, in.p, in.n, &pos) != 0) return why_set(why, ERR_FORMAT, "not JSON at byte %zu", pos);
    int r = json_is_object(j) ? read_object(c, j, why) : why_set(why, ERR_FORMAT, "not an object");
    json_decref(j);
    return r;
}
