/* cli/memsearch.c - many byte strings in a process's memory, in one pass.
 *
 * Every pattern is indexed by its first four bytes: a bitmap says no for nearly every offset, a chained table decides. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/proc.h"

enum { PATTERN_BYTES = 64, KEY_BITS = 16, PIECE = 1 << 20 };

struct pattern {
    uint8_t bytes[PATTERN_BYTES];
    uint32_t n, next; /* next: index + 1 in the chain of its key, 0 ends it */
};
struct patterns {
    size_t count, max;
    uint8_t seen[(1 << KEY_BITS) / 8];
    uint32_t first[1 << KEY_BITS];
    struct pattern list[];
};

static uint32_t key_of(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v * 2654435761u >> (32 - KEY_BITS); /* Knuth's multiplicative hash */
}

int patterns_new(struct patterns **out, size_t max) {
    *out = mem_zalloc(1, sizeof(struct patterns) + max * sizeof(struct pattern));
    if (!*out) return ERR_NOMEM;
    (*out)->max = max;
    return 0;
}

void patterns_free(struct patterns *s) {
    if (!s) return;
    mem_wipe(s, sizeof *s + s->max * sizeof s->list[0]);
    free(s);
}

int patterns_add(struct patterns *s, const void *bytes, size_t n) {
    if (n < 4 || n > PATTERN_BYTES) return ERR_RANGE;
    if (s->count == s->max) return ERR_LIMIT;
    uint32_t key = key_of(bytes);
    struct pattern *p = &s->list[s->count++];
    memcpy(p->bytes, bytes, n);
    p->n = (uint32_t)n;
    p->next = s->first[key];
    s->first[key] = (uint32_t)s->count;
    s->seen[key / 8] |= (uint8_t)(1u << key % 8);
    return 0;
}

static int telling(const uint8_t *p, size_t n) { /* runs of blanks or zeros stand everywhere */
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++) distinct += memchr(p, p[i], i) == NULL;
    return distinct > 2;
}

int patterns_add_windows(struct patterns *s, const void *text, size_t n, size_t width) {
    const uint8_t *p = text;
    int r = 0;
    for (size_t i = 0; r == 0 && i + width <= n; i++)
        if (telling(p + i, width)) r = patterns_add(s, p + i, width);
    return r;
}

/* Hits that begin in [0, n) of data; data holds `beyond` more bytes for patterns that reach over the end. */
static uint64_t count_hits(const struct patterns *s, const uint8_t *data, size_t n, size_t beyond) {
    uint64_t hits = 0;
    for (size_t i = 0; i < n && i + 4 <= n + beyond; i++) {
        uint32_t key = key_of(data + i);
        if (!(s->seen[key / 8] >> key % 8 & 1)) continue;
        for (uint32_t at = s->first[key]; at; at = s->list[at - 1].next) {
            const struct pattern *p = &s->list[at - 1];
            if (p->n <= n + beyond - i && memcmp(p->bytes, data + i, p->n) == 0) {
                hits++;
                break;
            }
        }
    }
    return hits;
}

static uint64_t search_range(int fd, const struct patterns *s, uint64_t from, uint64_t to, uint8_t *piece, uint64_t *bytes) {
    uint64_t hits = 0;
    while (from < to) {
        size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;
        ssize_t got = pread(fd, piece, want, (off_t)from);
        if (got <= 0) return hits; /* guard pages and device maps are not readable */
        size_t n = (size_t)got, beyond = from + n < to && n > PATTERN_BYTES ? PATTERN_BYTES : 0;
        hits += count_hits(s, piece, n - beyond, beyond);
        *bytes += n - beyond;
        from += n - beyond;
    }
    return hits;
}

/* "from-to perms offset dev inode path": what no file backs, or what the process may write. Pages that only mirror a file
 * (the program itself) cannot hold what was received. */
static int worth_reading(const char *line, uint64_t *from, uint64_t *to) {
    unsigned long long a, b, inode;
    char perms[8];
    if (sscanf(line, "%llx-%llx %7s %*s %*s %llu", &a, &b, perms, &inode) != 4) return 0;
    *from = a, *to = b;
    return perms[0] == 'r' && (perms[1] == 'w' || inode == 0) && !strstr(line, "[vvar]") && !strstr(line, "[vsyscall]");
}

int proc_search(const struct proc *p, const struct patterns *s, uint64_t *hits, uint64_t *bytes_read) {
    *hits = *bytes_read = 0;
    if (p->pid <= 0 || p->mem_fd < 0) return ERR_WRONG_STATE;
    uint8_t *piece = malloc(PIECE);
    int copy = dup(p->maps_fd);
    FILE *maps = copy < 0 ? NULL : fdopen(copy, "r");
    if (!piece || !maps) {
        free(piece);
        if (maps)
            fclose(maps);
        else if (copy >= 0)
            close(copy);
        return ERR_NOMEM;
    }
    int status;
    kill(p->pid, SIGSTOP);
    while (waitpid(p->pid, &status, WUNTRACED) < 0 && errno == EINTR) {}
    rewind(maps);
    char line[512];
    uint64_t from, to;
    while (fgets(line, sizeof line, maps))
        if (worth_reading(line, &from, &to)) *hits += search_range(p->mem_fd, s, from, to, piece, bytes_read);
    kill(p->pid, SIGCONT);
    fclose(maps);
    mem_wipe(piece, PIECE);
    free(piece);
    return *bytes_read ? 0 : ERR_IO;
}
