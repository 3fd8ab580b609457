/* base/clock.c - see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t now_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ns(void) { return now_ns(CLOCK_MONOTONIC); }
uint64_t clock_mono_us(void) { return clock_mono_ns() / 1000; }
uint64_t clock_mono_ms(void) { return clock_mono_ns() / 1000000; }
uint64_t clock_unix_ns(void) { return now_ns(CLOCK_REALTIME); }
uint64_t clock_unix_ms(void) { return clock_unix_ns() / 1000000; }
uint64_t clock_unix_s(void) { return clock_unix_ns() / 1000000000u; }

void clock_text(char out[CLOCK_TEXT_BYTES], uint64_t unix_ns, int digits) {
    time_t s = (time_t)(unix_ns / 1000000000u);
    struct tm tm;
    gmtime_r(&s, &tm);
    unsigned long frac = (unsigned long)(unix_ns % 1000000000u);
    if (digits == 3) frac /= 1000000;
    snprintf(out, CLOCK_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%0*luZ", (unsigned)(tm.tm_year + 1900) % 10000u,
             (unsigned)(tm.tm_mon + 1) % 100u, (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
             (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, digits == 3 ? 3 : 9, frac);
}
