/* model/sampler.c - see sampler.h.
 *
 * The rule orders all candidates, but what it needs is a prefix of that order, usually short: candidates go into a heap of
 * 64-bit keys (logit descending, id ascending) and are popped as far as the cuts and the draw require. */
#include "model/sampler.h"
#include "base/hash.h"
#include "base/mem.h"
#include "math/float_bits.h"
#include "math/scalar.h"
#include "model/chacha.h"
#include "model/grammar_run.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* ---- parameters ---- */

int sampling_check(const struct gen_sampling *p, const struct gen_bias *bias, size_t bias_count, uint32_t n_vocab,
                   struct why *why) {
    const struct {
        const char *name;
        float value, lo, hi;
    } row[] = {
        {"temperature", p->temperature, 0, 0x1.fffffep127f},
        {"top_p", p->top_p, 0, 1},
        {"min_p", p->min_p, 0, 1},
        {"repeat_penalty", p->repeat_penalty, 0x1p-149f, 0x1.fffffep127f},
        {"presence_penalty", p->presence_penalty, -0x1.fffffep127f, 0x1.fffffep127f},
        {"frequency_penalty", p->frequency_penalty, -0x1.fffffep127f, 0x1.fffffep127f},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (f32_not_finite(row[i].value) || row[i].value < row[i].lo || row[i].value > row[i].hi)
            return why_set(why, ERR_RANGE, "%s is out of range", row[i].name);
    if (p->top_k < 0) return why_set(why, ERR_RANGE, "top_k is out of range");
    if (p->repeat_last_n < -1) return why_set(why, ERR_RANGE, "repeat_last_n is out of range");
    if (bias_count > GEN_BIAS_MAX) return why_set(why, ERR_RANGE, "logit_bias has over %d entries", GEN_BIAS_MAX);
    for (size_t i = 0; i < bias_count; i++)
        if (bias[i].id < 0 || (uint32_t)bias[i].id >= n_vocab || f32_not_finite(bias[i].bias))
            return why_set(why, ERR_RANGE, "logit_bias names an unknown token or a value that is not finite");
    return 0;
}

void sampler_key(uint8_t key[32], uint64_t seed) {
    uint8_t le[8];
    for (unsigned i = 0; i < 8; i++) le[i] = (uint8_t)(seed >> 8 * i);
    sha256_joined(key, "lull sampler v1", le, sizeof le, NULL, 0);
}

uint64_t sampler_draw(const uint8_t key[32], uint32_t position, uint32_t choice) {
    uint8_t nonce[12] = {0}, block[64];
    for (unsigned i = 0; i < 4; i++) nonce[8 + i] = (uint8_t)(choice >> 8 * i);
    chacha20_block(block, key, position, nonce);
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++) r |= (uint64_t)block[i] << 8 * i;
    return r;
}

int sampler_init(struct sampler *s, uint32_t n_vocab, const struct gen_sampling *p, const struct gen_bias *bias,
                 size_t bias_count, uint32_t ids_max, struct why *why) {
    *s = (struct sampler){.p = *p, .n_vocab = n_vocab, .bias_count = bias_count};
    int r = sampling_check(p, bias, bias_count, n_vocab, why);
    if (r != 0) return r;
    sampler_key(s->key, p->seed);
    s->window = p->repeat_last_n < 0 || (uint32_t)p->repeat_last_n > ids_max ? ids_max : (uint32_t)p->repeat_last_n;
    int penalties = s->window > 0 && (p->repeat_penalty != 1 || p->presence_penalty != 0 || p->frequency_penalty != 0);
    int bad = 0;
    if (bias_count) bad |= !(s->bias = mem_zalloc(bias_count, sizeof *s->bias));
    if (penalties) bad |= !(s->seen = mem_zalloc((size_t)s->window + 1, sizeof *s->seen));
    if (penalties) bad |= !(s->seen_at = mem_zalloc(n_vocab, sizeof *s->seen_at));
    if (penalties && s->window < ids_max) bad |= !(s->ring = mem_zalloc(s->window, sizeof *s->ring));
    if (p->temperature > 0) bad |= !(s->heap = mem_zalloc(n_vocab, sizeof *s->heap));
    if (bad) {
        sampler_release(s);
        return why_set(why, ERR_NOMEM, "no memory for the sampler");
    }
    if (bias_count) memcpy(s->bias, bias, bias_count * sizeof *bias);
    return 0;
}

void sampler_release(struct sampler *s) {
    if (s->seen) mem_wipe(s->seen, ((size_t)s->window + 1) * sizeof *s->seen);
    if (s->seen_at) mem_wipe(s->seen_at, s->n_vocab * sizeof *s->seen_at);
    if (s->ring) mem_wipe(s->ring, s->window * sizeof *s->ring);
    if (s->heap) mem_wipe(s->heap, s->n_vocab * sizeof *s->heap);
    gram_run_free(s->grammar);
    free(s->bias);
    free(s->seen);
    free(s->seen_at);
    free(s->ring);
    free(s->heap);
    mem_wipe(s, sizeof *s);
}

/* ---- penalties: the window's ids with their counts ---- */

static void forget(struct sampler *s, int32_t id) {
    uint32_t at = s->seen_at[id] - 1;
    if (--s->seen[at].count > 0) return;
    s->seen_at[id] = 0;
    struct sampler_seen last = s->seen[--s->seen_count];
    if (last.id == id) return;
    s->seen[at] = last;
    s->seen_at[last.id] = at + 1;
}

void sampler_constrain(struct sampler *s, struct gram_run *g) { s->grammar = g; }

int sampler_check(const struct sampler *s, int is_end) {
    if (!s->grammar || s->grammar->err) return s->grammar ? s->grammar->err : 0;
    return is_end && !gram_run_may_end(s->grammar) ? ERR_RANGE : 0;
}

void sampler_accept(struct sampler *s, int32_t id) {
    if (s->grammar) gram_run_accept(s->grammar, id);
    if (!s->seen) return;
    if (s->ring) {
        if (s->ring_used == s->window)
            forget(s, s->ring[s->ring_at]);
        else
            s->ring_used++;
        s->ring[s->ring_at] = id;
        s->ring_at = s->ring_at + 1 == s->window ? 0 : s->ring_at + 1;
    }
    if (s->seen_at[id] == 0) {
        s->seen[s->seen_count] = (struct sampler_seen){id, 0};
        s->seen_at[id] = ++s->seen_count;
    }
    s->seen[s->seen_at[id] - 1].count++;
}

/* a). Only values that change are looked at again: the row itself was finite. What the grammar forbids becomes -infinity,
 * which neither argmax nor collect takes: at least one id is allowed. */
static int add_bias(const struct sampler *s, float *l) {
    for (size_t i = 0; i < s->bias_count; i++) {
        float *x = &l[s->bias[i].id];
        *x += s->bias[i].bias;
        if (f32_not_finite(*x)) return ERR_NONFINITE;
    }
    const uint32_t *allowed;
    int r = s->grammar ? gram_run_mask(s->grammar, &allowed) : 0;
    for (uint32_t i = 0; r == 0 && s->grammar && i < s->n_vocab; i++)
        if (!(allowed[i / 32] >> i % 32 & 1)) l[i] = f32_from_bits(0xff800000u);
    return r;
}

/* b). An id that was removed stays so. */
static int penalise(const struct sampler *s, float *l) {
    for (uint32_t i = 0; i < s->seen_count; i++) {
        float *x = &l[s->seen[i].id], part = (float)s->seen[i].count * s->p.frequency_penalty;
        if (f32_bits(*x) == 0xff800000u) continue;
        *x = *x > 0 ? *x / s->p.repeat_penalty : *x * s->p.repeat_penalty;
        part += s->p.presence_penalty;
        *x -= part;
        if (f32_not_finite(*x)) return ERR_NONFINITE;
    }
    return 0;
}

static int32_t argmax(const float *l, uint32_t n) {
    uint32_t best = 0;
    float top = l[0]; /* in a register, behind a branch that is seldom taken: ten times as fast as loading l[best] each time */
    for (uint32_t i = 1; i < n; i++)
        if (__builtin_expect(l[i] > top, 0)) top = l[i], best = i; /* the lowest id on ties; -0 equals +0 */
    return (int32_t)best;
}

/* ---- candidates in order ---- */

static uint64_t key_of(float l, uint32_t id) {
    uint32_t b = l == 0 ? 0 : f32_bits(l); /* -0 equals +0 */
    b = b & 0x80000000u ? ~b : b | 0x80000000u;
    return (uint64_t)b << 32 | (0xffffffffu - id);
}
static uint32_t key_id(uint64_t key) { return 0xffffffffu - (uint32_t)key; }
static float key_logit(uint64_t key) {
    uint32_t b = (uint32_t)(key >> 32);
    return f32_from_bits(b & 0x80000000u ? b & 0x7fffffffu : ~b);
}

static void sift_down(uint64_t *h, size_t n, size_t at) {
    uint64_t moving = h[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && h[child + 1] > h[child]) child++;
        if (h[child] <= moving) break;
        h[at] = h[child];
    }
    h[at] = moving;
}

/* A heap of h[0..n); popped keys are kept behind it, so that after p pops the i-th in order is h[size - 1 - i]. */
struct order {
    uint64_t *h;
    size_t size, left;
};
static void order_init(struct order *o, uint64_t *h, size_t n) {
    *o = (struct order){h, n, n};
    for (size_t i = n / 2; i-- > 0;) sift_down(h, n, i);
}
static uint64_t order_at(struct order *o, size_t i) {
    while (o->size - o->left <= i) {
        uint64_t top = o->h[0];
        o->h[0] = o->h[--o->left];
        o->h[o->left] = top;
        sift_down(o->h, o->left, 0);
    }
    return o->h[o->size - 1 - i];
}

/* Candidates that may have a weight: below z = -28 it is certainly 0, as exp(-28) * 2^40 < 1. */
static size_t collect(const struct sampler *s, const float *l, float l_max) {
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_vocab; i++)
        if ((l[i] - l_max) / s->p.temperature >= -28.0f) s->heap[n++] = key_of(l[i], i);
    return n;
}

/* c) to g). The set that remains after each cut is a prefix of the order, but for min-p, which is applied while counting. */
static int32_t draw(struct sampler *s, const float *l, uint64_t r) {
    float l_max = l[argmax(l, s->n_vocab)], t = s->p.temperature;
    struct order o;
    order_init(&o, s->heap, collect(s, l, l_max));
    size_t n = o.size;
    if (s->p.top_k > 0 && (size_t)s->p.top_k < n) n = (size_t)s->p.top_k;
    if (s->p.top_p < 1) {
        uint64_t sum = 0, prefix = 0, part = (uint64_t)(s->p.top_p * 0x1p32f);
        if (n == o.size)
            for (size_t i = 0; i < n; i++) sum += canon_weight(key_logit(o.h[i]), l_max, t);
        else
            for (size_t i = 0; i < n; i++) sum += canon_weight(key_logit(order_at(&o, i)), l_max, t);
        size_t keep = 0;
        do prefix += canon_weight(key_logit(order_at(&o, keep++)), l_max, t);
        while (keep < n && (u128)prefix << 32 < (u128)part * sum);
        n = keep;
    }
    uint64_t least = (uint64_t)(s->p.min_p * 0x1p40f), sum = 0, prefix = 0;
    if (least == 0) least = 1; /* w = 0 is dropped */
    for (size_t i = 0; i < n; i++) {
        uint64_t w = canon_weight(key_logit(n == o.size ? o.h[i] : order_at(&o, i)), l_max, t);
        if (w >= least) sum += w;
    }
    uint64_t target = canon_mulhi64(r, sum);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = order_at(&o, i), w = canon_weight(key_logit(key), l_max, t);
        if (w >= least) prefix += w;
        if (prefix > target) return (int32_t)key_id(key);
    }
    return (int32_t)key_id(order_at(&o, 0)); /* not reached: the last prefix is the sum, and target < sum */
}

int sampler_pick(struct sampler *s, float *l, uint32_t position, uint32_t choice, int32_t *id) {
    int r = add_bias(s, l);
    if (r == 0) r = penalise(s, l);
    if (r != 0) return r;
    if (s->p.temperature == 0)
        *id = argmax(l, s->n_vocab);
    else
        *id = draw(s, l, sampler_draw(s->key, position, choice));
    return 0;
}
