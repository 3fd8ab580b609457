/* base/wire.h - bounded reader and writer over memory, with an error that sticks.
 *
 * After the first failure every read gives zero and every write does nothing, so a message is read straight down and
 * checked once at the end. Wire integers are big-endian; the _le calls serve little-endian files. */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *p;
    size_t left;
    int err; /* 0 or the first ERR_* */
};
struct reader reader_over(const void *p, size_t n);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
uint16_t read_u16_le(struct reader *r);
uint32_t read_u32_le(struct reader *r);
uint64_t read_u64_le(struct reader *r);
void read_copy(struct reader *r, void *out, size_t n); /* out is zeroed on failure */
const uint8_t *read_bytes(struct reader *r, size_t n); /* points into the input; NULL on failure */
/* A length-prefixed block as a reader of its own. Longer than max is ERR_LIMIT. */
struct reader read_block8(struct reader *r, size_t max);
struct reader read_block16(struct reader *r, size_t max);
struct reader read_block32(struct reader *r, size_t max);
/* u8/u16-length-prefixed text into out[cap], NUL-terminated. Over cap-1 bytes is ERR_LIMIT, a NUL inside ERR_FORMAT. */
void read_text8(struct reader *r, char *out, size_t cap);
void read_text16(struct reader *r, char *out, size_t cap);
void read_fail(struct reader *r, int err); /* keeps an earlier error */
/* 0 when all was read and nothing failed; ERR_TRAILING when bytes are left over; else the first error. */
int read_end(struct reader *r);

struct writer {
    uint8_t *p;
    size_t len, cap;
    int err; /* 0 or ERR_NOMEM, ERR_LIMIT */
};
struct writer writer_over(void *p, size_t cap);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_u16_le(struct writer *w, uint16_t v);
void write_u32_le(struct writer *w, uint32_t v);
void write_u64_le(struct writer *w, uint64_t v);
void write_bytes(struct writer *w, const void *p, size_t n);
void write_zeros(struct writer *w, size_t n);
void write_block8(struct writer *w, const void *p, size_t n); /* n over the prefix is ERR_LIMIT */
void write_block16(struct writer *w, const void *p, size_t n);
void write_block32(struct writer *w, const void *p, size_t n);
void write_text8(struct writer *w, const char *s);
void write_text16(struct writer *w, const char *s);

#endif
