/* cli/attest_input.c - times, files, hexadecimal and policies that the user names. See attest.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/hash.h"
#include "cli/attest.h"

/* ---- times ---- */

#define LAST_SECOND ((int64_t)253402300799) /* of the year 9999 */

/* Exactly n digits at *s, which moves on; -1: there are fewer. */
static int digits(const char **s, int n) {
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9') return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}
static int skip(const char **s, const char *any) {
    if (!**s || !strchr(any, **s)) return 0;
    (*s)++;
    return 1;
}

static int64_t days_before(int year, int month) { /* 1970-01-01 is day 0; years from 1970 on */
    static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - 1;
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] + (leap && month > 2);
}
static int month_days(int year, int month) {
    return (int)(month == 12 ? 31 : days_before(year, month + 1) - days_before(year, month));
}

static int read_offset(const char **s, int64_t *seconds) {
    *seconds = 0;
    if (skip(s, "Zz")) return 1;
    int sign = **s == '-' ? -1 : 1;
    if (!skip(s, "+-")) return 0;
    int hours = digits(s, 2), colon = skip(s, ":"), minutes = digits(s, 2);
    *seconds = sign * (hours * 3600 + minutes * 60);
    return colon && hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

static int read_rfc3339(int64_t *out, const char *s) {
    int year = digits(&s, 4), d1 = skip(&s, "-"), month = digits(&s, 2), d2 = skip(&s, "-"), day = digits(&s, 2);
    int t = skip(&s, "Tt"), hour = digits(&s, 2), c1 = skip(&s, ":"), minute = digits(&s, 2), c2 = skip(&s, ":"),
        second = digits(&s, 2);
    int64_t offset;
    if (!d1 || !d2 || !t || !c1 || !c2 || year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return 0;
    if (skip(&s, ".")) {
        if (digits(&s, 1) < 0) return 0;
        s += strspn(s, "0123456789");
    }
    if (!read_offset(&s, &offset) || *s) return 0;
    *out = (days_before(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 + second - offset;
    return *out >= 0;
}

int attest_time_read(int64_t *out, const char *text, struct why *why) {
    size_t n = strlen(text);
    if (n > 0 && n <= 12 && strspn(text, "0123456789") == n) {
        *out = (int64_t)strtoll(text, NULL, 10);
        if (*out <= LAST_SECOND) return 0;
    }
    if (read_rfc3339(out, text)) return 0;
    return why_set(why, ERR_USAGE, "--at: takes seconds since 1970, or a time such as 2026-11-25T10:00:00Z");
}

/* ---- files ---- */

int attest_file(struct buf *b, const char *path, size_t max, struct why *why) {
    int r = file_read(b, path, max, why);
    if (r != 0) buf_init(b, 0);
    return r;
}

static int value_of(uint8_t c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum { DIGITS_MIN = 64 /* in less, digits may be chance */ };

static int is_blank(uint8_t c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; }

/* In place. 1: all of it is hexadecimal digits, perhaps with 0x before them; nothing that is evidence in binary looks so. An odd number of
 * them stands for nothing, and is left. */
static int unhex(struct buf *b) {
    size_t n = 0, from = 0;
    while (from < b->len && is_blank(b->data[from])) from++;
    if (b->len - from > 2 && b->data[from] == '0' && b->data[from + 1] == 'x') from += 2;
    for (size_t i = from; i < b->len; i++) {
        if (!is_blank(b->data[i]) && value_of(b->data[i]) < 0) return 0;
        n += !is_blank(b->data[i]);
    }
    if (n < DIGITS_MIN || n % 2) return 1;
    size_t at = 0;
    for (size_t i = from; i < b->len; i++) {
        int v = value_of(b->data[i]);
        if (v < 0) continue;
        if (at % 2)
            b->data[at / 2] = (uint8_t)(b->data[at / 2] | v);
        else
            b->data[at / 2] = (uint8_t)(v << 4); /* at / 2 <= i: this place was read before */
        at++;
    }
    b->len = n / 2;
    return 1;
}

/* The same for base64, plain or as in URLs, with or without padding, in lines or not. No form of evidence in text is of its letters alone. */
static int unbase64(struct buf *b) {
    size_t n = 0, padding = 0, whole;
    char *text = malloc(b->len + 3);
    int good = text != NULL;
    for (size_t i = 0; good && i < b->len; i++) {
        uint8_t c = b->data[i];
        if (is_blank(c)) continue;
        padding += c == '=';
        good = c == '=' || !padding;
        if (c != '=') text[n++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    good = good && n >= DIGITS_MIN && padding <= 2 && (!padding || (n + padding) % 4 == 0);
    for (size_t i = n; good && i % 4; i++) text[i] = '=';
    whole = (n + 3) / 4 * 4;
    good = good && base64_read(b->data, b->len, &n, text, whole, BASE64_PLAIN) == 0;
    if (good) b->len = n;
    free(text);
    return good;
}

int attest_evidence_file(struct buf *b, const char *path, size_t max, struct why *why) {
    int r = attest_file(b, path, max, why);
    if (r == 0 && !unhex(b)) (void)unbase64(b);
    return r;
}

int attest_hex(uint8_t *out, size_t cap, size_t *n, const char *option, const char *text, struct why *why) {
    size_t digits_n = strlen(text);
    *n = digits_n / 2;
    if (digits_n == 0 || digits_n % 2 || *n > cap || hex_decode(out, *n, text, digits_n) != 0)
        return why_set(why, ERR_USAGE, "--%s: takes 1 to %zu bytes in hexadecimal digits", option, cap);
    return 0;
}

const struct ev_policy *attest_policy_of(const char *path, struct ev_policy **own, int *unreadable, struct why *why) {
    struct buf b;
    *own = NULL;
    *unreadable = 0;
    if (!path) return ev_policy_strict();
    int r = attest_file(&b, path, EV_POLICY_BYTES_MAX, why);
    if (r == 0) *own = ev_policy_read(b.data ? (const void *)b.data : "", b.len, why);
    *unreadable = r != 0 && r != ERR_LIMIT;
    buf_release(&b);
    return *own;
}
