/* tests/unit/blind/own_memory.h - does this process still hold these bytes? Searches all of its writable memory. */
#ifndef TESTS_UNIT_BLIND_OWN_MEMORY_H
#define TESTS_UNIT_BLIND_OWN_MEMORY_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/check.h"

#define OWN static __attribute__((unused))
enum { OWN_MAPPING_MAX = 1 << 28 };

/* Places in one writable mapping where the needle is, but for `own`. */
OWN size_t own_mapping_has(int mem, uint64_t from, uint64_t to, const void *needle, size_t n, const void *own) {
    size_t length = (size_t)(to - from), found = 0;
    uint8_t *copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(copy != MAP_FAILED);
    if (pread(mem, copy, length, (off_t)from) == (ssize_t)length) /* guarded pages cannot be read */
        for (const uint8_t *at = copy; (at = memmem(at, length - (size_t)(at - copy), needle, n)); at++)
            found += from + (uint64_t)(at - copy) != (uint64_t)(uintptr_t)own;
    munmap(copy, length);
    return found;
}

/* own: the needle's place in the test itself. */
OWN size_t own_memory_has(const void *needle, size_t n, const void *own) {
    FILE *maps = fopen("/proc/self/maps", "re");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];
    size_t found = 0;
    CHECK(maps && mem >= 0);
    while (fgets(line, sizeof line, maps)) {
        unsigned long long from, to;
        char mode[8];
        if (sscanf(line, "%llx-%llx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w') continue;
        if (to - from <= OWN_MAPPING_MAX) found += own_mapping_has(mem, from, to, needle, n, own);
    }
    fclose(maps);
    close(mem);
    return found;
}

#endif
