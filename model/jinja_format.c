/* model/jinja_format.c - "%s, %d" % values, "{}, {name}".format(...), dates: only what templates use, without widths. */
#include "model/jinja_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* One value by its letter. %d cuts a float's places, %f writes six. */
static struct jtext letter(struct jinja *j, char c, struct jval v) {
    char text[400];
    double f;
    struct jpieces p = {0};
    if (c == 's') return jval_str(j, v);
    if (c == 'r') return jval_repr(j, &p, v), jpieces_join(j, &p);
    if ((c != 'd' && c != 'i' && c != 'f') || !jval_number(v, &f)) {
        jinja_fail(j, ERR_UNSUPPORTED, "a format of %s that is not supported", jval_kind(v));
        return jtext_of("");
    }
    if (c == 'f')
        snprintf(text, sizeof text, "%f", f);
    else if (v.kind == J_FLOAT)
        snprintf(text, sizeof text, "%.0f", __builtin_trunc(f));
    else
        snprintf(text, sizeof text, "%lld", (long long)v.u.i);
    return jinja_copy(j, text);
}

struct jval jtext_formatted(struct jinja *j, struct jtext t, const struct jval *v, uint32_t count) {
    struct jpieces p = {0};
    uint32_t used = 0;
    size_t at = 0;
    jinja_scan(j, t);
    while (jinja_work(j, 1) == 0) {
        ptrdiff_t hit = jtext_find(t, jtext_of("%"), at);
        if (hit < 0) break;
        size_t sign = (size_t)hit;
        jpieces_add(j, &p, jtext_part(t, at, sign));
        at = sign + 2;
        if (at > t.n) {
            jinja_fail(j, ERR_UNSUPPORTED, "a format that ends too early");
            break;
        }
        if (t.p[sign + 1] == '%')
            jpieces_add(j, &p, jtext_part(t, sign, sign + 1));
        else if (used == count)
            jinja_fail(j, ERR_UNSUPPORTED, "a format of more than the %u values given", count);
        else
            jpieces_add(j, &p, letter(j, t.p[sign + 1], v[used++]));
    }
    if (!j->err && used < count) jinja_fail(j, ERR_UNSUPPORTED, "a format of fewer than the %u values given", count);
    if (!j->err) jpieces_add(j, &p, jtext_part(t, at, t.n));
    return jval_text(jpieces_join(j, &p));
}

/* The value that a field names: nothing (the next one), a number, or a name. */
static const struct jval *field(const struct jargs *a, struct jtext name, uint32_t *next) {
    uint32_t places = a->count - a->named, at = 0;
    if (name.n == 0) return *next < places ? &a->v[(*next)++] : NULL;
    for (uint32_t i = 0; i < a->named; i++)
        if (jtext_same(a->names[i], name)) return &a->v[places + i];
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9' || at > places) return NULL;
        at = at * 10 + (uint32_t)(name.p[i] - '0');
    }
    return at < places ? &a->v[at] : NULL;
}

struct jval jtext_format_method(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext t = self.u.text;
    struct jpieces p = {0};
    uint32_t next = 0;
    jinja_walk(j, t);
    for (size_t at = 0; at < t.n && jinja_work(j, 1) == 0;) {
        size_t to = at;
        while (to < t.n && t.p[to] != '{' && t.p[to] != '}') to++;
        jpieces_add(j, &p, jtext_part(t, at, to));
        if (to == t.n) break;
        if (to + 1 < t.n && t.p[to + 1] == t.p[to]) { /* {{ and }} */
            jpieces_add(j, &p, jtext_part(t, to, to + 1));
            at = to + 2;
            continue;
        }
        ptrdiff_t end = t.p[to] == '{' ? jtext_find(t, jtext_of("}"), to) : -1;
        const struct jval *v = end < 0 ? NULL : field(a, jtext_part(t, to + 1, (size_t)end), &next);
        if (!v) {
            jinja_fail(j, ERR_UNSUPPORTED, "format: a field that is not supported or has no value");
            break;
        }
        jpieces_add(j, &p, jval_str(j, *v));
        at = (size_t)end + 1;
    }
    return jval_text(jpieces_join(j, &p));
}

/* ---- dates ---- */

static void date_part(char c, const struct tm *t, char out[32]) {
    static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    int hour12 = t->tm_hour % 12 ? t->tm_hour % 12 : 12;
    switch (c) {
    case 'a': snprintf(out, 32, "%.3s", days[t->tm_wday]); break;
    case 'A': snprintf(out, 32, "%s", days[t->tm_wday]); break;
    case 'b': snprintf(out, 32, "%.3s", months[t->tm_mon]); break;
    case 'B': snprintf(out, 32, "%s", months[t->tm_mon]); break;
    case 'd': snprintf(out, 32, "%02d", t->tm_mday); break;
    case 'e': snprintf(out, 32, "%2d", t->tm_mday); break;
    case 'F': snprintf(out, 32, "%d-%02d-%02d", t->tm_year + 1900, t->tm_mon + 1, t->tm_mday); break;
    case 'H': snprintf(out, 32, "%02d", t->tm_hour); break;
    case 'I': snprintf(out, 32, "%02d", hour12); break;
    case 'j': snprintf(out, 32, "%03d", t->tm_yday + 1); break;
    case 'm': snprintf(out, 32, "%02d", t->tm_mon + 1); break;
    case 'M': snprintf(out, 32, "%02d", t->tm_min); break;
    case 'p': snprintf(out, 32, "%s", t->tm_hour < 12 ? "AM" : "PM"); break;
    case 'S': snprintf(out, 32, "%02d", t->tm_sec); break;
    case 'T': snprintf(out, 32, "%02d:%02d:%02d", t->tm_hour, t->tm_min, t->tm_sec); break;
    case 'y': snprintf(out, 32, "%02d", (t->tm_year + 1900) % 100); break;
    case 'Y': snprintf(out, 32, "%d", t->tm_year + 1900); break;
    case 'z': snprintf(out, 32, "+0000"); break;
    case 'Z': snprintf(out, 32, "UTC"); break;
    case '%': snprintf(out, 32, "%%"); break;
    default: out[0] = 0;
    }
}

/* In UTC and English. %-d and the like drop a leading zero. */
struct jtext jinja_date(struct jinja *j, struct jtext format) {
    time_t at = j->unix_s > 253402300799u ? 0 : (time_t)j->unix_s; /* up to the year 9999 */
    struct tm tm;
    struct jpieces p = {0};
    if (!gmtime_r(&at, &tm)) memset(&tm, 0, sizeof tm);
    for (size_t i = 0; i < format.n && jinja_work(j, 1) == 0; i++) {
        char out[32];
        if (format.p[i] != '%' || i + 1 == format.n) {
            jpieces_add(j, &p, jtext_part(format, i, i + 1));
            continue;
        }
        int bare = format.p[++i] == '-' && i + 1 < format.n;
        date_part(format.p[i += (size_t)bare], &tm, out);
        if (!out[0]) jinja_fail(j, ERR_UNSUPPORTED, "a date format that is not supported");
        jpieces_add(j, &p, jinja_copy(j, out + (bare && (out[0] == '0' || out[0] == ' ') && out[1])));
    }
    return jpieces_join(j, &p);
}
