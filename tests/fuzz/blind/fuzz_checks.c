/* Fuzz: the file of a client's checks. An input whose first byte is even is the whole file; else it is what stands between the head and
 * the digest, and gets both, so that the fuzzer need not guess SHA-256. */
#include "tests/fuzz/fuzz.h"

#include "base/hash.h"
#include "base/secret.h"
#include "blind/check_file.h"

enum { STACKS = 5, HEAD = 33, FILE_MAX = 4096 };

static struct blind_manifest m;
static uint8_t digest[32];

static void once(void) {
    if (m.stacks) return;
    CHECK(secret_setup() == 0 && blind_manifest_init(&m, STACKS) == 0);
    for (uint32_t i = 0; i < STACKS; i++) m.stacks[i] = (struct blind_stack){.rows = 1 + i, .cols = 2 + i};
    CHECK(blind_manifest_digest(&m, digest) == 0);
}

static void one_file(const uint8_t *file, size_t n) {
    struct check_set c;
    uint8_t again[FILE_MAX];
    if (check_file_read(file, n, &m, digest, &c, NULL) != 0) return;
    CHECK(n == check_file_bytes(&m) && n <= sizeof again);
    CHECK(check_file_write(again, n, &c, &m, digest) == 0 && memcmp(again, file, n) == 0);
    check_set_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    uint8_t file[FILE_MAX];
    once();
    if (n == 0 || n > FILE_MAX - HEAD - SHA256_BYTES) return 0;
    if (data[0] % 2 == 0) {
        one_file(data + 1, n - 1);
        return 0;
    }
    file[0] = CHECK_FILE_VERSION;
    memcpy(file + 1, digest, 32);
    memcpy(file + HEAD, data + 1, n - 1);
    sha256_of(file + HEAD + n - 1, file, HEAD + n - 1);
    one_file(file, HEAD + n - 1 + SHA256_BYTES);
    return 0;
}
