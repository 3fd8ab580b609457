/* model/memory.c - see memory.h. What cannot be read sets no limit. */
#include "model/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 4096, PATH = 1024 };

/* The number behind `key` at the start of a line, or of the whole file when key is "". UINT64_MAX: none ("max" is none). */
static uint64_t number_in(const char *path, const char *key) {
    char line[LINE];
    uint64_t value = UINT64_MAX;
    FILE *f = fopen(path, "re");
    if (!f) return value;
    while (value == UINT64_MAX && fgets(line, sizeof line, f)) {
        size_t n = strlen(key);
        unsigned long long v;
        if (strncmp(line, key, n) == 0 && sscanf(line + n, "%llu", &v) == 1) value = v;
    }
    fclose(f);
    return value;
}

static uint64_t number_of(const char *dir, const char *file, const char *key) {
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return number_in(path, key);
}

struct group_files {
    const char *limit, *used, *cached; /* cached: the line of memory.stat */
};
static const struct group_files v1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
static const struct group_files v2 = {"memory.max", "memory.current", "inactive_file "};

static uint64_t left_in(const char *dir, const struct group_files *g) {
    uint64_t limit = number_of(dir, g->limit, ""), used = number_of(dir, g->used, ""),
             cached = number_of(dir, "memory.stat", g->cached);
    if (limit == UINT64_MAX || used == UINT64_MAX) return UINT64_MAX;
    if (cached != UINT64_MAX) used = used > cached ? used - cached : 0;
    return limit > used ? limit - used : 0;
}

/* The group and all above it: each has a limit of its own. */
static uint64_t left_along(const char *mount, const char *group, const struct group_files *g) {
    char dir[PATH];
    uint64_t least = UINT64_MAX;
    if ((size_t)snprintf(dir, sizeof dir, "%s%s", mount, group) >= sizeof dir) return least;
    for (size_t top = strlen(mount);;) {
        uint64_t left = left_in(dir, g);
        if (left < least) least = left;
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < top) return least;
        *slash = 0;
    }
}

/* Lines "NUMBER:CONTROLLERS:PATH"; v2's has no controllers (cgroups(7)). */
static uint64_t left_in_groups(const char *root) {
    char path[PATH], mount[PATH], line[LINE];
    uint64_t least = UINT64_MAX;
    snprintf(path, sizeof path, "%.900s/proc/self/cgroup", root);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;
        if (!group) continue;
        *group++ = 0;
        const struct group_files *g = names[1] == 0 ? &v2 : strcmp(names + 1, "memory") == 0 ? &v1 : NULL;
        if (!g) continue;
        snprintf(mount, sizeof mount, "%.900s/sys/fs/cgroup%s", root, g == &v1 ? "/memory" : "");
        uint64_t left = left_along(mount, group, g);
        if (left < least) least = left;
    }
    if (f) fclose(f);
    return least;
}

uint64_t memory_available(const char *root) {
    char path[PATH];
    snprintf(path, sizeof path, "%.900s/proc/meminfo", root);
    uint64_t kib = number_in(path, "MemAvailable:"), group = left_in_groups(root);
    uint64_t system = kib == UINT64_MAX ? kib : kib * 1024;
    return system < group ? system : group;
}

int memory_check(uint64_t bytes, const char *what, struct why *why) {
    uint64_t left = memory_available("");
    if (bytes <= left) return 0;
    return why_set(why, ERR_NOMEM, "%s: %.2f GiB needed, %.2f GiB of memory available", what, (double)bytes / 0x1p30,
                   (double)left / 0x1p30);
}
