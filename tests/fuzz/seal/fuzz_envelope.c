/* Fuzz: envelopes as a coordinator and a node meet them, and the content inside one. The first byte chooses. */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "base/secret.h"
#include "seal/envelope.h"
#include "seal/envelope_wrap.h"
#include "seal/replay_cache.h"

enum { NOW = 1800000000, CONTENT_MAX = 1 << 20 };

static struct seal_key key;
static struct envelope_model model = {.name = "lull-toy:q8_0"};
static struct envelope_own own = {&key, 1, &model, 1};
static struct replay *seen;
static uint8_t public_key[32], plain[SIZE_CLASS_MAX];

static void open_bytes(const uint8_t *data, size_t n) {
    static struct opened o;
    struct envelope_head h;
    int head = envelope_head_read(data, n, &h);
    CHECK(head != ERR_MORE || n < ENVELOPE_HEAD_MAX);
    if (head == 0) CHECK(h.head_bytes <= n && h.body_bytes <= ENVELOPE_BODY_MAX);
    (void)envelope_open(data, n, &own, &seen, NOW, plain, sizeof plain, &o);
}

/* As the node would meet this content: a hostile gateway may seal any bytes. */
static void content_bytes_in(const uint8_t *data, size_t n) {
    static uint8_t padded[CONTENT_MAX];
    struct content c;
    if (content_read(data, n, &c) != 0) return;
    uint32_t size_class = size_class_for(content_bytes(&c));
    CHECK(content_bytes(&c) <= n && size_class > 0);
    if (n <= sizeof padded) CHECK(content_write(padded, n, &c) == 0 && memcmp(padded, data, n) == 0);

    struct envelope_spec spec = {.tier = 1, .model = model.name, .manifest_hash = model.manifest_hash, .count = 1};
    spec.to[0].key_id = key.key_id;
    spec.to[0].seal_key = public_key;
    static struct envelope_secrets secrets;
    static struct opened o;
    struct buf env;
    buf_init(&env, ENVELOPE_BYTES_MAX);
    c.time_s = NOW;
    CHECK(envelope_seal(&env, &secrets, &spec, &c) == 0);
    int r = envelope_open(env.data, env.len, &own, &seen, NOW, plain, sizeof plain, &o);
    CHECK(r == 0 || r == ERR_LIMIT); /* the replay cache fills in a long run */
    CHECK(r != 0 || (o.content.body_n == c.body_n && memcmp(o.response_secret, secrets.response_secret[0], 32) == 0));
    if (r == ERR_LIMIT) {
        replay_free(seen);
        CHECK(replay_new(&seen, 1024) == 0);
    }
    buf_release(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!seen) {
        CHECK(secret_setup() == 0 && replay_new(&seen, 1024) == 0);
        memset(key.secret, 3, 32);
        static const uint8_t base[32] = {9}; /* X25519's base point: its product with a secret is the public key */
        uint8_t shared[32];
        CHECK(hpke_encap_with(shared, public_key, key.secret, base) == 0);
        memset(key.key_id, 4, 32);
    }
    if (n == 0) return 0;
    if (data[0] & 1)
        content_bytes_in(data + 1, n - 1);
    else
        open_bytes(data + 1, n - 1);
    return 0;
}
