/* Fuzz: public areas and whatever else may be given as an AK. */
#include "tests/fuzz/fuzz.h"

#include "evidence/tpm_ak.h"
#include "evidence/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct tpm_public p;
    struct tpm_ak ak;
    struct tpm_signature sig;
    uint8_t name[TPM_NAME_BYTES], digest[32];
    char *own = fuzz_copy(data, n);
    struct ev_bytes bytes = {(const uint8_t *)own, n};
    if (tpm_public_of(bytes, &p) == 0) {
        CHECK((p.whole.n == n && p.whole.p == bytes.p) || (p.whole.n + 2 == n && p.whole.p == bytes.p + 2));
        CHECK(tpm_name(&p, name) == 0 || p.name_alg != TPM_ALG_SHA256);
        EVP_PKEY *key = tpm_public_key(&p);
        CHECK(!key || tpm_key_allowed(key));
        EVP_PKEY_free(key);
    }
    if (tpm_ak_read(bytes, &ak) == 0) {
        CHECK(ak.key && tpm_key_allowed(ak.key) && tpm_key_digest(ak.key, digest) == 0);
        struct reader r = reader_over(bytes.p, n);
        if (tpm_signature_read(&r, &sig) == 0) CHECK(tpm_signature_check(ak.key, &sig, bytes) != 1);
    } else
        CHECK(!ak.key);
    tpm_ak_release(&ak);
    free(own);
    return 0;
}
