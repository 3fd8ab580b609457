/* node/node_enclave.c - a node whose seal key is in a Mac's Secure Enclave (platform/enclave.h): no copy of the disk or of this process's memory holds it.
 * Apple certifies no such key, so nobody else can be shown that it is there. Never yet run on hardware. */
#include "node/node_parts.h"

#include <string.h>

#include "base/log.h"
#include "platform/enclave.h"

/* Some milliseconds on the loop's thread, as with a TPM. */
static int open_with_enclave(void *arg, uint8_t out[32], const uint8_t point[65]) {
    int r = enclave_ecdh(arg, out, point);
    if (r == ERR_IO) log_event(LOG_ERROR, "enclave", "seal_key_unreachable", LOG_CODE("reason", err_text(r)));
    return r;
}

int node_enclave_open(struct node *n, struct why *why) {
    struct why own = {{0}};
    int r = enclave_open(&n->enclave, &own);
    if (r != 0) return why_set(why, r, "--enclave: %.300s", why_text(&own, r));
    memcpy(n->seal_source.public_key, enclave_public(n->enclave)->seal + 1, 32);
    n->seal_source.ecdh = open_with_enclave;
    n->seal_source.arg = n->enclave;
    measure_note(&n->measures, "seal_key", MEASURE_GIVEN, "the key that opens requests is in the Secure Enclave");
    log_event(LOG_INFO, "enclave", "seal_key_made", LOG_COUNT("keys", 1));
    return 0;
}

void node_enclave_close(struct node *n) {
    enclave_close(n->enclave);
    n->enclave = NULL;
}
