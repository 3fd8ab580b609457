/* Fuzz: Azure's HCL report. */
#include "tests/fuzz/fuzz.h"

#include "base/hash.h"
#include "evidence/tpm_hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct hcl_report h;
    char *own = fuzz_copy(data, n);
    uint8_t digest[32];
    if (hcl_read((struct ev_bytes){(const uint8_t *)own, n}, &h) == 0) {
        CHECK(h.snp.n == HCL_SNP_BYTES && h.json.n <= HCL_JSON_BYTES_MAX && h.json.p + h.json.n <= (const uint8_t *)own + n);
        sha256_of(digest, h.json.p, h.json.n);
        CHECK(memcmp(digest, h.json_digest, 32) == 0 && h.modulus_n <= sizeof h.modulus && h.exponent_n <= sizeof h.exponent);
        EVP_PKEY *key = hcl_ak(&h);
        CHECK(!key || tpm_key_allowed(key));
        EVP_PKEY_free(key);
    } else
        CHECK(h.json.p == NULL && h.modulus_n == 0);
    free(own);
    return 0;
}
