/* node/node_tpm.c - a node whose seal key is in a TPM (tpm/chip.h, in a process of its own: node/chip_proc.h): no copy of the disk or of this process's memory holds it, and it
 * works only while the registers of the boot are what they were at the start. */
#include "node/node_parts.h"

#include <string.h>

#ifdef LULL_TPM
#include "base/log.h"
#include "node/chip_proc.h"

/* Some milliseconds to a tenth of a second on the loop's thread: requests are opened one after the other in any case. */
static int open_with_chip(void *arg, uint8_t out[32], const uint8_t point[65]) {
    int r = chip_proc_ecdh(arg, out, point);
    if (r == ERR_PERM)
        log_event(LOG_ERROR, "tpm", "seal_key_refused", LOG_CODE("reason", "a boot register has changed: restart the node"));
    if (r == ERR_IO || r == ERR_LOST) log_event(LOG_ERROR, "tpm", "seal_key_unreachable", LOG_CODE("reason", err_text(r)));
    return r;
}

int node_tpm_open(struct node *n, struct why *why) {
    int r = chip_proc_start(&n->chip, n->o.tpm, CHIP_BOOT_PCRS, &n->measures, why);
    if (r != 0) return r;
    memcpy(n->seal_source.public_key, chip_proc_public(n->chip)->seal_x, 32);
    n->seal_source.ecdh = open_with_chip;
    n->seal_source.arg = n->chip;
    measure_note(&n->measures, "seal_key", MEASURE_GIVEN,
                 "the key that opens requests is in the TPM, and works only as this machine has booted");
    log_event(LOG_INFO, "tpm", "seal_key_made", LOG_COUNT("certificate_bytes", chip_proc_public(n->chip)->ek_certificate.n));
    return 0;
}

int node_tpm_ended(const struct node *n) { return n->chip && chip_proc_ended(n->chip); }

void node_tpm_close(struct node *n) {
    chip_proc_stop(n->chip);
    n->chip = NULL;
}
#else
int node_tpm_open(struct node *n, struct why *why) {
    (void)n;
    return why_set(why, ERR_UNSUPPORTED, "--tpm: this program was built without tpm2-tss (libtss2-dev)");
}
int node_tpm_ended(const struct node *n) {
    (void)n;
    return 0;
}
void node_tpm_close(struct node *n) { (void)n; }
#endif
