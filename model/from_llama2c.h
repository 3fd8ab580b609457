/* model/from_llama2c.h - converts llama2.c checkpoints (containers v0 and v1, f32) and their tokenizer file to GGUF. */
#ifndef MODEL_FROM_LLAMA2C_H
#define MODEL_FROM_LLAMA2C_H

#include <stdint.h>

#include "base/err.h"
#include "math/weight.h"

/* Told after each layer how many are written. */
struct convert_watch {
    void (*tell)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* watch may be NULL. out appears complete or not at all. ERR_FORMAT, ERR_RANGE, ERR_SHORT, ERR_TRAILING, ERR_IO and so on, why says which file. */
int from_llama2c(const char *checkpoint, const char *tokenizer, const char *out, const struct weight_type *type,
                 const struct convert_watch *watch, struct why *why);

#endif
