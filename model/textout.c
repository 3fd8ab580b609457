/* model/textout.c - see textout.h.
 *
 * Bytes pass three gates: UTF-8 (whole characters only), stop strings (Knuth-Morris-Pratt, one automaton per string), and
 * the hold-back: what could still become a stop string stays at the end of the buffer until the next call. */
#include "model/textout.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* fail[i]: length of the longest proper border of text[0..i]. */
static void stop_init(struct textout_stop *s, struct gen_text text) {
    memcpy(s->text, text.p, text.n);
    s->len = (uint16_t)text.n;
    uint16_t k = 0;
    for (uint16_t i = 1; i < s->len; i++) {
        while (k && s->text[k] != s->text[i]) k = s->fail[k - 1];
        if (s->text[k] == s->text[i]) k++;
        s->fail[i] = k;
    }
}

/* Takes one byte; 1 when the stop string is complete. */
static int stop_step(struct textout_stop *s, uint8_t byte) {
    while (s->matched && s->text[s->matched] != byte) s->matched = s->fail[s->matched - 1];
    if (s->text[s->matched] == byte) s->matched++;
    return s->matched == s->len;
}

int textout_init(struct textout *t, const struct vocab *v, const struct textout_opts *o, struct why *why) {
    *t = (struct textout){.v = v, .specials = o->specials, .drop_blank = o->at_start && vocab_adds_space(v)};
    if (o->stop_count > GEN_STOPS_MAX) return why_set(why, ERR_LIMIT, "more than %d stop strings", GEN_STOPS_MAX);
    for (size_t i = 0; i < o->stop_count; i++) {
        struct gen_text s = o->stop[i];
        if (s.n == 0) continue;
        if (s.n > GEN_STOP_BYTES_MAX) return why_set(why, ERR_LIMIT, "a stop string is longer than %d bytes", GEN_STOP_BYTES_MAX);
        if (!utf8_valid(s.p, s.n)) return why_set(why, ERR_FORMAT, "a stop string is not UTF-8");
        stop_init(&t->stop[t->stop_count++], s);
    }
    /* what is held back, then every byte of a piece as U+FFFD, after an undecided part */
    t->cap = GEN_STOP_BYTES_MAX + 3 * (vocab_piece_max(v) + 4);
    t->out = malloc(t->cap);
    return t->out ? 0 : ERR_NOMEM;
}

void textout_release(struct textout *t) {
    if (t->out) mem_wipe(t->out, t->cap);
    free(t->out);
    mem_wipe(t, sizeof *t);
}

/* One byte of valid UTF-8 towards the reader. */
static void release_byte(struct textout *t, uint8_t byte) {
    if (t->stopped) return;
    t->out[t->held_len++] = byte;
    size_t longest = 0;
    for (size_t i = 0; i < t->stop_count; i++)
        if (stop_step(&t->stop[i], byte) && t->stop[i].len > longest) longest = t->stop[i].len;
    if (!longest) return;
    t->stopped = 1;
    t->held_len -= longest;
}

static void release(struct textout *t, const uint8_t *p, size_t n) {
    if (t->drop_blank && n && p[0] == ' ') p++, n--;
    t->drop_blank = 0;
    for (size_t i = 0; i < n; i++) release_byte(t, p[i]);
}

static void release_replacement(struct textout *t) {
    static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
    release(t, replacement, sizeof replacement);
}

static void take_byte(struct textout *t, uint8_t byte) {
    uint32_t cp;
    t->part[t->part_len++] = byte;
    int len = utf8_get(t->part, t->part_len, &cp);
    if (len == UTF8_CUT) return;
    if (len > 0) {
        release(t, t->part, t->part_len);
        t->part_len = 0;
        return;
    }
    /* The byte cannot continue the part before it: that part is one invalid sequence, and the byte starts anew. */
    int alone = t->part_len == 1;
    t->part_len = 0;
    release_replacement(t);
    if (!alone) take_byte(t, byte);
}

/* Everything gathered, less the longest beginning of a stop string at its end. */
static void hand_over(struct textout *t, const uint8_t **text, size_t *n) {
    size_t hold = 0;
    for (size_t i = 0; i < t->stop_count && !t->stopped; i++)
        if (t->stop[i].matched > hold) hold = t->stop[i].matched;
    *text = t->out;
    *n = t->held_len - hold;
    t->held_from = *n;
    t->held_len = hold;
}

/* Moves what was held back to the front, over the text that the caller has had. */
static void begin(struct textout *t) {
    if (t->held_from && t->held_len) memmove(t->out, t->out + t->held_from, t->held_len);
    t->held_from = 0;
}

int textout_feed(struct textout *t, int32_t id, const uint8_t **text, size_t *n) {
    begin(t);
    if (t->stopped) {
        *text = t->out;
        *n = 0;
        return TEXTOUT_STOPPED;
    }
    struct gguf_str piece = vocab_piece(t->v, id, t->specials);
    for (size_t i = 0; i < piece.n && !t->stopped; i++) take_byte(t, (uint8_t)piece.p[i]);
    hand_over(t, text, n);
    return t->stopped ? TEXTOUT_STOPPED : TEXTOUT_GOES_ON;
}

void textout_end(struct textout *t, const uint8_t **text, size_t *n) {
    begin(t);
    if (t->part_len && !t->stopped) release_replacement(t);
    t->part_len = 0;
    for (size_t i = 0; i < t->stop_count; i++) t->stop[i].matched = 0;
    hand_over(t, text, n);
    t->held_len = 0;
}
