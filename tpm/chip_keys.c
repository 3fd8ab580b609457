/* tpm/chip_keys.c - the keys of chip.h, and how their public parts are written down. */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "base/mem.h"
#include "base/secret.h"
#include "tpm/chip_parts.h"

enum { EK_CERTIFICATE_NV = 0x01c00002, PCR_DEBUG = 16, PCR_APPLICATION = 23, SEAL_TRIES = 64 };

/* ---- templates ---- */

/* PolicySecret(TPM_RH_ENDORSEMENT): TCG EK Credential Profile 2.4, B.3.3. */
static const BYTE ek_policy[32] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                   0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                   0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

static TPM2B_PUBLIC ek_template(void) {
    TPM2B_PUBLIC t = {.publicArea = {.type = TPM2_ALG_RSA,
                                     .nameAlg = TPM2_ALG_SHA256,
                                     .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                                         TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                                                         TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                                     .authPolicy = {.size = sizeof ek_policy},
                                     .parameters.rsaDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
                                                                            .keyBits = {.aes = 128},
                                                                            .mode = {.aes = TPM2_ALG_CFB}},
                                                              .scheme = {.scheme = TPM2_ALG_NULL},
                                                              .keyBits = 2048},
                                     .unique.rsa = {.size = 256}}};
    memcpy(t.publicArea.authPolicy.buffer, ek_policy, sizeof ek_policy);
    return t;
}

static TPM2B_PUBLIC p256_template(TPMA_OBJECT attributes, TPMT_SYM_DEF_OBJECT symmetric, TPMT_ECC_SCHEME scheme) {
    return (TPM2B_PUBLIC){
        .publicArea = {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = attributes | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN,
            .parameters.eccDetail = {
                .symmetric = symmetric, .scheme = scheme, .curveID = TPM2_ECC_NIST_P256, .kdf = {.scheme = TPM2_ALG_NULL}}}};
}
static const TPMT_SYM_DEF_OBJECT no_symmetric = {.algorithm = TPM2_ALG_NULL};
static const TPMT_ECC_SCHEME no_scheme = {.scheme = TPM2_ALG_NULL};

/* ---- writing down ---- */

static int write_public(struct chip_blob *out, const TPM2B_PUBLIC *p, struct why *why) {
    size_t n = 0;
    TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Marshal(&p->publicArea, out->p, sizeof out->p, &n);
    out->n = n;
    return chip_error(why, rc, "a public key's form");
}

/* ---- making ---- */

static int make_primary(struct chip *c, ESYS_TR hierarchy, const TPM2B_PUBLIC *template, ESYS_TR *key, TPM2B_PUBLIC **public_key,
                        struct why *why, const char *what) {
    const TPM2B_SENSITIVE_CREATE none = {0};
    const TPM2B_DATA no_data = {0};
    const TPML_PCR_SELECTION no_pcrs = {0};
    TSS2_RC rc = Esys_CreatePrimary(c->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &none, template, &no_data,
                                    &no_pcrs, key, public_key, NULL, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS) *key = ESYS_TR_NONE;
    return chip_error(why, rc, what);
}

/* A key under the SRK, not loaded yet, and how it was born. */
struct child {
    TPM2B_PRIVATE *private_key;
    TPM2B_PUBLIC *public_key;
    TPM2B_CREATION_DATA *creation;
    TPM2B_DIGEST *hash;
    TPMT_TK_CREATION *ticket;
};

static void child_release(struct child *k) {
    Esys_Free(k->private_key);
    Esys_Free(k->public_key);
    Esys_Free(k->creation);
    Esys_Free(k->hash);
    Esys_Free(k->ticket);
}

static TSS2_RC make_child(struct chip *c, const TPM2B_PUBLIC *template, const TPM2B_SENSITIVE_CREATE *sensitive,
                          struct child *k) {
    const TPM2B_DATA no_data = {0};
    TPML_PCR_SELECTION pcrs = chip_selection(c->boot_pcrs);
    ESYS_TR session = ESYS_TR_NONE;
    *k = (struct child){NULL};
    TSS2_RC rc = chip_session(c, TPM2_SE_HMAC, &session); /* the new key's auth value travels encrypted */
    if (rc == TSS2_RC_SUCCESS)
        rc = Esys_TRSess_SetAttributes(c->esys, session, TPMA_SESSION_DECRYPT | TPMA_SESSION_CONTINUESESSION, 0xff);
    if (rc == TSS2_RC_SUCCESS)
        rc = Esys_Create(c->esys, c->srk, session, ESYS_TR_NONE, ESYS_TR_NONE, sensitive, template, &no_data, &pcrs,
                         &k->private_key, &k->public_key, &k->creation, &k->hash, &k->ticket);
    chip_flush(c, &session);
    return rc;
}

static TSS2_RC load_child(struct chip *c, const TPM2B_PRIVATE *private_key, const TPM2B_PUBLIC *public_key, ESYS_TR *key) {
    TSS2_RC rc = Esys_Load(c->esys, c->srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, private_key, public_key, key);
    if (rc != TSS2_RC_SUCCESS) *key = ESYS_TR_NONE;
    return rc;
}

/* A chip that cannot save one makes it again each time. */
static void save_ek(struct chip *c) {
    if (Esys_ContextSave(c->esys, c->ek, &c->ek_saved) != TSS2_RC_SUCCESS) c->ek_saved = NULL;
}

static int make_ek(struct chip *c, struct why *why) {
    TPM2B_PUBLIC template = ek_template(), *public_key = NULL;
    int r = make_primary(c, ESYS_TR_RH_ENDORSEMENT, &template, &c->ek, &public_key, why, "the endorsement key");
    if (r == 0) r = write_public(&c->shown.ek, public_key, why);
    if (r == 0) save_ek(c);
    Esys_Free(public_key);
    return r;
}

/* What was saved does not outlive the chip's reset; then it is made again. */
int chip_take_ek(struct chip *c, struct why *why) {
    chip_flush(c, &c->seal);
    if (c->ek_saved) {
        if (Esys_ContextLoad(c->esys, c->ek_saved, &c->ek) == TSS2_RC_SUCCESS) return 0;
        c->ek = ESYS_TR_NONE;
        Esys_Free(c->ek_saved);
        c->ek_saved = NULL;
    }
    return make_ek(c, why);
}

static int make_srk(struct chip *c, struct why *why) {
    const TPMT_SYM_DEF_OBJECT aes = {.algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
    TPM2B_PUBLIC template = p256_template(
        TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT, aes, no_scheme);
    return make_primary(c, ESYS_TR_RH_OWNER, &template, &c->srk, NULL, why, "the storage key");
}

static int make_ak(struct chip *c, struct why *why) {
    const TPMT_ECC_SCHEME ecdsa = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256};
    const TPM2B_SENSITIVE_CREATE none = {0};
    TPM2B_PUBLIC template = p256_template(
        TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT, no_symmetric, ecdsa);
    struct child k;
    int r = chip_error(why, make_child(c, &template, &none, &k), "the attestation key");
    if (r == 0) r = chip_error(why, load_child(c, k.private_key, k.public_key, &c->ak), "loading the attestation key");
    if (r == 0) r = write_public(&c->shown.ak, k.public_key, why);
    child_release(&k);
    return r;
}

/* ---- the seal key ---- */

static int seal_policy(struct chip *c, TPM2B_DIGEST *out, struct why *why) {
    ESYS_TR session = ESYS_TR_NONE;
    TPM2B_DIGEST *digest = NULL;
    TSS2_RC rc = chip_session(c, TPM2_SE_TRIAL, &session);
    if (rc == TSS2_RC_SUCCESS) rc = chip_policy(c, session);
    if (rc == TSS2_RC_SUCCESS) rc = Esys_PolicyGetDigest(c->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest);
    if (rc == TSS2_RC_SUCCESS) *out = *digest;
    Esys_Free(digest);
    chip_flush(c, &session);
    return chip_error(why, rc, "the seal key's policy");
}

/* Of half of all points y is odd: those are thrown away (seal/p256.h). */
static int is_ours(const TPM2B_PUBLIC *p) {
    const TPMS_ECC_POINT *at = &p->publicArea.unique.ecc;
    return at->y.size > 0 && at->y.buffer[at->y.size - 1] % 2 == 0 && at->x.size <= 32;
}

static int keep_seal(struct chip *c, const struct child *k, struct why *why) {
    const TPM2B_ECC_PARAMETER *x = &k->public_key->publicArea.unique.ecc.x;
    size_t n = 0;
    c->seal_public = *k->public_key;
    c->seal_private = *k->private_key;
    c->creation_hash = *k->hash;
    c->creation_ticket = *k->ticket;
    memset(c->shown.seal_x, 0, sizeof c->shown.seal_x);
    memcpy(c->shown.seal_x + 32 - x->size, x->buffer, x->size);
    int r = write_public(&c->shown.seal, k->public_key, why);
    if (r == 0)
        r = chip_error(why,
                       Tss2_MU_TPMS_CREATION_DATA_Marshal(&k->creation->creationData, c->shown.creation.p, CHIP_BLOB_MAX, &n),
                       "the creation data's form");
    c->shown.creation.n = n;
    return r;
}

/* One try. 1: it is ours. */
static int try_seal(struct chip *c, const TPM2B_PUBLIC *template, const TPM2B_SENSITIVE_CREATE *sensitive, struct why *why) {
    struct child k;
    int r = chip_error(why, make_child(c, template, sensitive, &k), "the seal key");
    if (r == 0 && is_ours(k.public_key)) {
        r = keep_seal(c, &k, why);
        if (r == 0) r = 1;
    }
    child_release(&k);
    return r;
}

int chip_take_seal(struct chip *c, struct why *why) {
    TPM2B_AUTH auth = {.size = CHIP_AUTH_BYTES};
    chip_flush(c, &c->ek);
    if (c->seal != ESYS_TR_NONE) return 0;
    memcpy(auth.buffer, c->auth, CHIP_AUTH_BYTES);
    int r = chip_error(why, load_child(c, &c->seal_private, &c->seal_public, &c->seal), "loading the seal key");
    if (r == 0) r = chip_error(why, Esys_TR_SetAuth(c->esys, c->seal, &auth), "the seal key's auth value");
    mem_wipe(&auth, sizeof auth);
    return r;
}

static int make_seal(struct chip *c, struct why *why) {
    const TPMT_ECC_SCHEME ecdh = {.scheme = TPM2_ALG_ECDH, .details.ecdh.hashAlg = TPM2_ALG_SHA256};
    TPM2B_PUBLIC template = p256_template(TPMA_OBJECT_DECRYPT, no_symmetric, ecdh);
    TPM2B_SENSITIVE_CREATE sensitive = {.sensitive.userAuth.size = CHIP_AUTH_BYTES};
    random_bytes(c->auth, CHIP_AUTH_BYTES);
    memcpy(sensitive.sensitive.userAuth.buffer, c->auth, CHIP_AUTH_BYTES);
    int r = seal_policy(c, &template.publicArea.authPolicy, why);
    for (int i = 0; i < SEAL_TRIES && r == 0; i++) r = try_seal(c, &template, &sensitive, why);
    if (r == 0) r = why_set(why, ERR_IO, "TPM: no key with an even y in %d tries", SEAL_TRIES);
    mem_wipe(&sensitive, sizeof sensitive);
    return r == 1 ? chip_take_seal(c, why) : r;
}

/* ---- the EK's certificate ---- */

/* An absent one is no error: not every chip has it here. */
static void read_certificate(struct chip *c) {
    ESYS_TR nv = ESYS_TR_NONE;
    TPM2B_NV_PUBLIC *info = NULL;
    struct chip_blob *out = &c->shown.ek_certificate;
    out->n = 0;
    if (Esys_TR_FromTPMPublic(c->esys, EK_CERTIFICATE_NV, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv) != TSS2_RC_SUCCESS)
        return;
    TSS2_RC rc = Esys_NV_ReadPublic(c->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info, NULL);
    size_t all = rc == TSS2_RC_SUCCESS ? info->nvPublic.dataSize : 0;
    for (size_t at = 0; at < all && all <= sizeof out->p && rc == TSS2_RC_SUCCESS;) {
        TPM2B_MAX_NV_BUFFER *part = NULL;
        UINT16 n = all - at < 512 ? (UINT16)(all - at) : 512;
        rc = Esys_NV_Read(c->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, n, (UINT16)at, &part);
        if (rc == TSS2_RC_SUCCESS && part->size == n) memcpy(out->p + at, part->buffer, n);
        at += n;
        Esys_Free(part);
    }
    if (rc == TSS2_RC_SUCCESS && all <= sizeof out->p) out->n = all;
    Esys_Free(info);
    (void)Esys_TR_Close(c->esys, &nv);
}

int chip_make_keys(struct chip *c, uint32_t boot_pcrs, struct why *why) {
    if (boot_pcrs == 0 || boot_pcrs >> CHIP_PCRS || boot_pcrs & (1u << PCR_DEBUG | 1u << PCR_APPLICATION))
        return why_set(why, ERR_RANGE, "registers 0 to 22 can hold a boot, but not 16");
    c->boot_pcrs = boot_pcrs;
    int r = chip_take_ek(c, why);
    chip_flush(c, &c->ek);
    if (r == 0) r = make_srk(c, why);
    if (r == 0) r = make_ak(c, why);
    if (r == 0) r = make_seal(c, why);
    if (r == 0) read_certificate(c);
    return r;
}
