/* seal/names.h - model names and the other short texts of the wire: their syntax and limits. */
#ifndef SEAL_NAMES_H
#define SEAL_NAMES_H

#include <stddef.h>

enum {
    MODEL_NAME_BYTES = 130, /* name ":" tag and a NUL */
    ENGINE_ID_BYTES = 33,   /* 1..32 printable ASCII characters without spaces, and a NUL */
    PROFILE_BYTES = 25      /* 1..24 of the same, e.g. "C1-f16" */
};
/* `name[:tag]`, both [a-z0-9][a-z0-9._-]{0,63}. Writes the full form, with tag "latest" when none is given.
 * 0, or ERR_FORMAT; out is "" then. */
int model_name_full(char out[MODEL_NAME_BYTES], const char *text);
/* 1 if text is already in full form, the only one on the wire. */
int model_name_is_full(const char *text);
/* 1 if text is 1..cap-1 printable ASCII characters (0x21..0x7e). */
int wire_id_ok(const char *text, size_t cap);

#endif
