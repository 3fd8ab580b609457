/* cli/log_cmd.h - what the commands of `lull log` share. A log is a folder:
 *
 *     log.key              the log's secret, its owner's alone
 *     lock                 one writer at a time
 *     public/checkpoint    and public/tile/..., as evidence/tlog_tile.h has them: what any web server may hold
 *
 * Readers take such a folder, or its public part, or the URL where that is served. */
#ifndef CLI_LOG_CMD_H
#define CLI_LOG_CMD_H

#include "base/file.h"
#include "base/json.h"
#include "evidence/tlog_checkpoint.h"
#include "evidence/tlog_client.h"
#include "evidence/tlog_tile.h"

int log_init(int argc, char **argv);
int log_append(int argc, char **argv);
int log_serve(int argc, char **argv);
int log_witness(int argc, char **argv);
int log_prove(int argc, char **argv);
int log_verify(int argc, char **argv);
int log_nonce(int argc, char **argv);

/* ---- where a log is (cli/log_place.c) ---- */

enum { LOG_PATH_BYTES = 768 };
struct log_place {
    char base[512]; /* public folder, or URL without a slash at its end */
    int is_url;
};
/* ERR_USAGE, ERR_LIMIT. */
int log_place_of(struct log_place *p, const char *where, struct why *why);
struct tlog_files log_place_files(struct log_place *p); /* p must outlive it */

/* A checkpoint as it was found, read but not believed. */
struct log_head {
    struct buf bytes;
    struct tlog_note note; /* points into bytes */
    struct tlog_checkpoint checkpoint;
};
/* *h is to be released in any case. */
int log_head_read(struct log_head *h, struct log_place *p, struct why *why);
void log_head_release(struct log_head *h);

/* Entry number index of a tree of that size; b is initialised here and to be released in any case. */
int log_entry_read(struct buf *b, struct log_place *p, uint64_t index, uint64_t size, struct why *why);

/* ---- keys (cli/log_keys.c) ---- */

/* A new key in a file of its own (0600), which must not be there yet. ERR_EXISTS, ERR_FORMAT: no name. */
int log_key_make(const char *path, const char *name, uint8_t type, struct tlog_key *key, struct why *why);
int log_key_read(const char *path, uint8_t type, struct tlog_key *key, uint8_t seed[32], struct why *why);
/* --key and --witness, given as verifier keys, and --k; k 0: all of them. witness may be NULL. */
struct opt_list;
int log_trust_read(struct log_policy *out, const char *key, const struct opt_list *witness, uint32_t k, struct why *why);

/* ---- the writer's folder (cli/log_folder.c) ---- */

struct log_folder {
    struct data_dir dir;
    struct log_place place;
    char key_path[LOG_PATH_BYTES];
};
/* ERR_BUSY: another process writes. */
int log_folder_open(struct log_folder *f, const char *path, struct why *why);
void log_folder_close(struct log_folder *f);
/* A file of the public part, all or nothing, with the folders above it. */
int log_folder_write(void *log_folder, const char *path, const void *p, size_t n);
/* Takes the place of the checkpoint. The last thing that is written, always. */
int log_folder_publish(struct log_folder *f, const void *note, size_t n, struct why *why);

/* One line of JSON on stdout; j is given away. */
void log_say(json_t *j);

#endif
