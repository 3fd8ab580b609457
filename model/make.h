/* model/make.h - synthetic models: real shapes, random weights, a made-up vocabulary of the right family. For measuring and
 * for tests; they answer nonsense. The same shape, type and seed give the same file. */
#ifndef MODEL_MAKE_H
#define MODEL_MAKE_H

#include <stdint.h>

#include "base/err.h"
#include "math/weight.h"
#include "model/from_llama2c.h"

/* "tinyllama-1.1b, llama3.2-1b, ..." */
extern const char make_shape_names[];
/* out appears complete or not at all. ERR_NOTFOUND: no such shape. watch may be NULL. */
int make_model(const char *shape, const struct weight_type *type, uint64_t seed, const char *out,
               const struct convert_watch *watch, struct why *why);

#endif
