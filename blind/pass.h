/* blind/pass.h - how the columns of a forward pass are filled up, so that what is sent depends on the padded length of a
 * prompt and on the number of passes alone. Prompts go in chunks of 64 columns, what comes after them in passes of a fixed
 * number. Pure. */
#ifndef BLIND_PASS_H
#define BLIND_PASS_H

#include <stdint.h>

enum { PASS_CHUNK = 64 };
enum pass_kind { PASS_NONE, PASS_PROMPT, PASS_DECODE };
struct pass {
    uint32_t decode_columns, stack_count; /* 1..PASS_CHUNK; the last stack is the output matrix */
    enum pass_kind kind;
    uint32_t prompt_left, taken; /* columns of prompt that are yet to come; that this pass took of them */
};
/* So many columns of prompt follow. */
void pass_prompt(struct pass *p, uint32_t columns);
/* A product of the stack is asked for: with stack 0 a new pass begins. */
void pass_begin(struct pass *p, uint32_t stack, uint32_t count);
/* The pass failed: its columns of prompt will come again. */
void pass_failed(struct pass *p);
/* How many columns go out for count. The output matrix is asked for one column per sequence, in prompts too. */
uint32_t pass_padded(const struct pass *p, uint32_t stack, uint32_t count);

#endif
