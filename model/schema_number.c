/* model/schema_number.c - integers and numbers between bounds, digit by digit. */
#include "model/schema_parts.h"

#include <math.h>
#include <string.h>

/* What unbounded integers keep to: 18 digits, which every reader's 64-bit integers hold. */
static const int64_t most_integer = 999999999999999999;

/* ---- whole numbers ---- */

static uint64_t power10(unsigned n) {
    uint64_t p = 1;
    while (n-- > 0) p *= 10;
    return p;
}
static unsigned digits_of(uint64_t v) {
    unsigned n = 1;
    while (v >= 10) v /= 10, n++;
    return n;
}

/* Exactly n digits, leading zeros kept, from lo to hi < 10^n: shared leading digits, then what may follow a least, a middle
 * and a greatest next digit. */
static int put_range(struct buf *b, uint64_t lo, uint64_t hi, unsigned n) {
    if (n == 0) return 0;
    uint64_t p = power10(n - 1), a = lo / p, z = hi / p;
    uint64_t first = lo % p, last = hi % p;
    if (first == 0 && last == p - 1) {
        int r = a == z ? buf_addf(b, " \"%u\"", (unsigned)a) : buf_addf(b, " [%u-%u]", (unsigned)a, (unsigned)z);
        return r == 0 && n > 1 ? buf_addf(b, " [0-9]{%u}", n - 1) : r;
    }
    if (a == z) {
        int r = buf_addf(b, " \"%u\"", (unsigned)a);
        return r == 0 ? put_range(b, first, last, n - 1) : r;
    }
    int r = buf_addf(b, " (\"%u\"", (unsigned)a);
    if (r == 0) r = put_range(b, first, p - 1, n - 1);
    if (r == 0 && z > a + 1) r = buf_addf(b, " | [%u-%u]", (unsigned)a + 1, (unsigned)z - 1);
    if (r == 0 && z > a + 1 && n > 1) r = buf_addf(b, " [0-9]{%u}", n - 1);
    if (r == 0) r = buf_addf(b, " | \"%u\"", (unsigned)z);
    if (r == 0) r = put_range(b, 0, last, n - 1);
    return r == 0 ? buf_addf(b, ")") : r;
}

int put_digits(struct buf *b, uint64_t lo, uint64_t hi) {
    int r = buf_addf(b, "(");
    for (unsigned n = digits_of(lo); r == 0 && n <= digits_of(hi); n++) {
        uint64_t least = n == 1 ? 0 : power10(n - 1), most = power10(n) - 1; /* hi has at most 19 digits */
        if (n > digits_of(lo)) r = buf_addf(b, " | ");
        if (r == 0) r = put_range(b, lo > least ? lo : least, hi < most ? hi : most, n);
    }
    return r == 0 ? buf_addf(b, ")") : r;
}

static uint64_t magnitude(int64_t v) { return v < 0 ? (uint64_t)-v : (uint64_t)v; } /* never INT64_MIN */

static int put_integer(struct buf *b, int64_t lo, int64_t hi) {
    int r = 0;
    if (lo < 0) {
        r = buf_addf(b, "\"-\" ");
        if (r == 0) r = put_digits(b, hi < 0 ? magnitude(hi) : 1, magnitude(lo));
        if (r == 0 && hi >= 0) r = buf_addf(b, " | ");
    }
    return r == 0 && hi >= 0 ? put_digits(b, lo < 0 ? 0 : (uint64_t)lo, (uint64_t)hi) : r;
}

/* ---- numbers, between whole bounds ---- */

/* Numbers whose magnitude lies between lo and hi; open: lo, hi themselves are left out. Digits behind the point are so few
 * that no reader's binary64 rounds a number onto a bound. */
static int put_magnitudes(struct buf *b, uint64_t lo, uint64_t hi, int open_lo, int open_hi) {
    int r = buf_addf(b, "("), any = 0, places = digits_of(hi) < 15 ? 15 - (int)digits_of(hi) : 0;
    uint64_t from = lo + (open_lo != 0);
    if (open_lo && lo < hi && places) { /* beyond lo: a digit behind the point is not 0 */
        r = buf_addf(b, "\"%llu.\" \"0\"{0,%d} [1-9] [0-9]{0,%d}", (unsigned long long)lo, places / 2, (places - 1) / 2);
        any = 1;
    }
    if (r == 0 && hi > from) { /* whatever begins with one of these wholes is below hi */
        if (any++) r = buf_addf(b, " | ");
        if (r == 0) r = put_digits(b, from, hi - 1);
        if (r == 0 && places) r = buf_addf(b, " (\".\" [0-9]{1,%d})?", places);
    }
    if (r == 0 && !open_hi && hi >= from) {
        if (any++) r = buf_addf(b, " | ");
        if (r == 0) r = buf_addf(b, "\"%llu\" (\".\" \"0\"{1,3})?", (unsigned long long)hi);
    }
    if (r == 0 && !any) r = ERR_RANGE;
    return r == 0 ? buf_addf(b, ")") : r;
}

struct bounds {
    int64_t lo, hi;
    int open_lo, open_hi; /* numbers only: the bound itself is left out */
};
static int is_empty(const struct bounds *x) { return x->lo > x->hi || (x->lo == x->hi && (x->open_lo || x->open_hi)); }

static int put_number(struct buf *b, const struct bounds *x) {
    /* magnitudes below and from 0 on; -0 is left out */
    struct bounds neg = {x->hi < 0 ? -x->hi : 0, -x->lo, x->hi < 0 ? x->open_hi : 1, x->open_lo};
    struct bounds pos = {x->lo > 0 ? x->lo : 0, x->hi, x->lo >= 0 && x->open_lo, x->open_hi};
    int negative = x->lo < 0 && !is_empty(&neg), positive = x->hi >= 0 && !is_empty(&pos), r = 0;
    if (negative) r = buf_addf(b, "\"-\" ");
    if (r == 0 && negative) r = put_magnitudes(b, (uint64_t)neg.lo, (uint64_t)neg.hi, neg.open_lo, neg.open_hi);
    if (r == 0 && negative && positive) r = buf_addf(b, " | ");
    if (r == 0 && positive) r = put_magnitudes(b, (uint64_t)pos.lo, (uint64_t)pos.hi, pos.open_lo, pos.open_hi);
    return r;
}

/* ---- the words ---- */

/* One bound as a whole number: of integers the next one inside, of others itself. *open: it is left out. */
static int read_bound(struct schema *s, const json_t *j, const char *word, int whole, int upper, int exclusive, int64_t *out,
                      int *open) {
    const json_t *v = json_object_get(j, word);
    if (!v) return 0;
    if (!json_is_number(v)) return schema_bad(s, ERR_FORMAT, word, "must be a number");
    double x = json_number_value(v);
    int exact = json_is_integer(v) || x == floor(x), above, below; /* than all that is written here */
    if (!whole && !exact) return schema_bad(s, ERR_UNSUPPORTED, word, "of a number must be whole");
    above = json_is_integer(v) ? json_integer_value(v) > most_integer : x > 1e18 - 1024;
    below = json_is_integer(v) ? json_integer_value(v) < -most_integer : x < -1e18 + 1024;
    if (upper ? below : above) return schema_bad(s, ERR_LIMIT, word, "leaves no number of 18 digits");
    if (above || below) return 0;
    int64_t bound = json_is_integer(v) ? json_integer_value(v) : (int64_t)(upper ? floor(x) : ceil(x));
    int left_out = exclusive && exact;
    if (whole && left_out) {
        bound += upper ? -1 : 1;
        left_out = 0;
    }
    if (upper ? bound > *out : bound < *out) return 0; /* the other word is narrower */
    *open = bound == *out ? *open | left_out : left_out;
    *out = bound;
    return 0;
}

int schema_number(struct schema *s, struct buf *b, const json_t *j, int whole) {
    struct bounds x = {-most_integer, most_integer, 0, 0};
    int any = json_object_get(j, "minimum") || json_object_get(j, "maximum") || json_object_get(j, "exclusiveMinimum") ||
              json_object_get(j, "exclusiveMaximum");
    if (!any) return buf_addf(b, whole ? "integer" : "number");
    int r = read_bound(s, j, "minimum", whole, 0, 0, &x.lo, &x.open_lo);
    if (r == 0) r = read_bound(s, j, "exclusiveMinimum", whole, 0, 1, &x.lo, &x.open_lo);
    if (r == 0) r = read_bound(s, j, "maximum", whole, 1, 0, &x.hi, &x.open_hi);
    if (r == 0) r = read_bound(s, j, "exclusiveMaximum", whole, 1, 1, &x.hi, &x.open_hi);
    if (r == 0 && is_empty(&x)) r = schema_bad(s, ERR_FORMAT, NULL, "no number lies between the bounds");
    if (r != 0) return r;
    r = whole ? put_integer(b, x.lo, x.hi) : put_number(b, &x);
    return r == ERR_RANGE ? schema_bad(s, ERR_LIMIT, NULL, "the bounds leave only numbers of over 15 digits") : r;
}
