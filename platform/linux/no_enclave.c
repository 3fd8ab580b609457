/* platform/linux/no_enclave.c - there is none here. See enclave.h. */
#include "platform/enclave.h"

static int none(struct why *why) { return why_set(why, ERR_UNSUPPORTED, "a Secure Enclave is in machines of Apple's only"); }

int enclave_open(struct enclave **out, struct why *why) {
    *out = NULL;
    return none(why);
}
void enclave_close(struct enclave *e) { (void)e; }
const struct enclave_public *enclave_public(const struct enclave *e) {
    (void)e;
    return NULL;
}
int enclave_ecdh(void *arg, uint8_t out[32], const uint8_t point[ENCLAVE_POINT]) {
    (void)arg, (void)out, (void)point;
    return none(NULL);
}
int enclave_sign(struct enclave *e, const uint8_t binding[64], uint8_t out[ENCLAVE_SIGNATURE_MAX], size_t *n, struct why *why) {
    (void)e, (void)binding, (void)out;
    *n = 0;
    return none(why);
}
int enclave_certs(const char *label, struct enclave_certs *out, struct why *why) {
    (void)label;
    out->count = 0;
    return none(why);
}
