/* tpm: keys and proofs of a chip, against a software TPM; and what no longer works once a register has changed, or without the key's auth
 * value. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

#include "base/hash.h"
#include "tests/check.h"
#include "tests/swtpm.h"
#include "tpm/chip_parts.h"

enum { BOOT = 0xff /* registers 0 to 7 */, WAIT_MS = 10000 };
static struct swtpm s;
static struct chip *c;

/* A fresh chip with keys, or a skip. */
static void set_up(void) {
    struct why why = {{0}};
    int r = swtpm_start(&s);
    if (r == ERR_NOTFOUND) SKIP("swtpm is not installed");
    CHECK_INT(r, 0);
    for (int waited = 0; (r = chip_open(&c, s.tcti, &why)) != 0 && waited < WAIT_MS; waited += 50) usleep(50000);
    if (r == 0) r = chip_make_keys(c, BOOT, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
}
static void tear_down(void) {
    chip_close(c);
    c = NULL;
    swtpm_stop(&s);
}

/* ---- what is looked at ---- */

static TPMT_PUBLIC public_of(const struct chip_blob *b) {
    TPMT_PUBLIC p;
    size_t at = 0;
    CHECK_INT(Tss2_MU_TPMT_PUBLIC_Unmarshal(b->p, b->n, &at, &p), 0);
    CHECK_INT(at, b->n);
    return p;
}

/* The seal key's x with a software key of our own: both ends of ECDH. */
static int agrees(void) {
    /* RFC 5903's 8.1 initiator: a key pair whose numbers are published */
    static const char priv[] = "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
                      pub[] = "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59a"
                              "b1f45b33accf5f58389e0577b8990bb3";
    uint8_t point[65], from_chip[32], ours[32], secret[32];
    size_t n = 32;
    CHECK_INT(hex_decode(point, 65, pub, 130), 0);
    CHECK_INT(hex_decode(secret, 32, priv, 64), 0);
    int r = chip_ecdh(c, from_chip, point);
    if (r != 0) return r;
    TPMT_PUBLIC seal = public_of(&chip_public(c)->seal);
    uint8_t theirs[65] = {4};
    memcpy(theirs + 33 - seal.unique.ecc.x.size, seal.unique.ecc.x.buffer, seal.unique.ecc.x.size);
    memcpy(theirs + 65 - seal.unique.ecc.y.size, seal.unique.ecc.y.buffer, seal.unique.ecc.y.size);
    EVP_PKEY *peer = EVP_PKEY_new(), *own = NULL;
    OSSL_PARAM params[4];
    EVP_PKEY_CTX *k = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    uint8_t le[32];
    for (int i = 0; i < 32; i++) le[i] = secret[31 - i];
    params[0] = OSSL_PARAM_construct_utf8_string("group", (char[]){"P-256"}, 0);
    params[1] = OSSL_PARAM_construct_octet_string("pub", point, 65);
    params[2] = OSSL_PARAM_construct_BN("priv", le, 32);
    params[3] = OSSL_PARAM_construct_end();
    CHECK(EVP_PKEY_fromdata_init(k) == 1 && EVP_PKEY_fromdata(k, &own, EVP_PKEY_KEYPAIR, params) == 1);
    CHECK(EVP_PKEY_copy_parameters(peer, own) == 1 && EVP_PKEY_set1_encoded_public_key(peer, theirs, 65) == 1);
    EVP_PKEY_CTX *d = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    CHECK(EVP_PKEY_derive_init(d) == 1 && EVP_PKEY_derive_set_peer(d, peer) == 1 && EVP_PKEY_derive(d, ours, &n) == 1 && n == 32);
    EVP_PKEY_CTX_free(d);
    EVP_PKEY_CTX_free(k);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    CHECK_MEM(from_chip, ours, 32);
    return 0;
}

TEST(keys_have_the_attributes_that_a_verifier_asks_for) {
    set_up();
    const struct chip_public *p = chip_public(c);
    const TPMA_OBJECT born_here = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;
    TPMT_PUBLIC ak = public_of(&p->ak), seal = public_of(&p->seal), ek = public_of(&p->ek);
    CHECK((ak.objectAttributes & born_here) == born_here && (ak.objectAttributes & TPMA_OBJECT_RESTRICTED) &&
          (ak.objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) && !(ak.objectAttributes & TPMA_OBJECT_DECRYPT));
    CHECK((seal.objectAttributes & born_here) == born_here && !(seal.objectAttributes & TPMA_OBJECT_USERWITHAUTH) &&
          !(seal.objectAttributes & TPMA_OBJECT_RESTRICTED) && (seal.objectAttributes & TPMA_OBJECT_DECRYPT) &&
          seal.authPolicy.size == 32);
    CHECK(ek.type == TPM2_ALG_RSA && ek.parameters.rsaDetail.keyBits == 2048);
    CHECK(p->creation.n > 0);
    tear_down();
}

TEST(the_certificate_in_the_chip_is_of_the_key_that_the_template_gives) {
    set_up();
    const struct chip_public *p = chip_public(c);
    const unsigned char *at = p->ek_certificate.p;
    X509 *x = d2i_X509(NULL, &at, (long)p->ek_certificate.n);
    CHECK(x != NULL);
    BIGNUM *n = NULL;
    uint8_t modulus[256];
    TPMT_PUBLIC ek = public_of(&p->ek);
    CHECK(EVP_PKEY_get_bn_param(X509_get0_pubkey(x), "n", &n) == 1 && BN_bn2binpad(n, modulus, 256) == 256);
    CHECK_INT(ek.unique.rsa.size, 256);
    CHECK_MEM(modulus, ek.unique.rsa.buffer, 256);
    BN_free(n);
    X509_free(x);
    tear_down();
}

TEST(the_seal_key_agrees_until_a_register_changes) {
    struct why why;
    uint8_t digest[32] = {7}, point[65] = {4}, out[32];
    set_up();
    for (int i = 0; i < 3; i++) CHECK_INT(agrees(), 0);
    CHECK_INT(chip_ecdh(c, out, point), ERR_AUTH);  /* (0, 0) is no point */
    CHECK_INT(chip_extend(c, 10, digest, &why), 0); /* of the running system: not in the policy */
    CHECK_INT(agrees(), 0);
    CHECK_INT(chip_extend(c, 7, digest, &why), 0);
    CHECK_INT(agrees(), ERR_PERM);
    tear_down();
}

TEST(without_the_keys_auth_value_root_cannot_use_it) {
    const TPM2B_AUTH none = {.size = 0};
    TPM2B_AUTH guess = {.size = 32};
    set_up();
    CHECK_INT(agrees(), 0);
    CHECK_INT(Esys_TR_SetAuth(c->esys, c->seal, &none), 0); /* as another process would find it */
    CHECK_INT(agrees(), ERR_PERM);
    CHECK_INT(Esys_TR_SetAuth(c->esys, c->seal, &guess), 0);
    CHECK_INT(agrees(), ERR_PERM);
    TPM2B_AUTH right = {.size = CHIP_AUTH_BYTES};
    memcpy(right.buffer, c->auth, CHIP_AUTH_BYTES);
    CHECK_INT(Esys_TR_SetAuth(c->esys, c->seal, &right), 0);
    CHECK_INT(agrees(), 0);
    tear_down();
}

TEST(seal_keys_are_new_at_every_start) {
    uint8_t first[32];
    struct why why;
    set_up();
    memcpy(first, chip_public(c)->seal_x, 32);
    chip_close(c);
    CHECK_INT(chip_open(&c, s.tcti, &why), 0);
    CHECK_INT(chip_make_keys(c, BOOT, &why), 0);
    CHECK(memcmp(first, chip_public(c)->seal_x, 32) != 0);
    CHECK_INT(agrees(), 0);
    tear_down();
}

TEST(registers_that_anybody_resets_hold_no_boot) {
    struct why why;
    set_up();
    CHECK_INT(chip_make_keys(c, 1u << 16, &why), ERR_RANGE);
    CHECK_INT(chip_make_keys(c, 0xff | 1u << 23, &why), ERR_RANGE);
    CHECK_INT(chip_make_keys(c, 0, &why), ERR_RANGE);
    tear_down();
}

/* ---- proofs ---- */

static int ak_signed(const struct chip_blob *attest, const struct chip_blob *signature) {
    TPMT_PUBLIC ak = public_of(&chip_public(c)->ak);
    TPMT_SIGNATURE sig;
    size_t at = 0;
    CHECK_INT(Tss2_MU_TPMT_SIGNATURE_Unmarshal(signature->p, signature->n, &at, &sig), 0);
    TPM2B_PUBLIC outer = {.publicArea = ak};
    TPM2B_DIGEST digest = {.size = 32};
    TPMT_TK_VERIFIED *ticket = NULL;
    ESYS_TR key;
    sha256_of(digest.buffer, attest->p, attest->n);
    chip_flush(c, &c->seal); /* room for one more */
    CHECK_INT(Esys_LoadExternal(c->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &outer, ESYS_TR_RH_NULL, &key), 0);
    TSS2_RC rc = Esys_VerifySignature(c->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &sig, &ticket);
    Esys_Free(ticket);
    chip_flush(c, &key);
    CHECK_INT(chip_take_seal(c, NULL), 0);
    return rc == 0;
}

TEST(quotes_and_the_seal_keys_birth_are_signed_by_the_attestation_key_for_our_nonce) {
    struct chip_blob attest, signature;
    struct why why;
    uint8_t extra[32] = {1, 2, 3}, values[CHIP_PCRS][CHIP_DIGEST];
    unsigned n;
    set_up();
    for (int what = 0; what < 2; what++) {
        TPMS_ATTEST a;
        size_t at = 0;
        CHECK_INT(what ? chip_certify_seal(c, extra, &attest, &signature, &why)
                       : chip_quote(c, BOOT, extra, &attest, &signature, &why),
                  0);
        CHECK(ak_signed(&attest, &signature));
        CHECK_INT(Tss2_MU_TPMS_ATTEST_Unmarshal(attest.p, attest.n, &at, &a), 0);
        CHECK_INT(a.type, what ? TPM2_ST_ATTEST_CREATION : TPM2_ST_ATTEST_QUOTE);
        CHECK(a.extraData.size == 32 && memcmp(a.extraData.buffer, extra, 32) == 0);
        attest.p[attest.n / 2] ^= 1;
        CHECK(!ak_signed(&attest, &signature));
    }
    CHECK_INT(chip_read_pcrs(c, BOOT | 1u << 10, values, &n, &why), 0);
    CHECK_INT(n, 9);
    tear_down();
}

TEST(a_credential_opens_for_the_keys_it_was_made_for_and_no_others) {
    struct why why;
    TPM2B_NAME *name = NULL;
    TPM2B_DIGEST secret = {.size = 32, .buffer = {9, 8, 7}};
    uint8_t got[CHIP_SECRET_MAX];
    size_t got_n;
    set_up();
    CHECK_INT(Esys_TR_GetName(c->esys, c->ak, &name), 0);
    for (int wrong = 0; wrong < 2; wrong++) {
        TPM2B_ID_OBJECT *id = NULL;
        TPM2B_ENCRYPTED_SECRET *enc = NULL;
        uint8_t id_bytes[256], enc_bytes[512];
        size_t id_n = 0, enc_n = 0;
        name->name[5] ^= (BYTE)wrong;
        CHECK_INT(chip_take_ek(c, &why), 0);
        CHECK_INT(Esys_MakeCredential(c->esys, c->ek, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &secret, name, &id, &enc), 0);
        CHECK_INT(chip_take_seal(c, &why), 0);
        CHECK_INT(Tss2_MU_TPM2B_ID_OBJECT_Marshal(id, id_bytes, sizeof id_bytes, &id_n), 0);
        CHECK_INT(Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal(enc, enc_bytes, sizeof enc_bytes, &enc_n), 0);
        int r = chip_activate(c, id_bytes, id_n, enc_bytes, enc_n, got, &got_n, &why);
        CHECK_INT(r, wrong ? ERR_AUTH : 0);
        if (!wrong) CHECK(got_n == 32 && memcmp(got, secret.buffer, 32) == 0);
        CHECK_INT(chip_activate(c, id_bytes, id_n - 1, enc_bytes, enc_n, got, &got_n, &why), ERR_FORMAT);
        Esys_Free(id);
        Esys_Free(enc);
    }
    Esys_Free(name);
    tear_down();
}

/* A chip has room for three sessions: one that is left behind each time would stop everything at the fourth. */
TEST(whatever_is_asked_can_be_asked_again_and_again) {
    struct why why;
    TPM2B_NAME *name = NULL;
    TPM2B_DIGEST secret = {.size = 32, .buffer = {9, 8, 7}};
    TPM2B_ID_OBJECT *id = NULL;
    TPM2B_ENCRYPTED_SECRET *enc = NULL;
    struct chip_blob attest, signature;
    uint8_t got[CHIP_SECRET_MAX], id_bytes[256], enc_bytes[512], extra[32] = {1};
    size_t got_n, id_n = 0, enc_n = 0;
    set_up();
    CHECK_INT(Esys_TR_GetName(c->esys, c->ak, &name), 0);
    CHECK_INT(chip_take_ek(c, &why), 0);
    CHECK_INT(Esys_MakeCredential(c->esys, c->ek, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &secret, name, &id, &enc), 0);
    CHECK_INT(chip_take_seal(c, &why), 0);
    CHECK_INT(Tss2_MU_TPM2B_ID_OBJECT_Marshal(id, id_bytes, sizeof id_bytes, &id_n), 0);
    CHECK_INT(Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal(enc, enc_bytes, sizeof enc_bytes, &enc_n), 0);
    for (int i = 0; i < 10; i++) {
        id_bytes[9] ^= (uint8_t)(i & 1); /* every other one is not for these keys */
        CHECK_INT(chip_activate(c, id_bytes, id_n, enc_bytes, enc_n, got, &got_n, &why), i & 1 ? ERR_AUTH : 0);
        id_bytes[9] ^= (uint8_t)(i & 1);
        CHECK_INT(chip_quote(c, BOOT, extra, &attest, &signature, &why), 0);
        CHECK_INT(chip_certify_seal(c, extra, &attest, &signature, &why), 0);
        CHECK_INT(agrees(), 0);
    }
    Esys_Free(id);
    Esys_Free(enc);
    Esys_Free(name);
    tear_down();
}

/* Some chips take half a minute over an RSA key, and strangers choose how often the EK is needed. With a password on its hierarchy it cannot be
 * made again: what is taken is what was kept. */
TEST(the_endorsement_key_is_made_once) {
    struct why why = {{0}};
    const TPM2B_AUTH password = {.size = 3, .buffer = {1, 2, 3}}, none = {.size = 0};
    TPM2B_PUBLIC *public_key = NULL;
    set_up();
    TPMT_PUBLIC first = public_of(&chip_public(c)->ek);
    CHECK_INT(Esys_HierarchyChangeAuth(c->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &password),
              0);
    CHECK_INT(Esys_TR_SetAuth(c->esys, ESYS_TR_RH_ENDORSEMENT, &none), 0); /* tss2 would remember it */
    for (int i = 0; i < 2; i++) {
        CHECK_INT(chip_take_ek(c, &why), 0);
        CHECK_INT(Esys_ReadPublic(c->esys, c->ek, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public_key, NULL, NULL), 0);
        CHECK_MEM(public_key->publicArea.unique.rsa.buffer, first.unique.rsa.buffer, 256);
        Esys_Free(public_key);
        CHECK_INT(chip_take_seal(c, &why), 0);
    }
    tear_down();
}

/* If the chip fails while the EK has its place, that costs one request and not all that come after. */
TEST(a_seal_key_that_was_not_put_back_is_loaded_when_it_is_needed) {
    struct why why = {{0}};
    set_up();
    CHECK_INT(chip_take_ek(c, &why), 0);
    CHECK_INT(c->seal, ESYS_TR_NONE);
    CHECK_INT(agrees(), 0);
    tear_down();
}

TEST(no_chip_is_said_plainly) {
    struct chip *none;
    struct why why = {{0}};
    CHECK_INT(chip_open(&none, "device:/dev/there-is-no-chip", &why), ERR_NOTFOUND);
    CHECK(none == NULL && strstr(why.text, "no TPM") != NULL);
}

TESTS_MAIN("chip", T(keys_have_the_attributes_that_a_verifier_asks_for),
           T(the_certificate_in_the_chip_is_of_the_key_that_the_template_gives), T(the_seal_key_agrees_until_a_register_changes),
           T(without_the_keys_auth_value_root_cannot_use_it), T(seal_keys_are_new_at_every_start),
           T(registers_that_anybody_resets_hold_no_boot),
           T(quotes_and_the_seal_keys_birth_are_signed_by_the_attestation_key_for_our_nonce),
           T(a_credential_opens_for_the_keys_it_was_made_for_and_no_others), T(whatever_is_asked_can_be_asked_again_and_again),
           T(the_endorsement_key_is_made_once), T(a_seal_key_that_was_not_put_back_is_loaded_when_it_is_needed),
           T(no_chip_is_said_plainly))
