/* bench_store - what accounting costs: the loop's side of one row, and rows a second through the store thread to the disk.
 *
 * Prints one line. The loop's side is what counts for a relayed chunk: it must stay far below a millisecond whatever the disk
 * does. Rows go to a database in a temporary folder ($TMPDIR or /tmp): the commit rate is that file system's. */
#include "base/clock.h"
#include "base/secret.h"
#include "coordinator/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 20000, PLACES = 4096 };

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static uint64_t ns[ROWS];
    char folder[256], path[300], command[320];
    struct store_backend b;
    struct store *s = NULL;
    struct why why = {{0}};
    if (secret_setup() != 0) return 1;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/lull-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/store.db", folder);
    int r = store_sqlite_open(&b, path, &why);
    if (r == 0) r = store_start(&s, &b, PLACES, 0, &why);
    if (r != 0) {
        fprintf(stderr, "bench_store: %s\n", why_text(&why, r));
        return 1;
    }
    struct store_job j = {
        .model = "lull-toy:q8_0", .frame_bytes = 256, .outcome = OUTCOME_DONE, .stated = 1, .output_tokens = 100};
    uint64_t from = clock_mono_ns(), full = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
        uint64_t at = clock_mono_ns();
        while (store_reserve(s) != 0) { /* a coordinator would answer busy */
            full++;
            usleep(100);
            at = clock_mono_ns();
        }
        memcpy(j.id, &i, sizeof i);
        j.end_ms = clock_unix_ms();
        store_put_job(s, &j);
        ns[i] = clock_mono_ns() - at;
    }
    uint32_t lost = store_stop(s, 30000);
    double seconds = (double)(clock_mono_ns() - from) / 1e9;
    qsort(ns, ROWS, sizeof ns[0], by_value);
    printf("store: %.0f rows/s to disk; on the loop p50 %.1f us, p99 %.1f us, max %.1f us; waits for a place %llu; lost %u\n",
           ROWS / seconds, (double)ns[ROWS / 2] / 1e3, (double)ns[ROWS * 99 / 100] / 1e3, (double)ns[ROWS - 1] / 1e3,
           (unsigned long long)full, lost);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || lost != 0;
}
