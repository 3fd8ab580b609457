/* model/keys.c - see keys.h. */
#include "model/keys.h"

#include <stdio.h>

const char *keys_name(struct keys *k, const char *name) {
    snprintf(k->key, sizeof k->key, "%s.%s", k->arch, name);
    return k->key;
}
int keys_has(struct keys *k, const char *name) { return gguf_find(k->g, keys_name(k, name)) != NULL; }

int keys_need_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out) {
    return gguf_u32(k->g, keys_name(k, name), lo, hi, out, k->why);
}
int keys_want_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out) {
    return keys_has(k, name) ? gguf_u32(k->g, k->key, lo, hi, out, k->why) : 0;
}
int keys_need_f32(struct keys *k, const char *name, float lo, float hi, float *out) {
    return gguf_f32(k->g, keys_name(k, name), lo, hi, out, k->why);
}
int keys_want_f32(struct keys *k, const char *name, float lo, float hi, float *out) {
    return keys_has(k, name) ? gguf_f32(k->g, k->key, lo, hi, out, k->why) : 0;
}
int keys_want_bool(struct keys *k, const char *name, int *out) {
    return keys_has(k, name) ? gguf_bool(k->g, k->key, out, k->why) : 0;
}
