/* seal/hkdf.c - see hkdf.h. */
#include "seal/hkdf.h"
#include "base/err.h"
#include "base/mem.h"

#include <sodium.h>
#include <string.h>

typedef crypto_auth_hmacsha256_state hmac;

static void add_parts(hmac *h, const struct hkdf_part *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (parts[i].n) crypto_auth_hmacsha256_update(h, parts[i].p, parts[i].n);
}

void hkdf_extract(uint8_t prk[HKDF_BYTES], const void *salt, size_t salt_n, const struct hkdf_part *ikm, size_t parts) {
    static const uint8_t empty[1];
    hmac h;
    crypto_auth_hmacsha256_init(&h, salt_n ? salt : empty, salt_n);
    add_parts(&h, ikm, parts);
    crypto_auth_hmacsha256_final(&h, prk);
    mem_wipe(&h, sizeof h);
}

int hkdf_expand(uint8_t *out, size_t n, const uint8_t prk[HKDF_BYTES], const struct hkdf_part *info, size_t parts) {
    if (n > HKDF_OUT_MAX) return ERR_LIMIT;
    uint8_t block[HKDF_BYTES], number = 0;
    hmac h;
    for (size_t done = 0; done < n;) {
        crypto_auth_hmacsha256_init(&h, prk, HKDF_BYTES);
        if (number) crypto_auth_hmacsha256_update(&h, block, sizeof block);
        add_parts(&h, info, parts);
        number++;
        crypto_auth_hmacsha256_update(&h, &number, 1);
        crypto_auth_hmacsha256_final(&h, block);
        size_t take = n - done < sizeof block ? n - done : sizeof block;
        memcpy(out + done, block, take);
        done += take;
    }
    mem_wipe(&h, sizeof h);
    mem_wipe(block, sizeof block);
    return 0;
}
