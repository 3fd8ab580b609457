/* tests/bench/series.c - see series.h. */
#include "tests/bench/series.h"

#include <stdio.h>
#include <stdlib.h>

void series_add(struct series *s, double x) {
    if (s->n < SERIES_MAX) s->v[s->n++] = x;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double series_median(struct series *s) {
    qsort(s->v, (size_t)s->n, sizeof s->v[0], by_value);
    if (s->n == 0) return 0;
    return s->n % 2 ? s->v[s->n / 2] : (s->v[s->n / 2 - 1] + s->v[s->n / 2]) / 2;
}

double series_spread(struct series *s) {
    double m = series_median(s);
    return m > 0 ? 100 * (s->v[s->n - 1] - s->v[0]) / m : 0;
}

json_t *run_json(const char *command) {
    static char out[1 << 20];
    FILE *p = popen(command, "r");
    size_t n = p ? fread(out, 1, sizeof out, p) : 0;
    if (!p || pclose(p) != 0) return NULL;
    return json_loadb(out, n, JSON_DISABLE_EOF_CHECK, NULL);
}
