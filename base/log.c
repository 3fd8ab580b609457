/* base/log.c - see log.h. One line is built in a local buffer and written with one call, so lines never mix. */
#include "base/log.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"error", "warn", "info", "debug"};
static _Atomic int level_max = LOG_INFO;
static _Atomic int as_json;

static int level_from(const char *name) {
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

int log_setup(const char *level, const char *format) {
    if (!level) level = getenv("LULL_LOG");
    if (level) {
        int l = level_from(level);
        if (l < 0) return ERR_USAGE;
        level_max = l;
    }
    if (format) {
        if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) return ERR_USAGE;
        as_json = format[0] == 'j';
    }
    return 0;
}

int log_enabled(enum log_level level) { return (int)level <= level_max; }

struct line {
    char text[1024];
    size_t len;
};

static void put(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
    va_end(ap);
    if (n > 0) l->len += (size_t)n;
    if (l->len > sizeof l->text - 2) l->len = sizeof l->text - 2;
}

/* A peer's name, cut at 64 bytes, or a sentence of ours: printable ASCII as it is, all else as %NN; quotes and backslashes never pass. In a peer's name a blank
 * is escaped too, so that it cannot look like a field. */
static void put_name(struct line *l, const char *s, unsigned char lowest, size_t max) {
    for (size_t i = 0; s && s[i] && i < max; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= lowest && c < 0x7f && c != '"' && c != '\\')
            put(l, "%c", c);
        else
            put(l, "%%%02x", c);
    }
}

static void put_value(struct line *l, const struct log_field *f) {
    char hex[2 * 32 + 1];
    const char *quote = as_json ? "\"" : "";
    switch (f->kind) {
    case LOG_F_ID:
        hex_encode(hex, f->data, f->value > 32 ? 32 : (size_t)f->value);
        put(l, "%s%s%s", quote, hex, quote);
        break;
    case LOG_F_CODE:
    case LOG_F_WHY:
    case LOG_F_NAME:
        put(l, "\"");
        put_name(l, f->data, f->kind == LOG_F_NAME ? 0x21 : 0x20, f->kind == LOG_F_NAME ? 64 : sizeof(struct why));
        put(l, "\"");
        break;
    default: put(l, "%llu", (unsigned long long)f->value);
    }
}

void log_write(enum log_level level, const char *area, const char *event, const struct log_field *f) {
    if (!log_enabled(level)) return;
    struct line l = {.len = 0};
    char when[CLOCK_TEXT_BYTES];
    clock_text(when, clock_unix_ns(), 3);
    if (as_json)
        put(&l, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"event\":\"%s\"", when, names[level], area, event);
    else
        put(&l, "%s %-5s %s %s", when, names[level], area, event);
    for (; f->kind != LOG_F_END; f++) {
        const char *unit = f->kind == LOG_F_MS ? "_ms" : "";
        put(&l, as_json ? ",\"%s%s\":" : " %s%s=", f->key, unit);
        put_value(&l, f);
    }
    if (as_json) put(&l, "}");
    l.text[l.len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, l.text, l.len); /* nowhere to report a failing log */
    (void)ignored;
}
