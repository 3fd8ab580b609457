/* seal: HKDF, HPKE and the chunked construction against published vectors (tests/data/seal/README.md), and their refusals. */
#include <jansson.h>

#include "seal/chunk.h"
#include "seal/hkdf.h"
#include "seal/p256.h"
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

static uint8_t store[16][512];
static int next_store;
/* The bytes of a hex member; valid for the next 15 calls. */
static const uint8_t *bytes_of(json_t *o, const char *key, size_t *n) {
    const char *hex = json_string_value(json_object_get(o, key));
    uint8_t *out = store[next_store++ % 16];
    CHECK(hex != NULL && strlen(hex) / 2 <= sizeof store[0]);
    *n = strlen(hex) / 2;
    CHECK_INT(hex_decode(out, *n, hex, strlen(hex)), 0);
    return out;
}

static json_t *load(const char *path) {
    json_t *j = json_load_file(path, 0, NULL);
    CHECK(j != NULL);
    return j;
}

static void check_bytes(json_t *o, const char *key, const uint8_t *got, size_t got_n) {
    size_t n;
    const uint8_t *want = bytes_of(o, key, &n);
    CHECK_INT(n, got_n);
    CHECK_MEM(got, want, n);
}

static void check_encryptions(json_t *v, struct hpke_ctx *send, struct hpke_ctx *receive) {
    json_t *list = json_object_get(v, "encryptions"), *e;
    size_t i, n, aad_n, ct_n;
    json_array_foreach(list, i, e) {
        uint64_t seq = (uint64_t)json_integer_value(json_object_get(e, "seq"));
        const uint8_t *pt = bytes_of(e, "pt", &n), *aad = bytes_of(e, "aad", &aad_n);
        uint8_t ct[512], back[512];
        while (send->seq < seq) { /* the contexts count up by themselves */
            uint8_t none[16];
            CHECK_INT(hpke_seal(send, none, NULL, 0, NULL, 0), 0);
            CHECK_INT(hpke_open(receive, back, none, 16, NULL, 0), 0);
        }
        CHECK_INT(hpke_seal(send, ct, pt, n, aad, aad_n), 0);
        const uint8_t *want = bytes_of(e, "ct", &ct_n);
        CHECK_INT(ct_n, n + 16);
        CHECK_MEM(ct, want, ct_n);
        ct[0] ^= 1;
        CHECK_INT(hpke_open(receive, back, ct, ct_n, aad, aad_n), ERR_AUTH);
        ct[0] ^= 1;
        CHECK_INT(hpke_open(receive, back, ct, ct_n, aad, aad_n), 0);
        CHECK_MEM(back, pt, n);
    }
    CHECK(json_array_size(list) == 6);
}

/* What follows the KEM, from a vector's shared secret. */
static void check_schedule(json_t *v, enum hpke_kem kem, const uint8_t shared[32], const uint8_t again[32]) {
    uint8_t out[64];
    struct hpke_ctx send, receive;
    size_t k, n, info_n;
    json_t *x;
    uint16_t aead = (uint16_t)json_integer_value(json_object_get(v, "aead_id"));
    const uint8_t *info = bytes_of(v, "info", &info_n);
    CHECK_INT(hpke_schedule(&send, kem, aead, shared, info, info_n), 0);
    CHECK_INT(hpke_schedule(&receive, kem, aead, again, info, info_n), 0);
    check_bytes(v, "exporter_secret", send.exporter, 32);
    json_array_foreach(json_object_get(v, "exports"), k, x) {
        const uint8_t *context = bytes_of(x, "exporter_context", &n);
        CHECK_INT(hpke_export(&receive, out, 32, context, n), 0);
        check_bytes(x, "exported_value", out, 32);
    }
    if (aead == HPKE_AEAD) {
        check_bytes(v, "key", send.key, 32);
        check_bytes(v, "base_nonce", send.base_nonce, 12);
        check_encryptions(v, &send, &receive);
    } else {
        CHECK_INT(hpke_seal(&send, out, shared, 32, NULL, 0), ERR_UNSUPPORTED);
        CHECK_INT(hpke_open(&send, out, shared, 32, NULL, 0), ERR_UNSUPPORTED);
    }
}

TEST(every_base_mode_vector_of_rfc_9180_with_x25519_and_sha256) {
    json_t *all = load("tests/data/seal/hpke_x25519.json"), *v;
    size_t i, n;
    json_array_foreach(all, i, v) {
        uint8_t shared[32], again[32], enc[32];
        CHECK_INT(hpke_encap_with(shared, enc, bytes_of(v, "skEm", &n), bytes_of(v, "pkRm", &n)), 0);
        check_bytes(v, "enc", enc, 32);
        check_bytes(v, "shared_secret", shared, 32);
        CHECK_INT(hpke_decap(again, enc, bytes_of(v, "skRm", &n)), 0);
        CHECK_MEM(again, shared, 32);
        check_schedule(v, HPKE_X25519, shared, again);
    }
    CHECK_INT(json_array_size(all), 4);
    json_decref(all);
}

static int own_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]) { return p256_ecdh(out, arg, point); }

TEST(every_base_mode_vector_of_rfc_9180_with_p256_and_sha256) {
    json_t *all = load("tests/data/seal/hpke_p256.json"), *v;
    size_t i, n;
    json_array_foreach(all, i, v) {
        uint8_t shared[32], again[32], enc[65], own[65], secret[32];
        CHECK_INT(hpke_p256_encap_with(shared, enc, bytes_of(v, "skEm", &n), bytes_of(v, "pkRm", &n)), 0);
        check_bytes(v, "enc", enc, 65);
        check_bytes(v, "shared_secret", shared, 32);
        memcpy(secret, bytes_of(v, "skRm", &n), 32);
        CHECK_INT(p256_public(own, secret), 0);
        check_bytes(v, "pkRm", own, 65);
        CHECK_INT(hpke_p256_decap(again, enc, own, own_ecdh, secret), 0);
        CHECK_MEM(again, shared, 32);
        check_schedule(v, HPKE_P256, shared, again);
    }
    CHECK_INT(json_array_size(all), 4);
    json_decref(all);
}

TEST(pairs_of_p256_have_an_even_y_and_their_x_gives_the_point) {
    uint8_t x[32], secret[32], from_x[65], from_secret[65];
    for (int i = 0; i < 50; i++) {
        CHECK_INT(p256_keypair(x, secret), 0);
        CHECK_INT(p256_point(from_x, x), 0);
        CHECK_INT(p256_public(from_secret, secret), 0);
        CHECK_MEM(from_x, from_secret, 65);
        CHECK(from_x[64] % 2 == 0 && memcmp(from_x + 1, x, 32) == 0);
    }
}

TEST(what_is_no_point_or_scalar_of_p256_is_refused) {
    uint8_t x[32] = {0}, secret[32], point[65], out[32], order[32];
    CHECK_INT(p256_keypair(x, secret), 0);
    CHECK_INT(p256_point(point, x), 0);
    point[64] ^= 1;
    CHECK_INT(p256_ecdh(out, secret, point), ERR_AUTH); /* off the curve */
    point[64] ^= 1;
    point[0] = 3;
    CHECK_INT(p256_ecdh(out, secret, point), ERR_AUTH); /* another form */
    memset(x, 0xff, 32);
    CHECK_INT(p256_point(point, x), ERR_AUTH); /* not below the field's prime */
    int points = 0;
    for (unsigned i = 1; i < 100; i++) { /* half of all x have no point */
        memset(x, 0, 32);
        x[31] = (uint8_t)i;
        int r = p256_point(point, x);
        CHECK(r == 0 || r == ERR_AUTH);
        points += r == 0;
    }
    CHECK(points > 30 && points < 70);
    memset(secret, 0, 32);
    CHECK_INT(p256_public(point, secret), ERR_RANGE);
    const char *n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"; /* FIPS 186-4, D.1.2.3 */
    CHECK_INT(hex_decode(order, 32, n, 64), 0);
    CHECK_INT(p256_public(point, order), ERR_RANGE);
    order[31]--;
    CHECK_INT(p256_public(point, order), 0);
}

/* A key that is elsewhere is asked, and nothing else is needed of it. */
static int asked, refuse;
static int far_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]) {
    asked++;
    return refuse ? ERR_IO : p256_ecdh(out, arg, point);
}
TEST(a_p256_key_that_is_not_in_memory_receives_as_one_that_is) {
    uint8_t x[32], secret[32], enc[32], ct[32 + 16], pt[32], text[32] = "to a key in another chip";
    struct hpke_ctx s, r;
    CHECK_INT(p256_keypair(x, secret), 0);
    const struct hpke_receiver near = {.kem = HPKE_P256, .secret = secret},
                               far = {.kem = HPKE_P256, .ecdh = far_ecdh, .arg = secret, .public_key = x};
    const struct hpke_receiver *both[] = {&near, &far};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(hpke_setup_send(&s, HPKE_P256, enc, x, "info", 4), 0);
        CHECK_INT(hpke_seal(&s, ct, text, sizeof text, NULL, 0), 0);
        CHECK_INT(hpke_setup_receive(&r, both[i], enc, "info", 4), 0);
        CHECK_INT(hpke_open(&r, pt, ct, sizeof ct, NULL, 0), 0);
        CHECK_MEM(pt, text, sizeof text);
        CHECK_INT(asked, i);
        CHECK_INT(hpke_setup_receive(&r, &(struct hpke_receiver){.secret = secret}, enc, "info", 4), 0); /* the other KEM */
        CHECK_INT(hpke_open(&r, pt, ct, sizeof ct, NULL, 0), ERR_AUTH);
    }
    refuse = 1;
    CHECK_INT(hpke_setup_receive(&r, &far, enc, "info", 4), ERR_IO);
    memset(enc, 0xff, 32);
    CHECK_INT(hpke_setup_receive(&r, &near, enc, "info", 4), ERR_AUTH);
    CHECK_INT(hpke_setup_send(&s, HPKE_P256, enc, enc, "info", 4), ERR_AUTH);
}

/* Exported secret, salt, key schedule and chunk nonces of OHTTP; its AEAD is AES-128-GCM, which is not spoken here. */
static void check_ohttp(const char *path, const char *label) {
    json_t *v = load(path);
    size_t n, salt_n, secret_n, i;
    uint8_t shared[32], enc[32], secret[16], prk[32], key[16], nonce[12], chunk[12];
    struct hpke_ctx c;
    CHECK_INT(hpke_encap_with(shared, enc, bytes_of(v, "skE", &n), bytes_of(v, "pkE", &n)), 0);
    CHECK_MEM(enc, bytes_of(v, "pkE", &n), 32);
    uint8_t receiver[32];
    struct hpke_ctx other;
    CHECK_INT(hpke_decap(shared, enc, bytes_of(v, "skR", &n)), 0);
    const uint8_t *info = bytes_of(v, "info", &n);
    CHECK_INT(hpke_schedule(&c, HPKE_X25519, 0x0001, shared, info, n), 0);
    CHECK_INT(hpke_schedule(&other, HPKE_X25519, 0x0003, shared, info, n), 0);
    CHECK_INT(hpke_export(&c, secret, 16, label, strlen(label)), 0);
    check_bytes(v, "exported_secret", secret, 16);
    CHECK_INT(hpke_export(&other, receiver, 16, label, strlen(label)), 0);
    CHECK(memcmp(receiver, secret, 16) != 0); /* the suite is part of every export */
    const uint8_t *salt = bytes_of(v, "salt", &salt_n), *given = bytes_of(v, "exported_secret", &secret_n);
    chunk_response_schedule(prk, key, 16, nonce, 12, salt, salt_n, given, secret_n);
    check_bytes(v, "prk", prk, 32);
    check_bytes(v, "aead_key", key, 16);
    check_bytes(v, "aead_nonce", nonce, 12);
    json_t *nonces = json_object_get(v, "chunk_nonces"), *s;
    json_array_foreach(nonces, i, s) {
        uint8_t want[12];
        CHECK_INT(hex_decode(want, 12, json_string_value(s), 24), 0);
        chunk_nonce(chunk, nonce, i);
        CHECK_MEM(chunk, want, 12);
    }
    json_decref(v);
}

TEST(the_response_key_schedule_of_rfc_9458) { check_ohttp("tests/data/seal/ohttp.json", "message/bhttp response"); }
TEST(the_chunk_nonces_of_chunked_ohttp) { check_ohttp("tests/data/seal/ohttp_chunked.json", "message/bhttp chunked response"); }

TEST(hkdf_of_rfc_5869_case_1) {
    uint8_t ikm[22], salt[13], info[10], prk[32], okm[42], want[42];
    memset(ikm, 0x0b, sizeof ikm);
    for (uint8_t i = 0; i < 13; i++) salt[i] = i;
    for (uint8_t i = 0; i < 10; i++) info[i] = (uint8_t)(0xf0 + i);
    struct hkdf_part a = {ikm, sizeof ikm}, b[] = {{info, 4}, {info + 4, 6}};
    hkdf_extract(prk, salt, sizeof salt, &a, 1);
    CHECK_INT(hkdf_expand(okm, sizeof okm, prk, b, 2), 0);
    const char *hex = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    CHECK_INT(hex_decode(want, sizeof want, hex, strlen(hex)), 0);
    CHECK_MEM(okm, want, sizeof want);
    CHECK_INT(hkdf_expand(okm, HKDF_OUT_MAX + 1, prk, b, 2), ERR_LIMIT);
}

TEST(low_order_points_are_refused) {
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t public_key[32], secret[32], enc[32], point[32];
    struct hpke_ctx c;
    hpke_keypair(public_key, secret);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        CHECK_INT(hex_decode(point, 32, points[i], 64), 0);
        CHECK_INT(hpke_setup_send(&c, HPKE_X25519, enc, point, "x", 1), ERR_AUTH);
        CHECK_INT(hpke_setup_receive(&c, &(struct hpke_receiver){.secret = secret}, point, "x", 1), ERR_AUTH);
    }
}

TEST(a_context_opens_only_with_its_own_info_key_and_associated_data) {
    uint8_t public_key[32], secret[32], enc[32], ct[20], pt[4];
    struct hpke_ctx s, r;
    hpke_keypair(public_key, secret);
    CHECK_INT(hpke_setup_send(&s, HPKE_X25519, enc, public_key, "info", 4), 0);
    CHECK_INT(hpke_seal(&s, ct, (const uint8_t *)"text", 4, "aad", 3), 0);
    CHECK_INT(hpke_setup_receive(&r, &(struct hpke_receiver){.secret = secret}, enc, "inf0", 4), 0);
    CHECK_INT(hpke_open(&r, pt, ct, 20, "aad", 3), ERR_AUTH);
    CHECK_INT(hpke_setup_receive(&r, &(struct hpke_receiver){.secret = secret}, enc, "info", 4), 0);
    CHECK_INT(hpke_open(&r, pt, ct, 20, "aae", 3), ERR_AUTH);
    CHECK_INT(hpke_open(&r, pt, ct, 15, "aad", 3), ERR_SHORT);
    enc[31] ^= 0x80; /* the same point, but another encoding: bound by the shared secret */
    struct hpke_ctx twin;
    CHECK_INT(hpke_setup_receive(&twin, &(struct hpke_receiver){.secret = secret}, enc, "info", 4), 0);
    CHECK_INT(hpke_open(&twin, pt, ct, 20, "aad", 3), ERR_AUTH);
    CHECK_INT(hpke_open(&r, pt, ct, 20, "aad", 3), 0);
    CHECK_MEM(pt, "text", 4);
    uint8_t info[HPKE_INFO_MAX + 1] = {0};
    CHECK_INT(hpke_setup_send(&s, HPKE_X25519, enc, public_key, info, sizeof info), ERR_LIMIT);
}

TEST(chunks_out_of_order_or_wrongly_final_do_not_open) {
    uint8_t key[32] = {1}, a[20], b[20], pt[4];
    struct chunk_key w, r;
    chunk_key_once(&w, key);
    chunk_key_once(&r, key);
    chunk_seal(&w, a, (const uint8_t *)"aaaa", 4, 0);
    chunk_seal(&w, b, (const uint8_t *)"bbbb", 4, 1);
    CHECK_INT(chunk_open(&r, pt, b, 20, 1), ERR_AUTH);
    CHECK_INT(chunk_open(&r, pt, a, 20, 1), ERR_AUTH);
    CHECK_INT(chunk_open(&r, pt, a, 20, 0), 0);
    CHECK_INT(chunk_open(&r, pt, a, 20, 0), ERR_AUTH);
    CHECK_INT(chunk_open(&r, pt, b, 20, 0), ERR_AUTH);
    CHECK_INT(chunk_open(&r, pt, b, 20, 1), 0);
    CHECK_MEM(pt, "bbbb", 4);
    CHECK_INT(chunk_open(&r, pt, b, 15, 1), ERR_SHORT);
}

TESTS_MAIN("hpke", T(every_base_mode_vector_of_rfc_9180_with_x25519_and_sha256),
           T(every_base_mode_vector_of_rfc_9180_with_p256_and_sha256),
           T(pairs_of_p256_have_an_even_y_and_their_x_gives_the_point), T(what_is_no_point_or_scalar_of_p256_is_refused),
           T(a_p256_key_that_is_not_in_memory_receives_as_one_that_is), T(the_response_key_schedule_of_rfc_9458),
           T(the_chunk_nonces_of_chunked_ohttp), T(hkdf_of_rfc_5869_case_1), T(low_order_points_are_refused),
           T(a_context_opens_only_with_its_own_info_key_and_associated_data), T(chunks_out_of_order_or_wrongly_final_do_not_open))
