/* tests/unit/gateway/shown_tpm.h - evidence of a node with a TPM: the whole form, with keys, certificates and activators of the test's own. */
#ifndef TESTS_GATEWAY_SHOWN_TPM_H
#define TESTS_GATEWAY_SHOWN_TPM_H

#include "evidence/ev_envelope.h"
#include "gateway/gw_judge.h"
#include "tests/unit/evidence/tpm_scene.h"

static struct tpm_scene s;

/* Judges by the scene's roots instead of the pinned ones. */
static inline void by_scene(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated,
                            struct ev_report *out) {
    struct tpm_trust trust = scene_trust(&s);
    CHECK_INT(kind, EV_TPM_QUOTE);
    memset(out, 0, sizeof *out);
    tpm_member_verify_with(in, &trust, activated, out);
}

/* The policy names a value of each register of the mask; all from 0 to 10 are quoted. */
static inline void name_registers(uint32_t mask) {
    s.policy.select_given = 1;
    s.policy.select = s.values.select;
    s.policy.named = mask;
    s.policy.values = 0;
    for (unsigned i = 0; i <= TPM_PCR_IMA; i++) {
        if (!(mask >> i & 1)) continue;
        struct tpm_policy_value *v = &s.policy.value[s.policy.values++];
        *v = (struct tpm_policy_value){.index = (uint8_t)i, .size = 32};
        memcpy(v->value, s.values.value[i], 32);
    }
}

/* What the scene's TPM says of the key statement for the nonce, as an envelope; how long it is. named: 1, the policy names what may boot; else
 * which registers it names.
 * prefetched: the member that the nonce is of, or n 0. */
static inline size_t tpm_shows_for(uint8_t *out, size_t cap, const struct keystmt *keys, const uint8_t nonce[32], int named,
                                   struct ev_bytes prefetched) {
    static struct cmw c;
    static uint8_t space[16384];
    struct ev_bound bound = {.channel = 0};
    uint8_t b[EV_BINDING_BYTES];
    memcpy(bound.nonce, nonce, 32);
    keystmt_id(bound.key_hash, keys);
    ev_binding_long(b, &bound, EV_TPM_QUOTE, NULL, 0);
    ev_binding_short(s.nonce, b);
    memcpy(s.seal_nonce, s.nonce, 32);
    s.ak_n = scene_public(s.ak_public, sizeof s.ak_public, s.ak, s.ak_attributes, NULL, TPM_ALG_ECDSA, TPM_CURVE_P256, 0);
    s.pcr_mask = 0x7ff;
    s.seal_pcrs = 0x3ff;
    scene_quote(&s);
    if (named) name_registers(named == 1 ? TPM_PCRS_OF_BOOT : (uint32_t)named);
    scene_seal(&s);
    if (!s.ek.key) scene_certificates(&s);
    scene_statements(&s);
    scene_pack(&s);
    struct ev_part part = {.evidence = {s.member, s.member_n}, .certs = 1, .cert = {{s.ek.der, s.ek.n}}};
    struct writer m = writer_over(space, sizeof space);
    ev_envelope_put_member(&m, &part, 1);
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.label = "tpm", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {m.p, m.len}};
    strcpy(c.item[0].type, ev_envelope_media_type(EV_TPM_QUOTE));
    if (prefetched.n) {
        c.item[c.items] = (struct cmw_item){.label = "nonce", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = prefetched};
        strcpy(c.item[c.items++].type, EV_NONCE_MEDIA_TYPE);
    }
    struct writer w = writer_over(out, cap);
    cmw_write_cbor(&w, &c);
    CHECK_INT(m.err, 0);
    CHECK_INT(w.err, 0);
    return w.len;
}
static inline size_t tpm_shows(uint8_t *out, size_t cap, const struct keystmt *keys, const uint8_t nonce[32], int named) {
    return tpm_shows_for(out, cap, keys, nonce, named, (struct ev_bytes){NULL, 0});
}

#endif
