/* evidence/ima_policy.c - see ima_policy.h. */
#include "evidence/ima_policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void ima_policy_strict(struct ima_policy *p) {
    p->given = 0;
    p->count = 0;
}

static int ascending(const void *a, const void *b) { return memcmp(a, b, 32); }

int ima_policy_read(const json_t *section, struct ima_policy *p, struct why *why) {
    size_t n = json_array_size(section);
    if (!json_is_array(section) || n == 0 || n > IMA_POLICY_MAX)
        return why_set(why, ERR_FORMAT, "policy: \"ima\" takes a list of 1 to %d digests", IMA_POLICY_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(section, i);
        const char *hex = json_string_value(v);
        if (!hex || json_string_length(v) != 64 || strspn(hex, "0123456789abcdef") != 64 ||
            hex_decode(p->digest[i], 32, hex, 64) != 0)
            return why_set(why, ERR_FORMAT, "policy: \"ima\" takes lower-case hex of 32 bytes");
    }
    qsort(p->digest, n, sizeof p->digest[0], ascending);
    p->count = (unsigned)n;
    p->given = 1;
    return 0;
}

struct ima_sorted ima_policy_sorted(const struct ima_policy *p) {
    return (struct ima_sorted){p->digest[0], p->count, 32};
}
