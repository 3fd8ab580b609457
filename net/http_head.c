/* net/http_head.c - see http_head.h. */
#include "net/http_head.h"
#include "base/err.h"

#include <string.h>
#include <strings.h>

static const char token_bytes[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

int http_head_find(const uint8_t *p, size_t n, size_t *from) {
    for (size_t i = *from; i < n; i++) {
        if (p[i] == 0 || i >= HTTP_HEAD_MAX) return ERR_FORMAT;
        if (i > 0 && p[i - 1] == '\r' && p[i] != '\n') return ERR_FORMAT;
        if (p[i] != '\n') continue;
        if (i == 0 || p[i - 1] != '\r') return ERR_FORMAT;
        if (i >= 3 && p[i - 3] == '\r' && p[i - 2] == '\n') return (int)(i + 1);
    }
    *from = n;
    return 0;
}

/* ---- lines ---- */

/* METHOD SP TARGET SP HTTP/1.x */
static int read_request_line(struct http_head *h, char *line) {
    char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version) return ERR_FORMAT;
    *target++ = 0;
    *version++ = 0;
    size_t n = strlen(line);
    if (n == 0 || n >= sizeof h->method || line[strspn(line, token_bytes)] || !*target) return ERR_FORMAT;
    memcpy(h->method, line, n + 1);
    h->target = target;
    if (strncmp(version, "HTTP/1.", 7) != 0 || (version[7] != '0' && version[7] != '1') || version[8]) return ERR_VERSION;
    h->minor = version[7] - '0';
    return 0;
}

/* NAME: VALUE. A blank in front, as of a folded line, is no name. */
static int read_field(struct http_field *f, char *line) {
    size_t n = strspn(line, token_bytes);
    if (n == 0 || line[n] != ':') return ERR_FORMAT;
    line[n] = 0;
    char *value = line + n + 1;
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t')) value[--len] = 0;
    for (const char *c = value; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) return ERR_FORMAT;
    *f = (struct http_field){line, value};
    return 0;
}

const char *http_head_get(const struct http_head *h, const char *name, size_t *count) {
    const char *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        if (strcasecmp(h->field[i].name, name) == 0 && n++ == 0) first = h->field[i].value;
    if (count) *count = n;
    return first;
}

/* ---- framing ---- */

static int read_length(uint64_t *out, const char *text) {
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 18 || text[n]) return ERR_FORMAT;
    for (*out = 0; *text; text++) *out = *out * 10 + (uint64_t)(*text - '0');
    return 0;
}

static int has_no_body(const char *method) {
    return strcmp(method, "HEAD") == 0 || strcmp(method, "TRACE") == 0 || strcmp(method, "CONNECT") == 0;
}

static int read_framing(struct http_head *h) {
    size_t lengths, codings;
    const char *length = http_head_get(h, "Content-Length", &lengths), *coding = http_head_get(h, "Transfer-Encoding", &codings);
    if (lengths + codings > 1) return ERR_FORMAT;
    if (length && read_length(&h->length, length) != 0) return ERR_FORMAT;
    if (coding && (h->minor == 0 || strcasecmp(coding, "chunked") != 0)) return ERR_FORMAT;
    h->chunked = coding != NULL;
    return has_no_body(h->method) && (h->chunked || h->length) ? ERR_FORMAT : 0;
}

/* A list of tokens holds this one. */
static int lists(const char *value, const char *token) {
    size_t n = strlen(token);
    for (const char *at = value; at && *at; at = strchr(at, ',')) {
        at += strspn(at, ", \t");
        if (strncasecmp(at, token, n) == 0 && (!at[n] || strchr(", \t", at[n]))) return 1;
    }
    return 0;
}

int http_head_parse(struct http_head *h, char *text, size_t n) {
    *h = (struct http_head){.count = 0};
    char *at = text, *end = text + n - 2; /* the empty line */
    for (int first = 1; at < end; first = 0) {
        char *cr = memchr(at, '\r', (size_t)(end - at)); /* there is one: the head ends in CR LF CR LF */
        int r = cr ? 0 : ERR_FORMAT;
        if (r == 0) *cr = 0;
        if (r == 0 && !first && h->count == HTTP_FIELDS_MAX) r = ERR_FORMAT;
        if (r == 0) r = first ? read_request_line(h, at) : read_field(&h->field[h->count++], at);
        if (r != 0) return r;
        at = cr + 2;
    }
    const char *connection = http_head_get(h, "Connection", NULL), *expect = http_head_get(h, "Expect", NULL);
    h->close = h->minor == 0 || (connection && lists(connection, "close"));
    h->expects = h->minor == 1 && expect && strcasecmp(expect, "100-continue") == 0;
    return read_framing(h);
}

/* ---- chunks ---- */

enum { CHUNK_SIZE, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, CHUNK_LAST_CR, CHUNK_LAST_LF, CHUNK_OVER };
enum { CHUNK_DIGITS_MAX = 8 };

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One byte of a chunk's frame. */
static int take_mark(struct http_chunks *c, uint8_t byte) {
    int digit = hex_digit(byte);
    switch (c->state) {
    case CHUNK_SIZE:
        if (byte == '\r' && c->digits)
            c->state = CHUNK_SIZE_LF;
        else if (digit < 0 || ++c->digits > CHUNK_DIGITS_MAX)
            return ERR_FORMAT;
        else
            c->left = c->left * 16 + (uint64_t)digit;
        return 0;
    case CHUNK_SIZE_LF: c->state = c->left ? CHUNK_DATA : CHUNK_LAST_CR; return byte == '\n' ? 0 : ERR_FORMAT;
    case CHUNK_DATA_CR: c->state = CHUNK_DATA_LF; return byte == '\r' ? 0 : ERR_FORMAT;
    case CHUNK_DATA_LF: *c = (struct http_chunks){.state = CHUNK_SIZE}; return byte == '\n' ? 0 : ERR_FORMAT;
    case CHUNK_LAST_CR: c->state = CHUNK_LAST_LF; return byte == '\r' ? 0 : ERR_FORMAT;
    default: c->state = CHUNK_OVER; return byte == '\n' ? 1 : ERR_FORMAT;
    }
}

int http_chunks_take(struct http_chunks *c, const uint8_t *p, size_t n, size_t *used, const uint8_t **data, size_t *data_n) {
    *used = *data_n = 0;
    *data = p;
    while (*used < n) {
        if (c->state == CHUNK_DATA) {
            *data = p + *used;
            *data_n = n - *used < c->left ? n - *used : (size_t)c->left;
            *used += *data_n;
            c->left -= *data_n;
            if (c->left == 0) c->state = CHUNK_DATA_CR;
            return 0;
        }
        int r = take_mark(c, p[(*used)++]);
        if (r != 0) return r;
    }
    return 0;
}
