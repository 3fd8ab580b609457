/* model/pretok_families.c - which scanners belong to which value of tokenizer.ggml.pre. */
#include "model/pretok_scan.h"

#include <string.h>

#define LLAMA3_NAMES "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral"
static const struct pretok families[] = {
    {LLAMA3_NAMES, {scan_llama3}, 1, 1},
    {"smaug-bpe dbrx glm4 chatglm-bpe", {scan_llama3}, 0, 0},
    {"qwen2 deepseek-r1-qwen stablelm2 megrez hunyuan", {scan_qwen2}, 0, 0},
    {"qwen35", {scan_qwen35}, 0, 0},
    {"gpt-2 phi-2 mpt olmo jais gigachat exaone4", {scan_gpt2}, 0, 0},
    {"smollm starcoder refact command-r codeshell exaone minerva-7b", {scan_one_number, scan_gpt2}, 0, 0},
    {"deepseek-v3 hunyuan-dense", {scan_three_numbers, scan_cjk, scan_deepseek3}, 0, 0},
    {"deepseek-coder", {scan_one_newline, scan_coder_letters, scan_coder_punct, scan_wide, scan_one_number}, 0, 0},
    {"deepseek-llm", {scan_one_newline, scan_llm_letters, scan_llm_punct, scan_blanks_at_end, scan_wide, scan_numbers}, 0, 0},
    {"falcon", {scan_falcon_punct, scan_gpt2, scan_three_digits}, 0, 0},
    {"tekken", {scan_tekken}, 1, 1},
    {"gpt-4o llama4", {scan_gpt4o}, 0, 0},
    {"default", {scan_default_punct, scan_gpt2, scan_numbers, scan_three_digits}, 0, 0},
};

/* 1 if the blank-separated list holds name. */
static int lists(const char *list, const char *name, size_t n) {
    for (const char *at = list; *at; at += *at == ' ') {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, name, n) == 0) return 1;
        at += len;
    }
    return 0;
}

const struct pretok *pretok_find(const char *name, size_t n) {
    for (size_t i = 0; n && i < sizeof families / sizeof families[0]; i++)
        if (lists(families[i].names, name, n)) return &families[i];
    return NULL;
}
