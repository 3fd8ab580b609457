/* model/pretok_scan.h - the scanners: each is the match of one regular expression at c[0], quoted beside its body. */
#ifndef MODEL_PRETOK_SCAN_H
#define MODEL_PRETOK_SCAN_H

#include "model/pretok_chars.h"

/* Parts that the scanners share. */
size_t scan_run(const pretok_char *c, size_t n, int (*is)(pretok_char), size_t max);
int scan_letter(pretok_char c);
int scan_number(pretok_char c);
int scan_space(pretok_char c);
int scan_newline(pretok_char c);
int scan_other(pretok_char c);                                         /* [^\s\p{L}\p{N}] */
size_t scan_contraction(const pretok_char *c, size_t n, int any_case); /* 's|'t|'re|'ve|'m|'ll|'d */
size_t scan_blanks_before(const pretok_char *c, size_t n);             /* \s+(?!\S) */

/* pretok_gpt2.c */
pretok_match scan_gpt2, scan_one_number, scan_numbers, scan_three_numbers, scan_three_digits, scan_default_punct,
    scan_falcon_punct;
pretok_match scan_one_newline, scan_coder_letters, scan_coder_punct, scan_wide, scan_llm_letters, scan_llm_punct,
    scan_blanks_at_end;
/* pretok_llama3.c */
pretok_match scan_llama3, scan_qwen2, scan_qwen35, scan_deepseek3, scan_cjk, scan_tekken, scan_gpt4o;

#endif
