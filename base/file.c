/* base/file.c - see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMP_BYTES = 704, TEMP_TRIES = 8 };

/* forbidden: mode bits that it may not have. */
static int open_regular(const char *path, unsigned forbidden, int *fd, size_t *size, struct why *why) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        int err = errno == ENOENT || errno == ENOTDIR ? ERR_NOTFOUND : errno == EACCES ? ERR_PERM : ERR_IO;
        return why_set(why, err, "%s: %s", path, strerror(errno));
    }
    struct stat st;
    if (fstat(*fd, &st) != 0) return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return why_set(why, ERR_FORMAT, "%s: not a regular file", path);
    if (st.st_mode & forbidden) return why_set(why, ERR_PERM, "%s: others can read it; chmod 600 it", path);
    *size = (size_t)st.st_size;
    return 0;
}

static int read_all(int fd, uint8_t *to, size_t n) {
    while (n) {
        ssize_t got = read(fd, to, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0 ? ERR_SHORT : ERR_IO;
        to += got;
        n -= (size_t)got;
    }
    return 0;
}

static int read_file(struct buf *b, const char *path, size_t max, unsigned forbidden, struct why *why) {
    int fd = -1;
    size_t size = 0;
    buf_init(b, max + 1);
    int r = open_regular(path, forbidden, &fd, &size, why);
    if (r == 0 && size > max) r = why_set(why, ERR_LIMIT, "%s: larger than %zu bytes", path, max);
    if (r == 0 && !buf_room(b, size + 1)) r = ERR_NOMEM;
    if (r == 0) r = read_all(fd, b->data, size);
    if (r == ERR_SHORT || r == ERR_IO) why_set(why, r, "%s: reading failed: %s", path, strerror(errno));
    if (r == 0)
        b->len = size, b->data[size] = 0; /* a NUL past the end suits text readers */
    else
        buf_release(b);
    if (fd >= 0) close(fd);
    return r;
}

int file_read(struct buf *b, const char *path, size_t max, struct why *why) { return read_file(b, path, max, 0, why); }
int file_read_private(struct buf *b, const char *path, size_t max, struct why *why) { return read_file(b, path, max, 077, why); }

int file_check(const char *path, unsigned forbidden, struct why *why) {
    int fd = -1;
    size_t size;
    int r = open_regular(path, forbidden, &fd, &size, why);
    if (fd >= 0) close(fd);
    return r;
}

static int write_all(int fd, const uint8_t *p, size_t n) {
    while (n) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return ERR_IO;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

static void sync_folder_of(const char *path) {
    char folder[512];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems refuse it on folders: the rename has still happened */
    close(fd);
}

/* A file of its own beside path: nobody else's, nor one that was left behind. */
static int open_temp(char temp[TEMP_BYTES], const char *path, unsigned mode, struct why *why) {
    for (int tries = 0; tries < TEMP_TRIES; tries++) {
        uint64_t chance;
        if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) break;
        int len = snprintf(temp, TEMP_BYTES, "%s.%016" PRIx64 ".tmp", path, chance);
        if (len < 0 || len >= TEMP_BYTES) return why_set(why, ERR_LIMIT, "%s: path too long", path);
        int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
        if (fd >= 0) return fd;
        if (errno != EEXIST) break;
    }
    return why_set(why, ERR_IO, "%s: %s", temp, strerror(errno));
}

int file_write(const char *path, const void *p, size_t n, unsigned mode, struct why *why) {
    char temp[TEMP_BYTES] = "";
    int fd = open_temp(temp, path, mode, why);
    if (fd < 0) return fd;
    int r = write_all(fd, p, n);
    if (r == 0 && fsync(fd) != 0) r = ERR_IO;
    if (close(fd) != 0 && r == 0) r = ERR_IO;
    if (r == 0 && rename(temp, path) != 0) r = ERR_IO;
    if (r != 0) {
        why_set(why, r, "%s: %s", path, strerror(errno));
        unlink(temp);
        return r;
    }
    sync_folder_of(path);
    return 0;
}

int file_map_open(struct file_map *m, const char *path, struct why *why) {
    int fd = -1;
    size_t size = 0;
    *m = (struct file_map){0};
    int r = open_regular(path, 0, &fd, &size, why);
    if (r == 0 && size == 0) r = why_set(why, ERR_SHORT, "%s: empty file", path);
    if (r == 0) {
        void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED)
            r = why_set(why, ERR_IO, "%s: cannot map: %s", path, strerror(errno));
        else
            *m = (struct file_map){.data = at, .size = size};
    }
    if (fd >= 0) close(fd);
    return r;
}

void file_map_close(struct file_map *m) {
    if (m->data) munmap((void *)(uintptr_t)m->data, m->size);
    *m = (struct file_map){0};
}

/* mkdir -p with mode 0700 for what is made. */
static int make_folders(char *path, struct why *why) {
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != 0) continue;
        char keep = *at;
        *at = 0;
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        if (failed) why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
        *at = keep;
        if (failed) return ERR_IO;
        if (keep == 0) return 0;
    }
}

static int default_path(char *out, size_t cap, const char *role, struct why *why) {
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n = xdg && *xdg     ? snprintf(out, cap, "%s/lull/%s", xdg, role)
            : home && *home ? snprintf(out, cap, "%s/.local/share/lull/%s", home, role)
                            : -1;
    if (n < 0) return why_set(why, ERR_USAGE, "no home folder: give --data DIR");
    return (size_t)n < cap ? 0 : why_set(why, ERR_LIMIT, "data folder: path too long");
}

/* Links in the path, which some of what is kept in the folder would not be opened through. */
static int resolve(char *path, size_t cap, struct why *why) {
    char *real = realpath(path, NULL);
    int r = !real                 ? why_set(why, ERR_IO, "%s: %s", path, strerror(errno))
            : strlen(real) >= cap ? why_set(why, ERR_LIMIT, "data folder: path too long")
                                  : 0;
    if (r == 0) memcpy(path, real, strlen(real) + 1);
    free(real);
    return r;
}

int data_dir_open(struct data_dir *d, const char *path, const char *role, struct why *why) {
    *d = (struct data_dir){.lock_fd = -1};
    int r = 0;
    if (!path)
        r = default_path(d->path, sizeof d->path, role, why);
    else if ((size_t)snprintf(d->path, sizeof d->path, "%s", path) >= sizeof d->path)
        r = why_set(why, ERR_LIMIT, "data folder: path too long");
    if (r == 0 && d->path[0] == 0) r = why_set(why, ERR_USAGE, "--data: empty path");
    if (r == 0) r = make_folders(d->path, why);
    if (r == 0) r = resolve(d->path, sizeof d->path, why);
    char lock[544];
    if (r == 0) {
        snprintf(lock, sizeof lock, "%s/lock", d->path);
        d->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (d->lock_fd < 0) r = why_set(why, ERR_IO, "%s: %s", lock, strerror(errno));
    }
    if (r == 0 && flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        r = why_set(why, ERR_BUSY, "%s: in use by another lull process; stop it or give another --data DIR", d->path);
    if (r != 0) data_dir_close(d);
    return r;
}

void data_dir_close(struct data_dir *d) {
    if (d->lock_fd >= 0) close(d->lock_fd);
    d->lock_fd = -1;
}

int data_dir_file(const struct data_dir *d, const char *name, char *out, size_t cap) {
    int n = snprintf(out, cap, "%s/%s", d->path, name);
    return n >= 0 && (size_t)n < cap ? 0 : ERR_LIMIT;
}
