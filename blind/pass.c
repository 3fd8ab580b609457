/* blind/pass.c - see pass.h. */
#include "blind/pass.h"

void pass_prompt(struct pass *p, uint32_t columns) {
    p->prompt_left = columns;
    p->taken = 0;
    p->kind = PASS_NONE;
}

void pass_begin(struct pass *p, uint32_t stack, uint32_t count) {
    if (stack != 0 && p->kind != PASS_NONE) return;
    p->taken = count < p->prompt_left ? count : p->prompt_left;
    p->prompt_left -= p->taken;
    p->kind = p->taken || count > p->decode_columns ? PASS_PROMPT : PASS_DECODE;
}

void pass_failed(struct pass *p) {
    p->prompt_left += p->taken;
    p->taken = 0;
    p->kind = PASS_NONE;
}

uint32_t pass_padded(const struct pass *p, uint32_t stack, uint32_t count) {
    int few = p->kind == PASS_DECODE || stack == p->stack_count - 1;
    if (few && count <= p->decode_columns) return p->decode_columns;
    return (count + PASS_CHUNK - 1) / PASS_CHUNK * PASS_CHUNK;
}
