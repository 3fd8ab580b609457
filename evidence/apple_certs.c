/* evidence/apple_certs.c - see apple_certs.h. */
#include "evidence/apple_certs.h"

#include <string.h>

#include "evidence/cbor.h"

enum { X5C_MAX = EV_CHAIN_MAX };

/* ---- DER, one behind the other ---- */

/* Length of the SEQUENCE at the beginning; 0: none, or over EV_CERT_BYTES_MAX. */
static size_t sequence_length(struct ev_bytes der) {
    struct reader r = reader_over(der.p, der.n);
    if (read_u8(&r) != 0x30) return 0;
    size_t n = read_u8(&r);
    if (n == 0x81)
        n = read_u8(&r);
    else if (n == 0x82)
        n = read_u16(&r);
    else if (n >= 0x80)
        return 0;
    size_t head = der.n - r.left;
    return r.err || n > r.left || n + head > EV_CERT_BYTES_MAX ? 0 : n + head;
}

static int read_der(struct ev_certs *out, struct ev_bytes der) {
    int r = 0;
    while (r == 0 && der.n > 0) {
        size_t n = sequence_length(der);
        if (n == 0) return ERR_FORMAT;
        r = ev_certs_add(out, (struct ev_bytes){der.p, n});
        der.p += n;
        der.n -= n;
    }
    return r;
}

/* ---- WebAuthn ---- */

struct statement {
    struct ev_bytes fmt, x5c[X5C_MAX];
    unsigned certs, seen; /* bits: fmt, attStmt, x5c */
};

static void once(struct cbor *c, struct statement *s, unsigned bit) {
    if (s->seen & bit) cbor_fail(c, ERR_EXISTS);
    s->seen |= bit;
}

static void read_x5c(struct cbor *c, struct statement *s) {
    struct cbor_list list = cbor_array(c);
    once(c, s, 4);
    while (cbor_next(c, &list)) {
        struct ev_bytes cert = cbor_bytes(c, EV_CERT_BYTES_MAX);
        if (s->certs == X5C_MAX)
            cbor_fail(c, ERR_LIMIT);
        else
            s->x5c[s->certs++] = cert;
    }
}

static void read_att_stmt(struct cbor *c, struct statement *s) {
    struct cbor_list map = cbor_map(c);
    once(c, s, 2);
    while (cbor_next(c, &map))
        if (cbor_text_is(cbor_text(c, 64), "x5c"))
            read_x5c(c, s);
        else
            cbor_skip(c);
}

static int read_statement(struct statement *s, struct ev_bytes text) {
    struct cbor c = cbor_over(text.p, text.n, CBOR_INDEFINITE);
    struct cbor_list map = cbor_map(&c);
    *s = (struct statement){.seen = 0};
    while (cbor_next(&c, &map)) {
        struct ev_bytes key = cbor_text(&c, 64);
        if (cbor_text_is(key, "fmt")) {
            once(&c, s, 1);
            s->fmt = cbor_text(&c, 64);
        } else if (cbor_text_is(key, "attStmt")) {
            read_att_stmt(&c, s);
        } else {
            cbor_skip(&c);
        }
    }
    return cbor_end(&c);
}

static int read_webauthn(struct ev_certs *out, struct ev_bytes text, struct why *why) {
    struct statement s;
    int r = read_statement(&s, text);
    if (r != 0 || !(s.seen & 1)) return why_set(why, ERR_FORMAT, "it begins as a WebAuthn statement, and is none");
    if (cbor_text_is(s.fmt, "apple-appattest"))
        return why_set(why, ERR_UNSUPPORTED, "a statement of App Attest, which this version does not read");
    if (!cbor_text_is(s.fmt, "apple"))
        return why_set(why, ERR_UNSUPPORTED, "a WebAuthn statement of another format than \"apple\"");
    if (s.certs == 0) return why_set(why, ERR_FORMAT, "the WebAuthn statement has no x5c");
    for (unsigned i = 0; i < s.certs && r == 0; i++) /* each must be one in DER: read_der would take two, ev_certs_add PEM */
        r = sequence_length(s.x5c[i]) == s.x5c[i].n ? ev_certs_add(out, s.x5c[i]) : ERR_FORMAT;
    return r;
}

int apple_certs_read(struct ev_certs *out, struct ev_bytes evidence, const char **form, struct why *why) {
    uint8_t first = evidence.n ? evidence.p[0] : 0;
    if (evidence.n == 0) return why_set(why, ERR_FORMAT, "it is empty");
    if ((first & 0xe0) == 0xa0) {
        *form = "WebAuthn";
        return read_webauthn(out, evidence, why);
    }
    if (first == 0x30) {
        *form = "DER";
        return read_der(out, evidence);
    }
    *form = "PEM";
    return ev_certs_add(out, evidence);
}
