/* tests/e2e/notice.c - see notice.h. */
#include "tests/e2e/notice.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"

void notice_start(struct notice *n, const char *log) {
    struct stat st;
    snprintf(n->log, sizeof n->log, "%s", log);
    n->from = stat(log, &st) == 0 ? (long)st.st_size : 0;
    n->struck = clock_unix_ms();
}

/* "2026-01-02T03:04:05.678Z info  attempt failed ...": the time, or 0 when the line says something else. */
static uint64_t loss_in(const char *line) {
    static const char *const words[] = {" attempt failed", " attempt silent", " link lost"};
    struct tm t = {0};
    int ms = 0, said = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) said |= strstr(line, words[i]) != NULL;
    if (!said ||
        sscanf(line, "%d-%d-%dT%d:%d:%d.%dZ", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec, &ms) != 7)
        return 0;
    t.tm_year -= 1900, t.tm_mon -= 1;
    return (uint64_t)timegm(&t) * 1000 + (uint64_t)ms;
}

int64_t notice_ms(const struct notice *n) {
    char line[1024];
    int64_t after = -1;
    FILE *f = fopen(n->log, "re");
    if (!f) return -1;
    if (fseek(f, n->from, SEEK_SET) == 0)
        while (after < 0 && fgets(line, sizeof line, f)) {
            uint64_t at = loss_in(line);
            if (at) after = at > n->struck ? (int64_t)(at - n->struck) : 0;
        }
    fclose(f);
    return after;
}
