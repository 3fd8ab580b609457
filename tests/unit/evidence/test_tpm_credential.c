/* MakeCredential in software: against values computed elsewhere, opened with the EK's private key, and by a TPM (swtpm, spoken to with
 * tpm2-tools), whose own quote is then judged. */
#include "tests/swtpm.h"
#include "tests/unit/evidence/tpm_scene.h"

static struct tpm_challenge c;

/* Computed with Python's hmac and hashlib and openssl enc -aes-128-cfb. */
#define BLOB                                                                                                                     \
    "00440020f785972028c8322c701fb00823578cbaab3de512b10559c969e5a3242ceaed391b0f50083e7b6d29558d8eef7cbb568719874ec4f71c658c0f" \
    "10cdc31e8"                                                                                                                  \
    "a088affa6"
#define KDFE "13189f954b17448145bc6177c74943e55663305a35f4d649b9c4549833f5159a"

static void count_up(uint8_t *p, size_t n, unsigned from) {
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)(from + i);
}

TEST(credential_and_key_derivation_are_what_was_computed_elsewhere) {
    uint8_t seed[32], name[34] = {0, 0x0b}, secret[32], blob[TPM_CREDENTIAL_BYTES], z[32], u[32], v[32], out[32];
    char hex[2 * TPM_CREDENTIAL_BYTES + 1];
    count_up(seed, 32, 0);
    count_up(name + 2, 32, 100);
    count_up(secret, 32, 200);
    CHECK_INT(tpm_credential_blob(blob, seed, name, secret), 0);
    hex_encode(hex, blob, sizeof blob);
    CHECK_STR(hex, BLOB);
    count_up(z, 32, 1);
    count_up(u, 32, 50);
    count_up(v, 32, 90);
    tpm_kdfe(out, z, "IDENTITY", u, v);
    hex_encode(hex, out, 32);
    CHECK_STR(hex, KDFE);
    CHECK_INT(tpm_kdfa(out, seed, "STORAGE", (struct ev_bytes){name, 34}, 257), ERR_LIMIT);
}

TEST(an_rsa_ek_gets_the_seed_by_oaep_with_its_label) {
    static const uint8_t name[TPM_NAME_BYTES] = {0, 0x0b, 1, 2, 3};
    uint8_t seed[256], blob[TPM_CREDENTIAL_BYTES];
    size_t n = sizeof seed;
    EVP_PKEY *ek = EVP_RSA_gen(2048);
    CHECK(ek && tpm_challenge_make(&c, ek, name) == 0 && c.encrypted_n == 258);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
    CHECK(ctx && EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
          EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_memdup("IDENTITY", 9), 9) == 1 &&
          EVP_PKEY_decrypt(ctx, seed, &n, c.encrypted + 2, 256) == 1 && n == 32);
    EVP_PKEY_CTX_free(ctx);
    CHECK_INT(tpm_credential_blob(blob, seed, name, c.secret), 0);
    CHECK_MEM(blob, c.credential, sizeof blob);
    CHECK(tpm_challenge_answered(&c, c.secret, 32));
    uint8_t wrong[33];
    memcpy(wrong, c.secret, 32);
    wrong[32] = 0;
    CHECK(!tpm_challenge_answered(&c, wrong, 31) && !tpm_challenge_answered(&c, wrong, 33));
    wrong[31] ^= 1;
    CHECK(!tpm_challenge_answered(&c, wrong, 32));
    EVP_PKEY_free(ek);
}

TEST(a_p256_ek_gets_the_seed_by_an_ephemeral_point) {
    static const uint8_t name[TPM_NAME_BYTES] = {0, 0x0b, 9};
    uint8_t z[32], seed[32], point[65], blob[TPM_CREDENTIAL_BYTES];
    size_t n = 32;
    EVP_PKEY *ek = EVP_EC_gen("P-256");
    CHECK(ek && tpm_challenge_make(&c, ek, name) == 0 && c.encrypted_n == 70);
    CHECK(c.encrypted[0] == 0 && c.encrypted[1] == 68 && c.encrypted[3] == 32 && c.encrypted[37] == 32);
    EVP_PKEY *theirs = ev_ec_key("P-256", c.encrypted + 4, c.encrypted + 38, 32);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
    CHECK(theirs && ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
          EVP_PKEY_derive(ctx, z, &n) == 1);
    scene_point(ek, point);
    tpm_kdfe(seed, z, "IDENTITY", c.encrypted + 4, point + 1);
    CHECK_INT(tpm_credential_blob(blob, seed, name, c.secret), 0);
    CHECK_MEM(blob, c.credential, sizeof blob);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ek);
}

TEST(eks_of_other_kinds_are_unsupported) {
    static const uint8_t name[TPM_NAME_BYTES] = {0, 0x0b};
    EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa3072 = EVP_RSA_gen(3072);
    CHECK_INT(tpm_challenge_make(&c, p384, name), ERR_UNSUPPORTED);
    CHECK_INT(tpm_challenge_make(&c, rsa3072, name), ERR_UNSUPPORTED);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa3072);
}

/* ---- with a TPM ---- */

static int sh(const struct swtpm *t, const char *what) {
    char line[1024];
    snprintf(line, sizeof line, "cd %s && export TPM2TOOLS_TCTI='%s' && { %s; } >>tools.log 2>&1", t->dir, t->tcti, what);
    return system(line);
}
static size_t load(const struct swtpm *t, const char *name, uint8_t *out, size_t cap) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(out, 1, cap, f) : 0;
    if (f) fclose(f);
    return n;
}

/* tpm2-tools' own frame around a credential. */
static void store_credential(const struct swtpm *t) {
    char path[128];
    uint8_t file[8 + TPM_CREDENTIAL_BYTES + TPM_ENCRYPTED_BYTES_MAX];
    struct writer w = writer_over(file, sizeof file);
    write_u32(&w, 0xbadcc0de);
    write_u32(&w, 1);
    write_bytes(&w, c.credential, sizeof c.credential);
    write_bytes(&w, c.encrypted, c.encrypted_n);
    snprintf(path, sizeof path, "%s/cred", t->dir);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(file, 1, w.len, f) == w.len && fclose(f) == 0);
}

static int activate(const struct swtpm *t) {
    store_credential(t);
    return sh(
        t,
        "rm -f answer; tpm2_flushcontext -t; tpm2_startauthsession --policy-session -S s.ctx && tpm2_policysecret -S s.ctx -c e "
        "&& "
        "tpm2_activatecredential -c ak.ctx -C ek.ctx -i cred -o answer -P session:s.ctx; r=$?; tpm2_flushcontext s.ctx; exit $r");
}

static void with_ek(const struct swtpm *t, const char *alg) {
    char line[512];
    uint8_t ek_bytes[1024], ak_bytes[1024], answer[64], name[TPM_NAME_BYTES], theirs[64];
    struct tpm_public ek, ak;
    snprintf(line, sizeof line,
             "tpm2_flushcontext -t; tpm2_createek -c ek.ctx -G %s -u ek.pub && tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g "
             "sha256 -s ecdsa "
             "-u ak.pub -n ak.name",
             alg);
    CHECK_INT(sh(t, line), 0);
    CHECK_INT(tpm_public_of((struct ev_bytes){ek_bytes, load(t, "ek.pub", ek_bytes, sizeof ek_bytes)}, &ek), 0);
    size_t ak_n = load(t, "ak.pub", ak_bytes, sizeof ak_bytes);
    CHECK_INT(tpm_public_of((struct ev_bytes){ak_bytes, ak_n}, &ak), 0);
    CHECK_INT(tpm_name(&ak, name), 0);
    CHECK_INT(load(t, "ak.name", theirs, sizeof theirs), TPM_NAME_BYTES);
    CHECK_MEM(theirs, name, TPM_NAME_BYTES);
    EVP_PKEY *key = tpm_public_key(&ek);
    CHECK(key && tpm_challenge_make(&c, key, name) == 0);
    CHECK_INT(activate(t), 0);
    CHECK(tpm_challenge_answered(&c, answer, load(t, "answer", answer, sizeof answer)));
    name[9] ^= 1; /* for another AK the TPM does not open it */
    CHECK_INT(tpm_challenge_make(&c, key, name), 0);
    CHECK(activate(t) != 0);
    EVP_PKEY_free(key);
}

static void judge_its_quote(const struct swtpm *t) {
    static struct ev_report r;
    uint8_t all[4096], key[1024], nonce[16] = {0xab, 0xcd};
    CHECK_INT(sh(t, "tpm2_flushcontext -t; tpm2_quote -c ak.ctx -l sha256:0,1,7 -q abcd0000000000000000000000000000 -m q.msg -s "
                    "q.sig -o q.pcrs -g sha256 && "
                    "cat q.msg q.sig q.pcrs >q.all"),
              0);
    struct ev_input in = {.evidence = {all, load(t, "q.all", all, sizeof all)},
                          .key = {key, load(t, "ak.pub", key, sizeof key)},
                          .nonce = {nonce, 16},
                          .policy = ev_policy_strict(),
                          .now = SCENE_NOW};
    ev_verify(EV_TPM_QUOTE, &in, &r);
    CHECK(maker_judged("swtpm", &r, EV_REFUSED, "software_tpm"));
    for (unsigned i = 0; i < r.factors; i++) CHECK(r.factor[i].ok || strcmp(r.factor[i].name, "software_tpm") == 0);
}

TEST(a_tpm_answers_our_challenges_and_signs_quotes_that_we_read) {
    struct swtpm t;
    if (system("command -v tpm2_activatecredential >/dev/null") != 0) SKIP("tpm2-tools are not installed");
    int e = swtpm_start(&t);
    if (e == ERR_NOTFOUND) SKIP("swtpm is not installed");
    CHECK_INT(e, 0);
    with_ek(&t, "rsa");
    judge_its_quote(&t);
    with_ek(&t, "ecc");
    swtpm_stop(&t);
}

TESTS_MAIN("tpm_credential", T(credential_and_key_derivation_are_what_was_computed_elsewhere),
           T(an_rsa_ek_gets_the_seed_by_oaep_with_its_label), T(a_p256_ek_gets_the_seed_by_an_ephemeral_point),
           T(eks_of_other_kinds_are_unsupported), T(a_tpm_answers_our_challenges_and_signs_quotes_that_we_read))
