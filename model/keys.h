/* model/keys.h - the keys of one architecture, "{arch}.name": read with bounds, by hparams.c and by the families' files.
 *
 * Every function returns 0, or what the getters of gguf.h return, and k->why names the key. `want_` leaves *out alone when the
 * key is absent, which is no error. */
#ifndef MODEL_KEYS_H
#define MODEL_KEYS_H

#include "model/gguf.h"

struct keys {
    const struct gguf *g;
    const char *arch;
    struct why *why;
    char key[96]; /* the last one asked for, for messages */
};

const char *keys_name(struct keys *k, const char *name); /* "{arch}.name", in k->key */
int keys_has(struct keys *k, const char *name);
int keys_need_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out);
int keys_want_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out);
int keys_need_f32(struct keys *k, const char *name, float lo, float hi, float *out);
int keys_want_f32(struct keys *k, const char *name, float lo, float hi, float *out);
int keys_want_bool(struct keys *k, const char *name, int *out);

#endif
