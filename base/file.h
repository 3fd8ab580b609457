/* base/file.h - files: bounded reading, all-or-nothing writing, mapping, and a role's data folder. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* Reads a whole regular file of at most max bytes into b (initialised here). ERR_NOTFOUND, ERR_LIMIT, ERR_IO. */
int file_read(struct buf *b, const char *path, size_t max, struct why *why);
/* The same for a key: ERR_PERM when others than its owner may read or write it. */
int file_read_private(struct buf *b, const char *path, size_t max, struct why *why);
/* 0 for a readable regular file whose mode has none of these bits. For files that a library opens by their name: a pipe would
 * make it wait for ever. ERR_NOTFOUND, ERR_PERM, ERR_FORMAT, ERR_IO. */
int file_check(const char *path, unsigned forbidden, struct why *why);
/* Writes path all or nothing: temporary file beside it, fsync, rename, fsync of the folder. mode is e.g. 0600. */
int file_write(const char *path, const void *p, size_t n, unsigned mode, struct why *why);

struct file_map {
    const uint8_t *data;
    size_t size;
};
/* Maps a regular, non-empty file read-only. */
int file_map_open(struct file_map *m, const char *path, struct why *why);
void file_map_close(struct file_map *m); /* fine on a zeroed map */

/* A role's own folder: mode 0700, one process at a time (flock on "lock" inside). */
struct data_dir {
    char path[512];
    int lock_fd; /* -1 when closed */
};
/* path NULL: $XDG_DATA_HOME/lull/ROLE or ~/.local/share/lull/ROLE; made when missing; links in it are resolved. ERR_BUSY: another process has it. */
int data_dir_open(struct data_dir *d, const char *path, const char *role, struct why *why);
void data_dir_close(struct data_dir *d);
/* path/name into out; ERR_LIMIT when it does not fit. */
int data_dir_file(const struct data_dir *d, const char *name, char *out, size_t cap);

#endif
