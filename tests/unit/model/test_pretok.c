/* The pre-tokenizer scanners against PCRE2 running the regular expressions that define them: every code point in context, and
 * random strings over characters that matter. Code points newer than PCRE2's Unicode are left out. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tests/check.h"

#include <pcre2.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/pretok.h"
#include "model/unicode.h"

/* \s of the original expressions is White_Space; PCRE2's has U+180E too. */
#define S_SET "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define S     "[" S_SET "]"
#define TAIL                     \
    "|" S "*[\\r\\n]+|" S "+(?!" \
    "[^" S_SET "])|" S "+"
#define WORDS  "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define GPT2   "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" S_SET "\\p{L}\\p{N}]+|" S "+(?![^" S_SET "])"
#define UPPER  "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define PRE    "[^\\r\\n\\p{L}\\p{N}]?"
#define OTHERS "| ?[^" S_SET "\\p{L}\\p{N}]+[\\r\\n/]*"
#define LLM_LETTERS                                                                                                      \
    "A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}\\x{295}-\\x{2af}"     \
    "\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}"       \
    "\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}"         \
    "\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}" \
    "\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}"  \
    "\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}"  \
    "\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}"  \
    "\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}"   \
    "\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}"   \
    "\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}"  \
    "\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}" \
    "\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}"          \
    "\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}"

struct family {
    const char *name;
    const char *regex[7];
};
static const struct family families[] = {
    {"llama-bpe", {WORDS "|" PRE "\\p{L}+|\\p{N}{1,3}| ?[^" S_SET "\\p{L}\\p{N}]+[\\r\\n]*" TAIL}},
    {"qwen2", {WORDS "|" PRE "\\p{L}+|\\p{N}| ?[^" S_SET "\\p{L}\\p{N}]+[\\r\\n]*" TAIL}},
    {"qwen35", {WORDS "|" PRE "[\\p{L}\\p{M}]+|\\p{N}| ?[^" S_SET "\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" TAIL}},
    {"gpt-2", {GPT2}},
    {"starcoder", {"\\p{N}", GPT2}},
    {"falcon", {"[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"}},
    {"default", {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {"deepseek-v3",
     {"\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
      "?[\\p{P}\\p{S}]+[\\r\\n]*" TAIL}},
    {"deepseek-coder",
     {"[\\r\\n]", S "?\\p{L}+", S "?\\p{P}+", "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}"}},
    {"deepseek-llm",
     {"[\\r\\n]", S "?[" LLM_LETTERS "]+",
      S "?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+", S "+$",
      "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}+"}},
    {"tekken", {PRE UPPER "*" LOWER "+|" PRE UPPER "+" LOWER "*|\\p{N}" OTHERS TAIL}},
    {"gpt-4o", {PRE UPPER "*" LOWER "+" WORDS "?|" PRE UPPER "+" LOWER "*" WORDS "?|\\p{N}{1,3}" OTHERS TAIL}},
};
enum { FAMILIES = sizeof families / sizeof families[0], TEXT_MAX = 4096 };

/* Ends of the words of one text, in bytes. */
struct ends {
    size_t at[TEXT_MAX], count;
};

static int note_word(void *ctx, const uint8_t *p, size_t n) {
    struct ends *e = ctx;
    (void)p;
    CHECK(n > 0 && e->count < TEXT_MAX);
    e->at[e->count] = (e->count ? e->at[e->count - 1] : 0) + n;
    e->count++;
    return 0;
}

static void oracle_piece(pcre2_code *const *code, const char *text, size_t from, size_t to, struct ends *e) {
    if (from == to) return;
    if (!*code) {
        e->at[e->count++] = to;
        return;
    }
    pcre2_match_data *m = pcre2_match_data_create(1, NULL);
    size_t at = from, done = from;
    while (at < to) {
        int r = pcre2_match(*code, (PCRE2_SPTR)text + from, to - from, at - from, PCRE2_NO_UTF_CHECK, m, NULL);
        if (r < 0) break;
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m);
        oracle_piece(code + 1, text, done, from + v[0], e);
        oracle_piece(code + 1, text, from + v[0], from + v[1], e);
        done = at = from + v[1];
    }
    oracle_piece(code + 1, text, done, to, e);
    pcre2_match_data_free(m);
}

struct oracle {
    pcre2_code *code[7];
};

static void oracle_open(struct oracle *o, const struct family *f) {
    *o = (struct oracle){0};
    for (int i = 0; f->regex[i]; i++) {
        int error;
        PCRE2_SIZE at;
        o->code[i] = pcre2_compile((PCRE2_SPTR)f->regex[i], PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY,
                                   &error, &at, NULL);
        CHECK(o->code[i] != NULL);
        (void)pcre2_jit_compile(o->code[i], PCRE2_JIT_COMPLETE);
    }
}

static void oracle_close(struct oracle *o) {
    for (int i = 0; o->code[i]; i++) pcre2_code_free(o->code[i]);
}

static void compare(const struct family *f, const struct oracle *o, const char *text, size_t n) {
    static struct ends ours, theirs;
    ours.count = theirs.count = 0;
    CHECK_INT(pretok_split(pretok_find(f->name, strlen(f->name)), (const uint8_t *)text, n, note_word, &ours), 0);
    oracle_piece(o->code, text, 0, n, &theirs);
    int same = ours.count == theirs.count && memcmp(ours.at, theirs.at, ours.count * sizeof ours.at[0]) == 0;
    if (!same) {
        printf("# %s splits differently:", f->name);
        for (size_t i = 0; i < n; i++) printf(" %02x", (uint8_t)text[i]);
        printf("\n# ours:");
        for (size_t i = 0; i < ours.count; i++) printf(" %zu", ours.at[i]);
        printf("\n# PCRE2:");
        for (size_t i = 0; i < theirs.count; i++) printf(" %zu", theirs.at[i]);
        printf("\n");
    }
    CHECK(same);
}

static uint64_t next(uint64_t *s) {
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    return (z ^ z >> 27) * 0x94d049bb133111ebu >> 16;
}

/* 0: PCRE2 does not know the code point yet, or knows it as another class. */
static int pcre_agrees(uint32_t cp) {
    static pcre2_code *unassigned;
    int error;
    PCRE2_SIZE at;
    char text[4];
    if (!unassigned)
        unassigned = pcre2_compile((PCRE2_SPTR) "\\p{Cn}", PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error, &at, NULL);
    pcre2_match_data *m = pcre2_match_data_create(1, NULL);
    int r = pcre2_match(unassigned, (PCRE2_SPTR)text, utf8_put((uint8_t *)text, cp), 0, 0, m, NULL);
    pcre2_match_data_free(m);
    int ours_unassigned = utf8proc_category((int32_t)cp) == UTF8PROC_CATEGORY_CN;
    return (r >= 0) == ours_unassigned;
}

TEST(every_code_point_in_context) {
    static const char *const before[] = {"", "a", " ", "A", "1", "'", "\n", "a ", "\xcc\x81"};
    static const char *const after[] = {"", "b", " ", "B", "2", ".", "\n", " x", "s"};
    uint64_t seed = 7;
    for (size_t k = 0; k < FAMILIES; k++) {
        struct oracle o;
        oracle_open(&o, &families[k]);
        char text[TEXT_MAX];
        size_t n = 0;
        for (uint32_t cp = 1; cp < 0x110000; cp++) {
            if ((cp >= 0xd800 && cp < 0xe000) || (cp > 0x323b0 && cp < 0xe0000) || cp >= 0xe0200)
                continue; /* the rest is unassigned */
            if (!pcre_agrees(cp)) continue;
            const char *b = before[next(&seed) % 9], *a = after[next(&seed) % 9];
            n += (size_t)snprintf(text + n, 16, "%s", b);
            n += utf8_put((uint8_t *)text + n, cp);
            n += (size_t)snprintf(text + n, 16, "%s", a);
            if (n < 200) continue;
            compare(&families[k], &o, text, n);
            n = 0;
        }
        oracle_close(&o);
    }
}

/* Mostly ASCII that means something to some scanner, then letters of every class, marks, digits, blanks and symbols. */
static uint32_t telling(uint64_t *seed) {
    static const uint32_t some[] = {' ',    ' ',    ' ',    '\n',    '\r',    '\t',    '\'',   '\'',   's',    't',    'l',
                                    'L',    'r',    'e',    'E',     'v',     'V',     'd',    'm',    'M',    'a',    'Z',
                                    '0',    '7',    '9',    '.',     '/',     '$',     '<',    '`',    '~',    '_',    0x85,
                                    0xa0,   0x3000, 0x2028, 0x301,   0x93f,   0x1c5,   0x2b0,  0x5d0,  0x4e00, 0x3042, 0x30a2,
                                    0xac00, 0x660,  0x2160, 0xb2,    0x20ac,  0x1f600, 0x200d, 0xfe0f, 0x17f,  0x212a, 0xff01,
                                    0xff21, 0x2019, 0x180e, 0x10400, 0x1e900, 0xe9,    0xc9,   0x800,  0x9fa6};
    return some[next(seed) % (sizeof some / sizeof some[0])];
}

TEST(random_strings) {
    uint64_t seed = 1;
    for (size_t k = 0; k < FAMILIES; k++) {
        struct oracle o;
        oracle_open(&o, &families[k]);
        for (int round = 0; round < 20000; round++) {
            char text[TEXT_MAX];
            size_t n = 0, chars = next(&seed) % 24;
            for (size_t i = 0; i < chars; i++) n += utf8_put((uint8_t *)text + n, telling(&seed));
            compare(&families[k], &o, text, n);
        }
        oracle_close(&o);
    }
}

TEST(unicode_table_is_that_of_utf8proc) {
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        unsigned c = unicode_class_of(cp) & UC_CLASS_MASK;
        const char *k = utf8proc_category_string((int32_t)cp);
        int letter = k[0] == 'L', ok = letter == (c >= UC_LU && c <= UC_LO);
        ok &= (k[0] == 'M') == (c == UC_M) && (k[0] == 'N') == (c == UC_N) && (k[0] == 'P') == (c == UC_P) &&
              (k[0] == 'S') == (c == UC_S);
        ok &= (strcmp(k, "Lu") == 0) == (c == UC_LU) && (strcmp(k, "Ll") == 0) == (c == UC_LL);
        if (!ok) printf("# U+%04X\n", (unsigned)cp);
        CHECK(ok);
    }
    CHECK_INT(unicode_class_of(0x110000), UC_OTHER);
}

TEST(bytes_that_are_no_utf8_are_kept) {
    struct ends e = {.count = 0};
    static const uint8_t text[] = {'a', 0xff, 0xc3, ' ', 0xed, 0xa0, 0x80, 'b'};
    for (size_t k = 0; k < FAMILIES; k++) {
        e.count = 0;
        CHECK_INT(pretok_split(pretok_find(families[k].name, strlen(families[k].name)), text, sizeof text, note_word, &e), 0);
        CHECK_INT(e.at[e.count - 1], sizeof text);
    }
}

TEST(unknown_names_are_not_found) {
    CHECK(pretok_find("", 0) == NULL && pretok_find("llama", 5) == NULL && pretok_find("llama-bpe ", 10) == NULL);
    CHECK(pretok_find("dbrx", 4) != NULL && pretok_find("glm4", 4) == pretok_find("dbrx", 4));
}

TESTS_MAIN("pretok", T(unicode_table_is_that_of_utf8proc), T(every_code_point_in_context), T(random_strings),
           T(bytes_that_are_no_utf8_are_kept), T(unknown_names_are_not_found))
