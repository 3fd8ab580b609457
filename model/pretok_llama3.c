/* model/pretok_llama3.c - scanners of the cl100k line: llama-bpe, qwen2, qwen35, deepseek-v3, tekken, gpt-4o. */
#include "model/pretok_scan.h"

static int letter_or_mark(pretok_char c) { return ch_letter(c) || ch_mark(c); }
static int other_but_marks(pretok_char c) { return scan_other(c) && !ch_mark(c); }
static int newline_or_slash(pretok_char c) { return ch_newline(c) || ch_code(c) == '/'; }

/* "[^\r\n\p{L}\p{N}]?X+" */
static size_t prefixed_letters(const pretok_char *c, size_t n, int (*is)(pretok_char)) {
    int prefix = !is(c[0]) && !ch_newline(c[0]) && !ch_letter(c[0]) && !ch_number(c[0]);
    size_t len = scan_run(c + prefix, n - (size_t)prefix, is, n);
    return len ? len + (size_t)prefix : 0;
}

/* " ?X+E*" */
static size_t blank_and_tail(const pretok_char *c, size_t n, int (*is)(pretok_char), int (*tail)(pretok_char)) {
    size_t blank = ch_code(c[0]) == ' ';
    size_t len = scan_run(c + blank, n - blank, is, n);
    if (!len) return 0;
    len += blank;
    return len + scan_run(c + len, n - len, tail, n);
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ : blanks up to the last newline of their run; without one as in GPT-2, a single blank alone. */
static size_t blanks(const pretok_char *c, size_t n) {
    size_t run = scan_run(c, n, scan_space, n), len = run;
    while (len && !ch_newline(c[len - 1])) len--;
    if (len) return len;
    return run > 1 && run < n ? run - 1 : run;
}

static size_t llama3_line(const pretok_char *c, size_t n, int (*letter)(pretok_char), int (*other)(pretok_char), size_t numbers) {
    size_t len = scan_contraction(c, n, 1);
    if (!len) len = prefixed_letters(c, n, letter);
    if (!len) len = scan_run(c, n, scan_number, numbers);
    if (!len) len = blank_and_tail(c, n, other, scan_newline);
    return len ? len : blanks(c, n);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
size_t scan_llama3(const pretok_char *c, size_t n) { return llama3_line(c, n, scan_letter, scan_other, 3); }
/* the same with \p{N} */
size_t scan_qwen2(const pretok_char *c, size_t n) { return llama3_line(c, n, scan_letter, scan_other, 1); }
/* the same with [\p{L}\p{M}]+ and [^\s\p{L}\p{M}\p{N}]+ */
size_t scan_qwen35(const pretok_char *c, size_t n) { return llama3_line(c, n, letter_or_mark, other_but_marks, 1); }

/* ---- deepseek-v3 ---- */

/* [U+4E00-9FA5 U+3040-309F U+30A0-30FF]+ */
static int cjk(pretok_char c) {
    uint32_t x = ch_code(c);
    return (x >= 0x4e00 && x <= 0x9fa5) || (x >= 0x3040 && x <= 0x30ff);
}
size_t scan_cjk(const pretok_char *c, size_t n) { return scan_run(c, n, cjk, n); }

static int ascii_letter(pretok_char c) {
    uint32_t x = ch_code(c) | 32;
    return x >= 'a' && x <= 'z';
}
static int ascii_punct(pretok_char c) {
    uint32_t x = ch_code(c);
    return x > 32 && x < 127 && !ascii_letter(c) && !(x >= '0' && x <= '9');
}
static int punct_or_symbol(pretok_char c) { return ch_punct(c) || ch_symbol(c); }

/* [!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
size_t scan_deepseek3(const pretok_char *c, size_t n) {
    size_t len = ascii_punct(c[0]) ? scan_run(c + 1, n - 1, ascii_letter, n) : 0;
    if (len) return len + 1;
    int prefix = !letter_or_mark(c[0]) && !ch_newline(c[0]) && !punct_or_symbol(c[0]);
    len = scan_run(c + prefix, n - (size_t)prefix, letter_or_mark, n);
    if (len) return len + (size_t)prefix;
    len = blank_and_tail(c, n, punct_or_symbol, scan_newline);
    return len ? len : blanks(c, n);
}

/* ---- tekken and gpt-4o: letters in runs that know about case ---- */

static int upper(pretok_char c) { return ch_letter(c) ? ch_class(c) != UC_LL : ch_mark(c); }
static int lower(pretok_char c) { return ch_class(c) == UC_LL || ch_class(c) == UC_LM || ch_class(c) == UC_LO || ch_mark(c); }

/* [upper]*[lower]+ : what both classes hold goes to the first, which gives back no more than it must. */
static size_t capitalised(const pretok_char *c, size_t n) {
    size_t ups = scan_run(c, n, upper, n), lows = scan_run(c + ups, n - ups, lower, n);
    if (lows) return ups + lows;
    while (ups && !lower(c[ups - 1])) ups--;
    return ups;
}

/* [upper]+[lower]* */
static size_t capitals(const pretok_char *c, size_t n) {
    size_t ups = scan_run(c, n, upper, n);
    return ups ? ups + scan_run(c + ups, n - ups, lower, n) : 0;
}

/* "[^\r\n\p{L}\p{N}]?" in front, given back if nothing follows it. */
static size_t with_prefix(const pretok_char *c, size_t n, size_t (*run)(const pretok_char *c, size_t n)) {
    int prefix = !ch_newline(c[0]) && !ch_letter(c[0]) && !ch_number(c[0]);
    size_t len = prefix && n > 1 ? run(c + 1, n - 1) : 0;
    return len ? len + 1 : run(c, n);
}

static size_t cased_line(const pretok_char *c, size_t n, int contractions, size_t numbers) {
    size_t len = with_prefix(c, n, capitalised);
    if (!len) len = with_prefix(c, n, capitals);
    if (len) return len + (contractions ? scan_contraction(c + len, n - len, 1) : 0);
    len = scan_run(c, n, scan_number, numbers);
    if (!len) len = blank_and_tail(c, n, scan_other, newline_or_slash);
    return len ? len : blanks(c, n);
}

/* [^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L = [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
size_t scan_tekken(const pretok_char *c, size_t n) { return cased_line(c, n, 0, 1); }
/* the same with (?i:'s|'t|'re|'ve|'m|'ll|'d)? after the two letter runs, and \p{N}{1,3} */
size_t scan_gpt4o(const pretok_char *c, size_t n) { return cased_line(c, n, 1, 3); }
