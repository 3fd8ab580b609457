/* tests/unit/tpm/swtpm.h - a software TPM of our own for a test: made in a fresh folder, with an endorsement certificate of a CA that is made
 * there too. */
#ifndef TESTS_UNIT_TPM_SWTPM_H
#define TESTS_UNIT_TPM_SWTPM_H

#include <sys/types.h>

struct swtpm {
    pid_t pid;
    char dir[64];
    char tcti[64]; /* for chip_open */
};
/* 0; ERR_NOTFOUND: swtpm is not installed; ERR_IO. */
int swtpm_start(struct swtpm *s);
void swtpm_stop(struct swtpm *s); /* fine on a zeroed one */

#endif
