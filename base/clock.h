/* base/clock.h - time: monotonic for intervals, wall clock for what is shown or signed. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
uint64_t clock_mono_ns(void);
uint64_t clock_unix_s(void);
uint64_t clock_unix_ms(void);
enum { CLOCK_TEXT_BYTES = 40 };
/* RFC 3339 in UTC with 3 (milliseconds) or 9 (nanoseconds) fraction digits: "2026-01-02T03:04:05.678Z". */
void clock_text(char out[CLOCK_TEXT_BYTES], uint64_t unix_ns, int digits);
uint64_t clock_unix_ns(void);

#endif
