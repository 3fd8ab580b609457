/* evidence/sev_snp_policy.c - the section "sev_snp" of a policy. See sev_snp.h. */
#include <string.h>

#include "base/hash.h"
#include "evidence/sev_snp.h"

void snp_policy_strict(struct snp_policy *p) { *p = (struct snp_policy){.vmpl_max = 0}; }

/* ---- masks ---- */

static int read_bits(const json_t *obj, const char *key, uint64_t *out, struct why *why) {
    const json_t *list = json_object_get(obj, key);
    size_t n = json_array_size(list);
    if (!list) return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        int64_t bit = json_is_integer(v) ? json_integer_value(v) : -1;
        if (bit < 0 || bit > 63)
            n = 0;
        else
            *out |= UINT64_C(1) << bit;
    }
    return n ? 0 : why_set(why, ERR_FORMAT, "policy: \"%s\" takes a list of bits' numbers, 0 to 63", key);
}

static int read_masks(const json_t *section, const char *key, uint64_t *one, uint64_t *zero, struct why *why) {
    static const char *const names[] = {"must_be_one", "must_be_zero", NULL};
    const json_t *obj = json_object_get(section, key);
    if (!obj) return 0;
    int r = ev_policy_known(obj, names, key, why);
    if (r == 0) r = read_bits(obj, names[0], one, why);
    if (r == 0) r = read_bits(obj, names[1], zero, why);
    if (r == 0 && (*one & *zero)) r = why_set(why, ERR_FORMAT, "policy: \"%s\" asks for a bit to be one and zero", key);
    return r;
}

/* ---- floors ---- */

static int read_floor(const json_t *floors, enum snp_product product, struct snp_policy *p, struct why *why) {
    const struct snp_tcb_part *part = snp_tcb_parts(product);
    const char *names[SNP_TCB_BYTES + 1];
    const json_t *obj = json_object_get(floors, snp_product_name(product));
    size_t n = 0;
    if (!obj) return 0;
    for (int i = 0; i < SNP_TCB_BYTES; i++)
        if (part[i].name) names[n++] = part[i].name;
    names[n] = NULL;
    int r = ev_policy_known(obj, names, snp_product_name(product), why);
    if (r == 0 && json_object_size(obj) == 0)
        r = why_set(why, ERR_FORMAT, "policy: \"tcb_floor\" of \"%s\" says nothing", snp_product_name(product));
    for (int i = 0; i < SNP_TCB_BYTES && r == 0; i++) {
        int64_t v = 0;
        if (part[i].name) r = ev_policy_int(obj, part[i].name, 0, UINT8_MAX, &v, why);
        p->floor[product][i] = (uint8_t)v;
    }
    p->floor_given[product] = 1;
    return r;
}

static int read_floors(const json_t *section, struct snp_policy *p, struct why *why) {
    const char *names[SNP_PRODUCTS + 1] = {NULL};
    const json_t *floors = json_object_get(section, "tcb_floor");
    if (!floors) return 0;
    for (int i = 0; i < SNP_PRODUCTS; i++) names[i] = snp_product_name((enum snp_product)i);
    int r = ev_policy_known(floors, names, "tcb_floor", why);
    if (r == 0 && json_object_size(floors) == 0) r = why_set(why, ERR_FORMAT, "policy: \"tcb_floor\" names no product");
    for (int i = 0; i < SNP_PRODUCTS && r == 0; i++) r = read_floor(floors, (enum snp_product)i, p, why);
    return r;
}

/* ---- lists ---- */

/* A chip is written as its certificate and AMD's key server have it: Turin's 8 bytes, which CHIP_ID holds with zeros after them. */
static int read_chips(const json_t *section, struct snp_policy *p, struct why *why) {
    int r = ev_digests_read(&p->chips, section, "chips", 0, why);
    for (unsigned i = 0; i < p->chips.count && r == 0; i++) {
        if (p->chips.size[i] != 8 && p->chips.size[i] != SNP_CHIP_BYTES)
            r = why_set(why, ERR_FORMAT, "policy: \"chips\" takes ids of %d bytes, or Turin's of 8", SNP_CHIP_BYTES);
        p->chips.size[i] = SNP_CHIP_BYTES;
    }
    return r;
}

int snp_policy_read(const json_t *section, struct snp_policy *p, struct why *why) {
    static const char *const names[] = {"measurements", "host_data",     "chips",    "tcb_floor",
                                        "guest_policy", "platform_info", "vmpl_max", NULL};
    snp_policy_strict(p);
    int r = ev_policy_known(section, names, "sev_snp", why);
    if (r == 0) r = ev_digests_read(&p->measurements, section, "measurements", SNP_DIGEST_BYTES, why);
    if (r == 0) r = ev_digests_read(&p->host_data, section, "host_data", sizeof((struct snp_report *)0)->host_data, why);
    if (r == 0) r = read_chips(section, p, why);
    if (r == 0) r = read_floors(section, p, why);
    if (r == 0) r = read_masks(section, "guest_policy", &p->must_be_one, &p->must_be_zero, why);
    if (r == 0) r = read_masks(section, "platform_info", &p->platform_must_be_one, &p->platform_must_be_zero, why);
    if (r == 0) r = ev_policy_int(section, "vmpl_max", 0, 3, &p->vmpl_max, why);
    if (r == 0 && p->vmpl_max > 0 && !p->measurements.given)
        r = why_set(why, ERR_FORMAT, "policy: \"vmpl_max\" over 0 is taken only beside \"measurements\"");
    return r;
}
