/* tests/testbuild/tpm_roots.c - the test build's manufacturer: the CA that a test made for its software TPM. Linked into build/lull-test-tpm
 * and nothing else (evidence/tpm_quote_entry.c, LULL_TEST_TPM); the program anybody installs has no such function. It says so at each
 * start, so that nobody takes a verdict of it for one. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "evidence/tpm_quote.h"

enum { PEM_BYTES = 16 * 1024 };
static char root[PEM_BYTES], issuer[PEM_BYTES];

__attribute__((constructor)) static void say_so(void) {
    fputs("lull: test build, accepts software TPMs: its verdicts are worth nothing\n", stderr);
}

static void load(const char *dir, const char *name, char out[PEM_BYTES]) {
    char path[256];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (file_read(&b, path, PEM_BYTES - 1, NULL) == 0) memcpy(out, b.data, b.len);
    buf_release(&b);
}

struct ev_anchors tpm_test_anchors(void) {
    static const char *roots[] = {root, NULL}, *intermediates[] = {issuer, NULL};
    const char *dir = getenv("LULL_TEST_TPM_CA");
    if (dir && !root[0]) {
        load(dir, "swtpm-localca-rootca-cert.pem", root);
        load(dir, "ca.pem", issuer);
    }
    return (struct ev_anchors){roots, intermediates};
}
