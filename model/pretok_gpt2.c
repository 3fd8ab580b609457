/* model/pretok_gpt2.c - scanners of the GPT-2 line: gpt-2, starcoder, falcon, default, deepseek-llm and deepseek-coder. */
#include "model/pretok_scan.h"

/* The characters from c[0] on that satisfy `is`, at most max. */
size_t scan_run(const pretok_char *c, size_t n, int (*is)(pretok_char), size_t max) {
    size_t len = 0;
    while (len < n && len < max && is(c[len])) len++;
    return len;
}

int scan_letter(pretok_char c) { return ch_letter(c); }
int scan_number(pretok_char c) { return ch_number(c); }
int scan_space(pretok_char c) { return ch_space(c); }
int scan_newline(pretok_char c) { return ch_newline(c); }
int scan_other(pretok_char c) { return !ch_space(c) && !ch_letter(c) && !ch_number(c); }

static uint32_t lower_ascii(uint32_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

size_t scan_contraction(const pretok_char *c, size_t n, int any_case) {
    if (n < 2 || ch_code(c[0]) != '\'') return 0;
    uint32_t a = ch_code(c[1]), b = n > 2 ? ch_code(c[2]) : 0;
    if (any_case) a = lower_ascii(a), b = lower_ascii(b);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* \s+(?!\S): a run of blanks, less its last one if something follows. */
size_t scan_blanks_before(const pretok_char *c, size_t n) {
    size_t len = scan_run(c, n, scan_space, n);
    return len < n && len > 0 ? len - 1 : len;
}

/* " ?X+" */
static size_t blank_and(const pretok_char *c, size_t n, int (*is)(pretok_char)) {
    size_t blank = ch_code(c[0]) == ' ';
    size_t len = scan_run(c + blank, n - blank, is, n);
    return len ? blank + len : 0;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)
 * A blank that is left over becomes a piece between two matches, which is what a final |\s+ would give. */
size_t scan_gpt2(const pretok_char *c, size_t n) {
    size_t len = scan_contraction(c, n, 0);
    if (!len) len = blank_and(c, n, scan_letter);
    if (!len) len = blank_and(c, n, scan_number);
    if (!len) len = blank_and(c, n, scan_other);
    return len ? len : scan_blanks_before(c, n);
}

/* \p{N} */
size_t scan_one_number(const pretok_char *c, size_t n) { return scan_run(c, n, scan_number, 1); }
/* \p{N}+ */
size_t scan_numbers(const pretok_char *c, size_t n) { return scan_run(c, n, scan_number, n); }
/* \p{N}{1,3} */
size_t scan_three_numbers(const pretok_char *c, size_t n) { return scan_run(c, n, scan_number, 3); }

static int digit(pretok_char c) { return ch_code(c) >= '0' && ch_code(c) <= '9'; }
/* [0-9][0-9][0-9] */
size_t scan_three_digits(const pretok_char *c, size_t n) { return scan_run(c, n, digit, 3) == 3 ? 3 : 0; }

static int one_of(pretok_char c, const char *set) {
    for (; *set; set++)
        if (ch_code(c) == (uint8_t)*set) return 1;
    return 0;
}
static int default_punct(pretok_char c) { return ch_punct(c) || one_of(c, "$+<=>^~|"); }
static int falcon_punct(pretok_char c) { return ch_punct(c) || one_of(c, "$+<=>^~|`"); }
/* [\p{P}\$\+<=>\^~\|]+ */
size_t scan_default_punct(const pretok_char *c, size_t n) { return scan_run(c, n, default_punct, n); }
/* [\p{P}\$\+<=>\^~\|`]+ */
size_t scan_falcon_punct(const pretok_char *c, size_t n) { return scan_run(c, n, falcon_punct, n); }

/* ---- deepseek ---- */

/* [\r\n] */
size_t scan_one_newline(const pretok_char *c, size_t n) { return scan_run(c, n, scan_newline, 1); }

/* "\s?X+": when X itself holds blanks the optional one is given back if nothing else is left. */
static size_t space_and(const pretok_char *c, size_t n, int (*is)(pretok_char)) {
    size_t len = ch_space(c[0]) ? scan_run(c + 1, n - 1, is, n) : 0;
    return len ? len + 1 : scan_run(c, n, is, n);
}

static int punct(pretok_char c) { return ch_punct(c); }
/* \s?\p{L}+ */
size_t scan_coder_letters(const pretok_char *c, size_t n) { return space_and(c, n, scan_letter); }
/* \s?\p{P}+ */
size_t scan_coder_punct(const pretok_char *c, size_t n) { return space_and(c, n, punct); }

struct range {
    uint32_t lo, hi;
};
static int in_ranges(uint32_t c, const struct range *r, size_t count) {
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r[mid].hi < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < count && r[lo].lo <= c;
}

/* [U+0800-U+9FA5 U+AC00-U+D7FF]+ */
static int wide(pretok_char c) {
    static const struct range r[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};
    return in_ranges(ch_code(c), r, sizeof r / sizeof r[0]);
}
size_t scan_wide(const pretok_char *c, size_t n) { return scan_run(c, n, wide, n); }

/* The letters that deepseek-llm names one by one. */
static int llm_letter(pretok_char c) {
    static const struct range r[] = {
        {0x41, 0x5a},       {0x61, 0x7a},       {0xb5, 0xb5},       {0xc0, 0xd6},       {0xd8, 0xf6},       {0xf8, 0x1ba},
        {0x1bc, 0x1bf},     {0x1c4, 0x293},     {0x295, 0x2af},     {0x370, 0x373},     {0x376, 0x376},     {0x377, 0x377},
        {0x37b, 0x37d},     {0x37f, 0x37f},     {0x386, 0x386},     {0x388, 0x38a},     {0x38c, 0x38c},     {0x38e, 0x3a1},
        {0x3a3, 0x3f5},     {0x3f7, 0x481},     {0x48a, 0x52f},     {0x531, 0x556},     {0x10a0, 0x10c5},   {0x13a0, 0x13f5},
        {0x13f8, 0x13fd},   {0x1c90, 0x1cba},   {0x1cbd, 0x1cbf},   {0x1d00, 0x1d2b},   {0x1d6b, 0x1d77},   {0x1d79, 0x1d9a},
        {0x1e00, 0x1f15},   {0x1f18, 0x1f1d},   {0x1f20, 0x1f45},   {0x1f48, 0x1f4d},   {0x1f50, 0x1f57},   {0x1f59, 0x1f59},
        {0x1f5b, 0x1f5b},   {0x1f5d, 0x1f5d},   {0x1f5f, 0x3ce},    {0x1f80, 0x1fb4},   {0x1fb6, 0x1fbc},   {0x1fbe, 0x1fbe},
        {0x1fc2, 0x1fc4},   {0x1fc6, 0x1fcc},   {0x1fd0, 0x390},    {0x1fd6, 0x38a},    {0x1fe0, 0x1fec},   {0x1ff2, 0x1ff4},
        {0x1ff6, 0x1ffc},   {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210a, 0x2113},   {0x2115, 0x2115},   {0x2119, 0x211d},
        {0x2124, 0x2124},   {0x2126, 0x2126},   {0x2128, 0x2128},   {0x212a, 0x212d},   {0x212f, 0x2134},   {0x2139, 0x2139},
        {0x213c, 0x213f},   {0x2145, 0x2149},   {0x214e, 0x214e},   {0x2183, 0x2183},   {0x2184, 0x2184},   {0x2c00, 0x2c7b},
        {0x2c7e, 0x2ce4},   {0x2ceb, 0x2cee},   {0x2cf2, 0x2cf2},   {0x2cf3, 0x2cf3},   {0xa640, 0xa66d},   {0xa680, 0xa69b},
        {0xa722, 0xa76f},   {0xa771, 0xa787},   {0xa78b, 0xa78e},   {0xab70, 0xabbf},   {0xfb00, 0xfb06},   {0xfb13, 0xfb17},
        {0xff21, 0xff3a},   {0xff41, 0xff5a},   {0x10400, 0x1044f}, {0x104b0, 0x104d3}, {0x104d8, 0x104fb}, {0x10c80, 0x10cb2},
        {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943},
    };
    return in_ranges(ch_code(c), r, sizeof r / sizeof r[0]);
}
/* \s?[those]+ */
size_t scan_llm_letters(const pretok_char *c, size_t n) { return space_and(c, n, llm_letter); }

/* \s?[!-/:-~ U+FF01-FF0F U+FF1A-FF5E U+2018-201F U+3000-3002]+ */
static int llm_punct(pretok_char c) {
    static const struct range r[] = {{0x21, 0x2f},     {0x3a, 0x7e},     {0x2018, 0x201f},
                                     {0x3000, 0x3002}, {0xff01, 0xff0f}, {0xff1a, 0xff5e}};
    return in_ranges(ch_code(c), r, sizeof r / sizeof r[0]);
}
size_t scan_llm_punct(const pretok_char *c, size_t n) { return space_and(c, n, llm_punct); }

/* \s+$ : only asked from the first character of the last run on (pretok.c), or it would take quadratic time. */
size_t scan_blanks_at_end(const pretok_char *c, size_t n) { return scan_run(c, n, scan_space, n) == n ? n : 0; }
