/* The exact bytes that Intel signed, cut out of its answers: by signature over the real ones, and what must not be taken for a member. */
#include <openssl/pem.h>

#include "base/json.h"
#include "evidence/tdx_slice.h"
#include "evidence/x509.h"
#include "base/hash.h"
#include "tests/unit/evidence/maker.h"

static struct ev_bytes text_of(const char *s) { return (struct ev_bytes){(const uint8_t *)s, strlen(s)}; }

/* Of the key that signed all of them; its certificate was renewed, the key was not. */
static X509 *intels_signer(struct ev_certs *certs) {
    static uint8_t file[32768];
    json_t *all = NULL;
    size_t n = maker_file("tdx/dcapqvl_tdx_quote_collateral.json", file, sizeof file);
    CHECK_INT(json_parse(&all, file, n, NULL), 0);
    const char *pem = json_string_value(json_object_get(all, "tcb_info_issuer_chain"));
    CHECK(pem && ev_certs_add(certs, text_of(pem)) == 0);
    json_decref(all);
    return certs->cert[0];
}

static void signature_is_over(const char *name, const char *member, const char *begins) {
    static uint8_t file[32768];
    char path[64];
    uint8_t sig[64];
    struct ev_certs certs = {.count = 0};
    struct ev_bytes inner, hex;
    snprintf(path, sizeof path, "tdx/%s", name);
    struct ev_bytes all = {file, maker_file(path, file, sizeof file)};
    CHECK_INT(tdx_collateral_slice(all, member, &inner), 0);
    CHECK(inner.n > strlen(begins) && memcmp(inner.p, begins, strlen(begins)) == 0 && inner.p[inner.n - 1] == '}');
    CHECK_INT(tdx_collateral_slice(all, "signature", &hex), 0);
    CHECK(hex.n == 130 && hex_decode(sig, 64, (const char *)hex.p + 1, 128) == 0);
    EVP_PKEY *key = X509_get0_pubkey(intels_signer(&certs));
    CHECK_INT(ev_ecdsa_verify(key, "SHA256", sig, sig + 32, 32, inner), 1);
    inner.n--;
    CHECK_INT(ev_ecdsa_verify(key, "SHA256", sig, sig + 32, 32, inner), 0);
    ev_certs_release(&certs);
}

TEST(intels_signatures_are_over_the_slices_of_its_answers) {
    signature_is_over("tcbinfo_v4_response.json", "tcbInfo", "{\"id\":\"TDX\"");
    signature_is_over("tcbinfo_v5_response.json", "tcbInfo", "{\"id\":\"TDX\"");
    signature_is_over("qeidentity_response.json", "enclaveIdentity", "{\"id\":\"TD_QE\"");
}

/* The trap itself: what parsing and writing gives is another text. */
TEST(json_that_is_written_anew_is_not_what_was_signed) {
    static uint8_t file[32768];
    struct ev_bytes all = {file, maker_file("tdx/tcbinfo_v5_response.json", file, sizeof file)}, inner;
    json_t *j = NULL;
    CHECK_INT(tdx_collateral_slice(all, "tcbInfo", &inner), 0);
    CHECK_INT(json_parse(&j, inner.p, inner.n, NULL), 0);
    char *again = json_dumps(j, JSON_INDENT(1));
    CHECK(again && (strlen(again) != inner.n || memcmp(again, inner.p, inner.n) != 0));
    free(again);
    json_decref(j);
}

static const struct {
    const char *text, *want; /* NULL: err */
    int err;
} rows[] = {
    {"{\"a\":1}", "1", 0},
    {" { \"a\" :\t{ \"b\" : [ 1 , \"}\" ] }\r\n} ", "{ \"b\" : [ 1 , \"}\" ] }", 0},
    {"{\"b\":{\"a\":1},\"a\":2}", "2", 0},
    {"{\"b\":\"\\\"a\\\":1\",\"a\":\"x\\\\\"}", "\"x\\\\\"", 0},
    {"{\"b\":[],\"a\":[[],{}],\"c\":null}", "[[],{}]", 0},
    {"{\"a\":-1.5e3}", "-1.5e3", 0},
    {"{\"a\":\"\"}", "\"\"", 0},
    {"{}", NULL, ERR_NOTFOUND},
    {"{\"b\":1}", NULL, ERR_NOTFOUND},
    {"{\"aa\":1}", NULL, ERR_NOTFOUND},
    {"{\"b\":{\"a\":1}}", NULL, ERR_NOTFOUND},
    {"{\"b\":\"\\\"a\\\":1\"}", NULL, ERR_NOTFOUND},
    {"", NULL, ERR_FORMAT},
    {"[]", NULL, ERR_FORMAT},
    {"\"a\"", NULL, ERR_FORMAT},
    {"{", NULL, ERR_FORMAT},
    {"{\"a\"", NULL, ERR_FORMAT},
    {"{\"a\":", NULL, ERR_FORMAT},
    {"{\"a\":}", NULL, ERR_FORMAT},
    {"{\"a\":1", NULL, ERR_FORMAT},
    {"{\"a\":1,}", NULL, ERR_FORMAT},
    {"{\"a\":1}x", NULL, ERR_FORMAT},
    {"{\"a\":1}{\"a\":2}", NULL, ERR_FORMAT},
    {"{\"a\":1,\"a\":2}", NULL, ERR_FORMAT},
    {"{\"a\":1,\"\\u0061\":2}", NULL, ERR_FORMAT},
    {"{\"a\":\"x}", NULL, ERR_FORMAT},
    {"{\"a\":\"x\\\"}", NULL, ERR_FORMAT},
    {"{\"a\":[}", NULL, ERR_FORMAT},
    {"{\"a\":[{]}}", NULL, ERR_FORMAT},
    {"{\"a\":{\"b\":1]}", NULL, ERR_FORMAT},
    {"{a:1}", NULL, ERR_FORMAT},
    {"{\"a\" 1}", NULL, ERR_FORMAT},
    {"{\"a\n\":1}", NULL, ERR_FORMAT},
};

TEST(members_are_found_where_they_are_and_nowhere_else) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].text);
        uint8_t *own = malloc(n ? n : 1);
        struct ev_bytes got;
        CHECK(own != NULL);
        memcpy(own, rows[i].text, n);
        int e = tdx_collateral_slice((struct ev_bytes){own, n}, "a", &got);
        if (e != rows[i].err) fail_msg("%s: %d, wanted %d", rows[i].text, e, rows[i].err);
        if (rows[i].want) {
            CHECK_INT(got.n, strlen(rows[i].want));
            CHECK_MEM(got.p, rows[i].want, got.n);
        } else
            CHECK(got.p == NULL && got.n == 0);
        free(own);
    }
}

static int nested(int depth) {
    char text[256] = "{\"a\":";
    size_t n = strlen(text);
    struct ev_bytes got;
    for (int i = 0; i < depth; i++) text[n++] = '[';
    for (int i = 0; i < depth; i++) text[n++] = ']';
    text[n++] = '}';
    return tdx_collateral_slice((struct ev_bytes){(const uint8_t *)text, n}, "a", &got);
}

TEST(nesting_is_bounded) {
    CHECK_INT(nested(TDX_SLICE_DEPTH_MAX), 0);
    CHECK_INT(nested(TDX_SLICE_DEPTH_MAX + 1), ERR_LIMIT);
    CHECK_INT(nested(100), ERR_LIMIT);
}

TEST(every_cut_of_a_real_answer_is_refused) {
    static uint8_t file[32768];
    size_t n = maker_file("tdx/qeidentity_response.json", file, sizeof file);
    struct ev_bytes got;
    while (n > 0 && (file[n - 1] == '\n' || file[n - 1] == ' ')) n--;
    for (size_t k = 0; k < n; k++) {
        uint8_t *own = malloc(k ? k : 1);
        CHECK(own != NULL);
        memcpy(own, file, k);
        CHECK_INT(tdx_collateral_slice((struct ev_bytes){own, k}, "enclaveIdentity", &got), ERR_FORMAT);
        free(own);
    }
}

TESTS_MAIN("tdx_slice", T(intels_signatures_are_over_the_slices_of_its_answers),
           T(json_that_is_written_anew_is_not_what_was_signed), T(members_are_found_where_they_are_and_nowhere_else),
           T(nesting_is_bounded), T(every_cut_of_a_real_answer_is_refused))
