/* tests/bench/series.h - repeated measurements, and programs that print them as JSON. */
#ifndef TESTS_BENCH_SERIES_H
#define TESTS_BENCH_SERIES_H

#include <jansson.h>

enum { SERIES_MAX = 64 };
struct series {
    double v[SERIES_MAX];
    int n;
};
void series_add(struct series *s, double x); /* what does not fit is dropped */
double series_median(struct series *s);      /* sorts; 0 when empty */
double series_spread(struct series *s);      /* (largest - smallest) / median, in percent; sorts */

/* What a shell command printed, as JSON (the first value; text after it is ignored). NULL: it failed, or printed no JSON. */
json_t *run_json(const char *command);

#endif
