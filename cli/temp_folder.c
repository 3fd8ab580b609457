/* cli/temp_folder.c - see temp_folder.h. Nothing outside such a folder is ever removed: links are not followed, and what is not ours stays. */
#include "cli/temp_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH_MAX = 4, UNLOCKED_S = 60 /* so long may a folder be without its lock: it is being made */ };
#define LOCK "lock"

static int open_dir(int at, const char *name) { return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

/* All that is in fd, which is closed. */
static void empty(int fd, int depth) {
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0) close(fd);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0 || depth == DEPTH_MAX) continue;
        int inner = open_dir(dirfd(d), e->d_name);
        if (inner < 0) continue;
        empty(inner, depth + 1);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    if (d) closedir(d);
}

/* ---- those whose process is gone ---- */

static int is_named(const char *name, const char *kind) {
    size_t n = strlen(kind);
    return strncmp(name, kind, n) == 0 && name[n] == '-' && strlen(name + n + 1) == 6;
}

/* 1: a folder of ours that nobody holds. */
static int is_left(int fd) {
    struct stat s;
    if (fstat(fd, &s) != 0 || s.st_uid != geteuid()) return 0;
    int lock = openat(fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (lock < 0) return errno == ENOENT && time(NULL) - s.st_mtime > UNLOCKED_S;
    int free_now = flock(lock, LOCK_EX | LOCK_NB) == 0;
    close(lock);
    return free_now;
}

static void remove_left(const char *parent, const char *kind) {
    DIR *d = opendir(parent);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!is_named(e->d_name, kind)) continue;
        int fd = open_dir(dirfd(d), e->d_name);
        if (fd < 0) continue;
        if (!is_left(fd)) {
            close(fd);
            continue;
        }
        empty(fd, 0);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    if (d) closedir(d);
}

/* ---- ours ---- */

static int lock_it(struct temp_folder *f, struct why *why) {
    char path[sizeof f->path + sizeof "/" LOCK];
    snprintf(path, sizeof path, "%s/" LOCK, f->path);
    f->lock_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f->lock_fd >= 0 && flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0) return 0;
    return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
}

int temp_folder_open(struct temp_folder *f, const char *kind, struct why *why) {
    const char *parent = getenv("TMPDIR");
    *f = (struct temp_folder){.lock_fd = -1};
    if (!parent || !*parent) parent = "/tmp";
    remove_left(parent, kind);
    int n = snprintf(f->path, sizeof f->path, "%s/%s-XXXXXX", parent, kind);
    int r = n < 0 || n >= (int)sizeof f->path ? why_set(why, ERR_LIMIT, "%.200s: too long a path", parent) : 0;
    if (r == 0 && !mkdtemp(f->path)) r = why_set(why, ERR_IO, "no folder can be made in %.200s: %s", parent, strerror(errno));
    if (r != 0)
        f->path[0] = 0;
    else if ((r = lock_it(f, why)) != 0)
        temp_folder_close(f);
    return r;
}

void temp_folder_close(struct temp_folder *f) {
    if (f->path[0]) {
        empty(open_dir(AT_FDCWD, f->path), 0);
        (void)rmdir(f->path);
        if (f->lock_fd >= 0) close(f->lock_fd);
    }
    *f = (struct temp_folder){.lock_fd = -1};
}
