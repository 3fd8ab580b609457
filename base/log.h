/* base/log.h - structured log on stderr: time, level, area, event, fields. By design no call takes a buffer or free text
 * from outside, so a prompt cannot be logged by mistake. Safe to call from any thread.
 *
 *     log_event(LOG_INFO, "link", "lost", LOG_ID("node", id, 16), LOG_CODE("reason", err_text(r)), LOG_MS("after", ms)); */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_kind { LOG_F_END, LOG_F_ID, LOG_F_COUNT, LOG_F_MS, LOG_F_CODE, LOG_F_WHY, LOG_F_NAME };

struct log_field {
    enum log_kind kind;
    const char *key; /* a literal */
    /* ID: bytes. CODE: a literal of ours. WHY: a sentence of ours, as why_text gives, which may have names in it. NAME: a peer's name, escaped, cut at
     * 64 bytes. */
    const void *data;
    uint64_t value; /* ID: length (at most 32 bytes shown); COUNT, MS */
};
#define LOG_ID(k, p, n) ((struct log_field){LOG_F_ID, (k), (p), (uint64_t)(n)})
#define LOG_COUNT(k, v) ((struct log_field){LOG_F_COUNT, (k), NULL, (uint64_t)(v)})
#define LOG_MS(k, v)    ((struct log_field){LOG_F_MS, (k), NULL, (uint64_t)(v)})
#define LOG_CODE(k, s)  ((struct log_field){LOG_F_CODE, (k), (s), 0})
#define LOG_WHY(k, s)   ((struct log_field){LOG_F_WHY, (k), (s), 0})
#define LOG_NAME(k, s)  ((struct log_field){LOG_F_NAME, (k), (s), 0})

/* "error", "warn", "info", "debug" and "text", "json": 0 or ERR_USAGE. NULL keeps what is set; $LULL_LOG is the default level. */
int log_setup(const char *level, const char *format);
int log_enabled(enum log_level level);
void log_write(enum log_level level, const char *area, const char *event, const struct log_field *fields);
/* Needs at least one field. */
#define log_event(level, area, event, ...) \
    log_write((level), (area), (event), (const struct log_field[]){__VA_ARGS__, {LOG_F_END, NULL, NULL, 0}})

#endif
