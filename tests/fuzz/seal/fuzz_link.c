/* Fuzz: link records from either side, and what the signer process is asked. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include "seal/linkmsg.h"
#include "seal/signer.h"

static void link_side(const uint8_t *data, size_t n, int from_node) {
    static struct link_message m;
    static uint8_t again[LINK_MESSAGE_MAX];
    for (size_t used; n > 0 && link_read(data, n, from_node, &m, &used) == 0; data += used, n -= used) {
        struct writer w = writer_over(again, sizeof again);
        link_write(&w, &m);
        CHECK(w.err == 0 && used > 0 && w.len == used && memcmp(again, data, used) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static uint8_t public_key[32], secret[64];
    static const uint8_t seed[32] = {1};
    uint8_t reply[SIGNER_REPLY_MAX], out[64];
    if (!public_key[0]) sign_keypair(public_key, secret, seed);
    if (n == 0) return 0;
    if (data[0] < 2) link_side(data + 1, n - 1, data[0]);
    if (data[0] == 2) {
        size_t got = signer_handle(secret, 1800000000, data + 1, n - 1, reply);
        CHECK(got == 1 || got == 33 || got == 65);
    }
    if (data[0] > 2) (void)signer_reply_read(data + 1, n - 1, out, data[0] & 1 ? 32 : 64);
    return 0;
}
