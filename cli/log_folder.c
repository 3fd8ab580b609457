/* cli/log_folder.c - a log's own folder, as its one writer has it. See log_cmd.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/log_cmd.h"

int log_folder_open(struct log_folder *f, const char *path, struct why *why) {
    memset(f, 0, sizeof *f);
    f->dir.lock_fd = -1;
    int r = data_dir_open(&f->dir, path, "log", why);
    if (r == 0) r = data_dir_file(&f->dir, "log.key", f->key_path, sizeof f->key_path);
    if (r == 0) r = data_dir_file(&f->dir, "public", f->place.base, sizeof f->place.base);
    return r;
}

void log_folder_close(struct log_folder *f) { data_dir_close(&f->dir); }

/* The folders above path; path is put back as it was. */
static int make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0755) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) return ERR_IO;
    }
    return 0;
}

int log_folder_write(void *log_folder, const char *path, const void *p, size_t n) {
    const struct log_folder *f = log_folder;
    char whole[LOG_PATH_BYTES];
    if (snprintf(whole, sizeof whole, "%s/%s", f->place.base, path) >= (int)sizeof whole) return ERR_LIMIT;
    int r = make_folders(whole);
    return r == 0 ? file_write(whole, p, n, 0644, NULL) : r;
}

int log_folder_publish(struct log_folder *f, const void *note, size_t n, struct why *why) {
    int r = log_folder_write(f, "checkpoint", note, n);
    return r == 0 ? 0 : why_set(why, r, "%.250s/checkpoint: %s", f->place.base, strerror(errno));
}
