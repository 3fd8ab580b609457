/* evidence/p384.c - see p384.h. */
#include "evidence/p384.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <string.h>

int p384_key_in(const X509 *cert) {
    char group[32] = "";
    size_t n = 0;
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    return key && EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &n) == 1 &&
           strcmp(group, SN_secp384r1) == 0;
}

int p384_signed(const X509 *cert, struct ev_bytes signature, struct ev_bytes message) {
    if (signature.n != P384_SIG_BYTES || !p384_key_in(cert)) return 0;
    return ev_ecdsa_verify(X509_get0_pubkey(cert), "SHA384", signature.p, signature.p + P384_SIG_BYTES / 2, P384_SIG_BYTES / 2,
                           message);
}
