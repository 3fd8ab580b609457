/* blind/prepared.h - an opened prepared folder (blind/prepare.h): everything in it was checked against the manifest's digests. */
#ifndef BLIND_PREPARED_H
#define BLIND_PREPARED_H

#include <stdint.h>

#include "base/err.h"
#include "blind/blind_manifest.h"
#include "blind/freivalds.h"
#include "model/linear.h"

/* Names of the files. */
#define PREPARED_MANIFEST "manifest"
#define PREPARED_CHECKS   "checks"
#define PREPARED_CLIENT   "client.gguf"

struct prepared;
/* digest: of the manifest that it must be, or NULL. Reads and hashes every file. ERR_NOTFOUND, ERR_PERM (others can read the checks),
 * ERR_AUTH (a digest differs: another model's, cut or changed), ERR_SHORT, ERR_TRAILING, ERR_FORMAT, ERR_RANGE, ERR_NOMEM, ERR_IO; why
 * names the file and what was wrong with it. */
int prepared_open(struct prepared **out, const char *dir, const uint8_t *digest, struct why *why);
void prepared_close(struct prepared *p); /* wipes the checks; NULL is fine */

/* All of these live as long as p and may be read by any thread. */
const struct blind_manifest *prepared_manifest(const struct prepared *p);
const uint8_t *prepared_digest(const struct prepared *p);                         /* 32 bytes: of the manifest */
const struct linear *prepared_stacks(const struct prepared *p);                   /* [manifest's stack_count] */
const struct freivalds *prepared_check(const struct prepared *p, uint32_t stack); /* stack < stack_count */
const char *prepared_client_path(const struct prepared *p);                       /* its bytes were hashed by prepared_open */

/* For blind/prepare.c: the manifest of a folder, alone; length and hash of a file. */
int prepared_manifest_read(struct blind_manifest *out, const char *dir, struct why *why);
int prepared_file_hash(const char *path, uint64_t *bytes, uint8_t sha256[32], struct why *why);

#endif
