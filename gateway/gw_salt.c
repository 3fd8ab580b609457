/* gateway/gw_salt.c - see gw_salt.h. */
#include "gateway/gw_salt.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/secret.h"

#include <string.h>

/* SHA-256("lull cache salt v1" || secret || SHA-256(model and a NUL || kind || text)), cut to its length. */
void gw_salt_of(struct gw_salt *s, uint8_t out[CACHE_SALT_BYTES], const char *model, const struct gen_request *r,
                uint64_t now_ms) {
    static const struct gen_text nothing = {"", 0};
    uint8_t begin[SHA256_BYTES], salt[SHA256_BYTES],
        kind = (uint8_t)(r->raw             ? 255
                         : r->message_count ? r->messages[0].role
                                            : 254);
    struct gen_text text = r->raw ? r->text : r->message_count ? r->messages[0].content : nothing;
    struct sha256 h;
    if (now_ms >= s->until_ms) {
        random_bytes(s->secret, sizeof s->secret);
        s->until_ms = now_ms + SALT_SECRET_MS;
    }
    sha256_init(&h);
    sha256_add(&h, model, strlen(model) + 1);
    sha256_add(&h, &kind, 1);
    sha256_add(&h, text.p, text.n < SALT_BEGIN_BYTES ? text.n : SALT_BEGIN_BYTES);
    sha256_done(&h, begin);
    sha256_joined(salt, "lull cache salt v1", s->secret, sizeof s->secret, begin, sizeof begin);
    memcpy(out, salt, CACHE_SALT_BYTES);
    mem_wipe(begin, sizeof begin);
    mem_wipe(salt, sizeof salt);
}
