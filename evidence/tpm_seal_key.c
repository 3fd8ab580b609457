/* evidence/tpm_seal_key.c - see tpm_seal_key.h. */
#include "evidence/tpm_seal_key.h"

#include <openssl/core_names.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/tpm_quote.h"
#include "evidence/vouched.h"

enum { SET = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN | TPM_DECRYPT };
enum { CLEAR = TPM_RESTRICTED | TPM_SIGN | TPM_USER_WITH_AUTH };

/* ---- the certification ---- */

static int read_whole(struct ev_bytes bytes, struct tpm_attest *out) {
    struct reader r = reader_over(bytes.p, bytes.n);
    int e = bytes.n > TPM_ATTEST_BYTES_MAX ? ERR_LIMIT : tpm_attest_read(&r, out);
    return e == 0 ? read_end(&r) : e;
}

static int signed_by(EVP_PKEY *ak, struct ev_bytes signature, struct ev_bytes message) {
    struct reader r = reader_over(signature.p, signature.n);
    struct tpm_signature sig;
    return tpm_signature_read(&r, &sig) == 0 && read_end(&r) == 0 && tpm_signature_check(ak, &sig, message) == 1;
}

static int bytes_are(struct ev_bytes a, const void *p, size_t n) { return a.n == n && memcmp(a.p, p, n) == 0; }

/* ---- the key ---- */

/* Its parent is of no matter: a key is fixed to its TPM only if all above it are, and the TPM sees to that. What it was made from is
 * certified by the hash. */
static const char *wrong_birth(const struct tpm_attest *a, const struct tpm_public *p, struct ev_bytes creation) {
    uint8_t name[TPM_NAME_BYTES], digest[32];
    struct tpm_creation c;
    if (tpm_name(p, name) != 0) return "its name is not made with SHA-256";
    if (!bytes_are(a->name, name, sizeof name)) return "the AK certified another key";
    if (tpm_creation_of(creation, &c) != 0) return "its creation data is malformed";
    sha256_of(digest, c.whole.p, c.whole.n);
    if (!bytes_are(a->creation_hash, digest, sizeof digest)) return "its creation data is another key's";
    return NULL;
}

static const char *wrong_kind(const struct tpm_public *p) {
    if ((p->attributes & SET) != SET) return "its attributes lack fixedTPM, fixedParent, sensitiveDataOrigin or decrypt";
    if (p->attributes & TPM_USER_WITH_AUTH) return "userWithAuth is set: its password alone would open it";
    if (p->attributes & CLEAR) return "it is restricted, or signs";
    if (p->type != TPM_ALG_ECC || p->curve != TPM_CURVE_P256) return "it is not on P-256";
    if (p->symmetric != TPM_ALG_NULL || p->kdf != TPM_ALG_NULL) return "it has a symmetric algorithm or a KDF of its own";
    if (p->scheme != TPM_ALG_NULL && p->scheme != TPM_ALG_ECDH) return "its scheme is not ECDH";
    return NULL;
}

static const char *wrong_point(const struct tpm_public *p, struct ev_bytes expected) {
    uint8_t point[65] = {0};
    size_t n = 0;
    EVP_PKEY *key = tpm_public_key(p);
    int good = key && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &n) == 1 &&
               n == 65;
    EVP_PKEY_free(key);
    if (!good) return "it is not on its curve";
    if (expected.n == 0) return NULL; /* noted as unchecked */
    if (expected.n == 32 && memcmp(expected.p, point + 1, 32) == 0) return NULL;
    return bytes_are(expected, point, sizeof point) ? NULL : "it is another key than the key statement's";
}

/* ---- its policy ---- */

struct tpm_selection tpm_seal_key_pcrs(const struct tpm_selection *quoted, const struct tpm_policy *policy) {
    uint32_t never = (uint32_t)TPM_RESETTABLE | 1u << TPM_PCR_IMA;
    if (quoted->banks == 0) return (struct tpm_selection){0};
    return tpm_selection_of(quoted->bank[0].alg, (policy->boot ? policy->boot : quoted->bank[0].mask) & ~never);
}

static const char *wrong_policy(const struct tpm_public *p, const struct tpm_pcrs *quoted, const struct tpm_policy *policy) {
    struct tpm_pcrs boot;
    uint8_t digest[32];
    if (!quoted) return "the values that its policy would follow from were not quoted";
    struct tpm_selection want = tpm_seal_key_pcrs(&quoted->select, policy);
    if (tpm_selection_count(&want) == 0) return "no PCR is quoted that a key could hold on to";
    if (tpm_pcrs_take(quoted, &want, &boot) != 0) return "a PCR that the policy wants it to hold on to is not quoted";
    if (tpm_policy_pcr_auth(&boot, digest) != 0) return "its policy cannot be computed";
    return bytes_are(p->auth_policy, digest, sizeof digest)
               ? NULL
               : "authPolicy is not PolicyPCR over the boot's PCRs, then PolicyAuthValue";
}

int tpm_seal_key_verify(struct ev_report *r, int vouched, const struct tpm_seal_key *k, EVP_PKEY *ak, struct ev_bytes nonce,
                        struct ev_bytes expected, const struct tpm_pcrs *quoted, const struct tpm_policy *policy) {
    struct tpm_attest a;
    struct tpm_public p;
    if (!tpm_attest_is(r, &a, read_whole(k->attest, &a), TPM_ST_CREATION)) return 0;
    int good = ev_check_vouched(r, vouched, "seal_key_signature", signed_by(ak, k->signature, a.whole), EV_INVALID,
                                "the seal key's certification is not by the AK");
    vouched = vouched && good;
    if (nonce.n == 0)
        ev_unchecked(r, "seal_key_nonce");
    else
        good &= ev_check_vouched(r, vouched, "seal_key_nonce", bytes_are(a.extra, nonce.p, nonce.n), EV_INVALID,
                                 "the seal key was certified for another binding value");
    if (tpm_public_of(k->public_area, &p) != 0)
        return ev_check_vouched(r, vouched, "seal_key", 0, EV_UNSUPPORTED,
                                "its public area is malformed, or of another kind of key");
    if (expected.n == 0) ev_unchecked(r, "seal_key_statement");
    const char *wrong = wrong_birth(&a, &p, k->creation);
    if (!wrong) wrong = wrong_kind(&p);
    if (!wrong) wrong = wrong_point(&p, expected);
    good &= ev_check_vouched(r, vouched, "seal_key", !wrong, EV_INVALID, "%s", wrong ? wrong : "");
    wrong = wrong_policy(&p, quoted, policy);
    return ev_check_vouched(r, vouched, "seal_key_policy", !wrong, EV_REFUSED, "%s", wrong ? wrong : "") && good && vouched;
}
