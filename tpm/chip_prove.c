/* tpm/chip_prove.c - what the chip says about itself and its keys, and the seal key's use. See chip.h. */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "base/mem.h"
#include "tpm/chip_parts.h"

static const TPMT_SIG_SCHEME as_the_key_says = {.scheme = TPM2_ALG_NULL};

static TPM2B_DATA data_of(const uint8_t extra[CHIP_DIGEST]) {
    TPM2B_DATA d = {.size = CHIP_DIGEST};
    memcpy(d.buffer, extra, CHIP_DIGEST);
    return d;
}

/* Writes both down and frees them. */
static int write_signed(TPM2B_ATTEST *a, TPMT_SIGNATURE *s, struct chip_blob *attest, struct chip_blob *signature,
                        struct why *why) {
    size_t n = 0;
    memcpy(attest->p, a->attestationData, a->size);
    attest->n = a->size;
    int r = chip_error(why, Tss2_MU_TPMT_SIGNATURE_Marshal(s, signature->p, sizeof signature->p, &n), "a signature's form");
    signature->n = n;
    return r;
}

int chip_quote(struct chip *c, uint32_t pcrs, const uint8_t extra[CHIP_DIGEST], struct chip_blob *attest,
               struct chip_blob *signature, struct why *why) {
    TPML_PCR_SELECTION which = chip_selection(pcrs);
    TPM2B_DATA data = data_of(extra);
    TPM2B_ATTEST *a = NULL;
    TPMT_SIGNATURE *s = NULL;
    int r = chip_error(
        why, Esys_Quote(c->esys, c->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, &as_the_key_says, &which, &a, &s),
        "a quote");
    if (r == 0) r = write_signed(a, s, attest, signature, why);
    Esys_Free(a);
    Esys_Free(s);
    return r;
}

int chip_certify_seal(struct chip *c, const uint8_t extra[CHIP_DIGEST], struct chip_blob *attest, struct chip_blob *signature,
                      struct why *why) {
    TPM2B_DATA data = data_of(extra);
    TPM2B_ATTEST *a = NULL;
    TPMT_SIGNATURE *s = NULL;
    int r = chip_error(why,
                       Esys_CertifyCreation(c->esys, c->ak, c->seal, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data,
                                            &c->creation_hash, &as_the_key_says, &c->creation_ticket, &a, &s),
                       "the seal key's birth");
    if (r == 0) r = write_signed(a, s, attest, signature, why);
    Esys_Free(a);
    Esys_Free(s);
    return r;
}

int chip_read_pcrs(struct chip *c, uint32_t pcrs, uint8_t values[CHIP_PCRS][CHIP_DIGEST], unsigned *count, struct why *why) {
    *count = 0;
    for (uint32_t i = 0; i < CHIP_PCRS; i++) { /* one by one: a chip gives at most eight at once, and may give fewer */
        if (!(pcrs >> i & 1)) continue;
        TPML_PCR_SELECTION one = chip_selection(1u << i);
        TPML_DIGEST *got = NULL;
        int r = chip_error(why, Esys_PCR_Read(c->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &one, NULL, NULL, &got),
                           "a register");
        if (r == 0 && (got->count != 1 || got->digests[0].size != CHIP_DIGEST))
            r = why_set(why, ERR_UNSUPPORTED, "TPM: register %u has no SHA-256 bank", i);
        if (r == 0) memcpy(values[(*count)++], got->digests[0].buffer, CHIP_DIGEST);
        Esys_Free(got);
        if (r != 0) return r;
    }
    return 0;
}

int chip_extend(struct chip *c, uint32_t pcr, const uint8_t digest[CHIP_DIGEST], struct why *why) {
    TPML_DIGEST_VALUES v = {.count = 1};
    if (pcr >= CHIP_PCRS) return why_set(why, ERR_RANGE, "registers are 0 to %d", CHIP_PCRS - 1);
    v.digests[0].hashAlg = TPM2_ALG_SHA256;
    memcpy(v.digests[0].digest.sha256, digest, CHIP_DIGEST);
    return chip_error(why, Esys_PCR_Extend(c->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &v),
                      "extending a register");
}

/* ---- activation ---- */

/* The EK's policy: who may use the endorsement hierarchy. */
static TSS2_RC ek_session(struct chip *c, ESYS_TR *session) {
    TSS2_RC rc = chip_session(c, TPM2_SE_POLICY, session);
    if (rc == TSS2_RC_SUCCESS)
        rc = Esys_PolicySecret(c->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
                               NULL, NULL, 0, NULL, NULL);
    return rc;
}

int chip_activate(struct chip *c, const uint8_t *id_object, size_t id_n, const uint8_t *encrypted, size_t encrypted_n,
                  uint8_t secret[CHIP_SECRET_MAX], size_t *secret_n, struct why *why) {
    TPM2B_ID_OBJECT id = {0};
    TPM2B_ENCRYPTED_SECRET enc = {0};
    TPM2B_DIGEST *got = NULL;
    ESYS_TR session = ESYS_TR_NONE;
    size_t id_at = 0, enc_at = 0;
    *secret_n = 0;
    if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(id_object, id_n, &id_at, &id) != TSS2_RC_SUCCESS || id_at != id_n ||
        Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(encrypted, encrypted_n, &enc_at, &enc) != TSS2_RC_SUCCESS ||
        enc_at != encrypted_n)
        return why_set(why, ERR_FORMAT, "TPM: a credential is an identity object and an encrypted secret");
    int r = chip_take_ek(c, why);
    if (r == 0) r = chip_error(why, ek_session(c, &session), "using the endorsement key");
    if (r == 0) {
        TSS2_RC rc = Esys_ActivateCredential(c->esys, c->ak, c->ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &id, &enc, &got);
        r = chip_error(why, rc, "activating a credential");
    }
    if (r == 0 && got->size > CHIP_SECRET_MAX)
        r = why_set(why, ERR_LIMIT, "TPM: the credential's secret is over %d bytes", CHIP_SECRET_MAX);
    if (r == 0) {
        memcpy(secret, got->buffer, got->size);
        *secret_n = got->size;
    }
    if (got) mem_wipe(got, sizeof *got);
    Esys_Free(got);
    chip_flush(c, &session);
    int back = chip_take_seal(c, r == 0 ? why : NULL);
    return r != 0 ? r : back;
}

/* ---- use ---- */

int chip_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]) {
    struct chip *c = arg;
    TPM2B_ECC_POINT in = {.point = {.x = {.size = 32}, .y = {.size = 32}}}, *got = NULL;
    ESYS_TR session = ESYS_TR_NONE;
    memcpy(in.point.x.buffer, point + 1, 32);
    memcpy(in.point.y.buffer, point + 33, 32);
    int r = chip_take_seal(c, NULL); /* an activation may have left it out, if the chip failed just then */
    if (r != 0) return r;
    TSS2_RC rc = chip_session(c, TPM2_SE_POLICY, &session);
    if (rc == TSS2_RC_SUCCESS) rc = Esys_TRSess_SetAttributes(c->esys, session, TPMA_SESSION_ENCRYPT, 0xff);
    if (rc == TSS2_RC_SUCCESS) rc = chip_policy(c, session);
    if (rc == TSS2_RC_SUCCESS) rc = Esys_ECDH_ZGen(c->esys, c->seal, session, ESYS_TR_NONE, ESYS_TR_NONE, &in, &got);
    if (rc == TSS2_RC_SUCCESS) {
        const TPM2B_ECC_PARAMETER *x = &got->point.x;
        memset(out, 0, 32);
        if (x->size <= 32) memcpy(out + 32 - x->size, x->buffer, x->size); /* some chips leave out leading zeros */
        session = ESYS_TR_NONE;                                            /* used up */
    }
    if (got) mem_wipe(got, sizeof *got);
    Esys_Free(got);
    chip_flush(c, &session);
    return chip_error(NULL, rc, "opening with the seal key");
}
