/* blind/check_file.h - a client's secret checks of all stacks of a model, and what else it measured of them; in memory and as a file.
 *
 * Big endian; n residues as in blind/residues.h with the stack's field. Shapes are the manifest's, so every length is known beforehand:
 *     u8 version 1 | SHA-256: digest of the blind manifest | stacks x
 *     (u64 norm2_max | rows x u32 bits of the row's scale | 3 rows residues: s | 3 cols residues: t) | SHA-256 of all before it */
#ifndef BLIND_CHECK_FILE_H
#define BLIND_CHECK_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "blind/blind_manifest.h"
#include "blind/freivalds.h"
#include "model/linear.h"

enum { CHECK_FILE_VERSION = 1 };
struct check_set {
    uint32_t stack_count;
    struct linear *linear;   /* [stack_count]; row_scale points into scales */
    struct freivalds *check; /* [stack_count]; s and t point into words */
    float *scales;           /* all rows of all stacks */
    uint32_t *words;         /* secret_pages */
};
/* Room for the manifest's shapes (its roots are not read): norms and scales 0, T not set, s and t zero. ERR_NOMEM. */
int check_set_init(struct check_set *c, const struct blind_manifest *m);
void check_set_release(struct check_set *c); /* wipes; fine on a zeroed one */
/* The scales of a stack, to be filled in. */
float *check_set_scales(struct check_set *c, uint32_t stack);
/* Sets a stack's norm and T from it. ERR_RANGE: more than its columns can have, or no T. */
int check_set_norm(struct check_set *c, uint32_t stack, uint64_t norm2_max);

/* Exact length of the file of a model of these shapes. */
size_t check_file_bytes(const struct blind_manifest *m);
/* Fills out (check_file_bytes(m)). ERR_RANGE cannot be (s and t are residues), ERR_NOMEM: out_n is another length. */
int check_file_write(uint8_t *out, size_t out_n, const struct check_set *c, const struct blind_manifest *m,
                     const uint8_t digest[32]);
/* Reads the checks of m, whose digest is given. *out is set only on success. ERR_SHORT, ERR_TRAILING: another length (the file was cut);
 * ERR_AUTH: not its own digest, or of another manifest; ERR_VERSION, ERR_RANGE, ERR_FORMAT, ERR_NOMEM. */
int check_file_read(const uint8_t *p, size_t n, const struct blind_manifest *m, const uint8_t digest[32], struct check_set *out,
                    struct why *why);

#endif
