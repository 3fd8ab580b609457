/* blind/hint_journal.c - see hint_journal.h. */
#include "blind/hint_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/wire.h"

enum { LINE_BYTES = 4 + 32 + 12 };

static int failed(const struct hint_journal *j, struct why *why) {
    return why_set(why, ERR_IO, "%s: %s", j->path, strerror(errno));
}

static void write_line(uint8_t line[LINE_BYTES], const struct hint_journal *j, uint32_t stack, const uint8_t digest[32]) {
    uint8_t check[32];
    struct writer w = writer_over(line, LINE_BYTES);
    write_u32_le(&w, stack);
    write_bytes(&w, digest, 32);
    sha256_joined(check, "lull hint journal v1", j->identity, 32, line, 36);
    write_bytes(&w, check, 12);
}

static void read_lines(struct hint_journal *j, uint32_t stacks, uint8_t *whole, uint8_t *digests) {
    uint8_t line[LINE_BYTES], want[LINE_BYTES];
    while (pread(j->fd, line, LINE_BYTES, (off_t)j->end) == LINE_BYTES) {
        struct reader in = reader_over(line, LINE_BYTES);
        uint32_t stack = read_u32_le(&in);
        if (stack >= stacks) return;
        write_line(want, j, stack, line + 4);
        if (memcmp(line, want, LINE_BYTES) != 0) return;
        whole[stack] = 1;
        memcpy(digests + 32 * (size_t)stack, line + 4, 32);
        j->end += LINE_BYTES;
    }
}

int hint_journal_open(struct hint_journal *j, const char *path, const uint8_t identity[32], uint32_t stacks, uint8_t *whole,
                      uint8_t *digests, struct why *why) {
    *j = (struct hint_journal){.end = 32};
    snprintf(j->path, sizeof j->path, "%s", path);
    memcpy(j->identity, identity, 32);
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0) return failed(j, why);
    uint8_t there[32];
    if (pread(j->fd, there, 32, 0) == 32 && memcmp(there, identity, 32) == 0) {
        read_lines(j, stacks, whole, digests);
        return ftruncate(j->fd, (off_t)j->end) == 0 ? 0 : failed(j, why);
    }
    if (ftruncate(j->fd, 0) != 0 || pwrite(j->fd, identity, 32, 0) != 32 || fsync(j->fd) != 0) return failed(j, why);
    return 0;
}

int hint_journal_add(struct hint_journal *j, uint32_t stack, const uint8_t digest[32], struct why *why) {
    uint8_t line[LINE_BYTES];
    write_line(line, j, stack, digest);
    if (pwrite(j->fd, line, LINE_BYTES, (off_t)j->end) != LINE_BYTES || fdatasync(j->fd) != 0) return failed(j, why);
    j->end += LINE_BYTES;
    return 0;
}

void hint_journal_close(struct hint_journal *j) {
    if (j->fd >= 0) close(j->fd);
    j->fd = -1;
}

void hint_journal_remove(struct hint_journal *j) {
    hint_journal_close(j);
    unlink(j->path);
}
