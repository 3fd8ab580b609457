/* evidence/nitro_doc.c - see nitro_doc.h. */
#include "evidence/nitro_doc.h"

#include <string.h>

#include "evidence/cbor.h"
#include "evidence/p384.h"

enum { COSE_SIGN1_TAG = 18, COSE_ALG = 1, COSE_ES384 = -35, PROTECTED_MAX = 64 };

int nitro_cose_read(struct nitro_cose *out, struct ev_bytes evidence, struct why *why) {
    *out = (struct nitro_cose){0};
    struct cbor c = cbor_over(evidence.p, evidence.n, 0);
    cbor_take_tag(&c, COSE_SIGN1_TAG);
    if (cbor_array(&c).left != 4) cbor_fail(&c, ERR_FORMAT);
    struct nitro_cose s;
    s.protected_header = cbor_bytes(&c, PROTECTED_MAX);
    /* nobody signs what stands in the unprotected header, and AWS puts nothing there */
    if (cbor_map(&c).left != 0) cbor_fail(&c, ERR_FORMAT);
    s.payload = cbor_bytes(&c, NITRO_PAYLOAD_MAX);
    s.signature = cbor_bytes(&c, P384_SIG_BYTES);
    if (!c.in.err && (s.payload.n == 0 || s.signature.n != P384_SIG_BYTES)) cbor_fail(&c, ERR_FORMAT);
    int r = cbor_end(&c);
    if (r != 0) return why_set(why, r, "no COSE_Sign1 with payload and 96 bytes of signature: %s", err_text(r));
    *out = s;
    return 0;
}

int nitro_is_es384(struct ev_bytes header) {
    struct cbor c = cbor_over(header.p, header.n, CBOR_DETERMINISTIC);
    struct cbor_list map = cbor_map(&c);
    int one = map.left == 1 && cbor_next(&c, &map) && cbor_uint(&c) == COSE_ALG && cbor_int(&c) == COSE_ES384;
    return one && cbor_end(&c) == 0;
}

/* ---- the payload's members ---- */

static void read_module_id(struct cbor *c, struct nitro_doc *d) {
    d->module_id = cbor_text(c, NITRO_MODULE_ID_MAX);
    if (d->module_id.n == 0) cbor_fail(c, ERR_FORMAT);
}

static void read_digest(struct cbor *c, struct nitro_doc *d) { d->digest = cbor_text(c, 32); }

static void read_timestamp(struct cbor *c, struct nitro_doc *d) {
    d->timestamp_ms = cbor_uint(c);
    if (d->timestamp_ms == 0 || d->timestamp_ms > NITRO_TIMESTAMP_MAX) cbor_fail(c, ERR_RANGE);
}

static void read_pcrs(struct cbor *c, struct nitro_doc *d) {
    struct cbor_list map = cbor_map(c);
    unsigned count = 0;
    while (cbor_next(c, &map)) {
        uint64_t i = cbor_uint(c);
        struct ev_bytes v = cbor_bytes(c, 64);
        if (i >= NITRO_PCRS || d->pcr[i].n != 0 || (v.n != 32 && v.n != 48 && v.n != 64)) cbor_fail(c, ERR_FORMAT);
        if (c->in.err) return;
        d->pcr[i] = v;
        count++;
    }
    if (count == 0) cbor_fail(c, ERR_FORMAT);
}

static struct ev_bytes read_cert(struct cbor *c) {
    struct ev_bytes cert = cbor_bytes(c, NITRO_CERT_MAX);
    if (cert.n == 0 || cert.p[0] != 0x30) cbor_fail(c, ERR_FORMAT); /* DER; a text in PEM has no business here */
    return cert;
}

static void read_certificate(struct cbor *c, struct nitro_doc *d) { d->certificate = read_cert(c); }

static void read_bundle(struct cbor *c, struct nitro_doc *d) {
    struct cbor_list list = cbor_array(c);
    while (cbor_next(c, &list)) {
        if (d->bundle_count == NITRO_BUNDLE_MAX) {
            cbor_fail(c, ERR_LIMIT);
            return;
        }
        d->bundle[d->bundle_count++] = read_cert(c);
    }
    if (d->bundle_count == 0) cbor_fail(c, ERR_FORMAT);
}

/* What the enclave asked to be signed. AWS's text forbids null, and its hypervisor writes it. */
static struct ev_bytes read_given(struct cbor *c) {
    return cbor_take_null(c) ? (struct ev_bytes){0} : cbor_bytes(c, NITRO_USER_MAX);
}
static void read_public_key(struct cbor *c, struct nitro_doc *d) { d->public_key = read_given(c); }
static void read_user_data(struct cbor *c, struct nitro_doc *d) { d->user_data = read_given(c); }
static void read_nonce(struct cbor *c, struct nitro_doc *d) { d->nonce = read_given(c); }

static const struct member {
    const char *name;
    int required;
    void (*read)(struct cbor *c, struct nitro_doc *d);
} members[] = {
    {"module_id", 1, read_module_id},
    {"digest", 1, read_digest},
    {"timestamp", 1, read_timestamp},
    {"pcrs", 1, read_pcrs},
    {"certificate", 1, read_certificate},
    {"cabundle", 1, read_bundle},
    {"public_key", 0, read_public_key},
    {"user_data", 0, read_user_data},
    {"nonce", 0, read_nonce},
};
enum { MEMBERS = sizeof members / sizeof *members };

/* MEMBERS: not one of ours. */
static unsigned member_named(struct ev_bytes key) {
    unsigned i = 0;
    while (i < MEMBERS && !cbor_text_is(key, members[i].name)) i++;
    return i;
}

/* A member that we do not know is skipped: AWS signed it, and it changes nothing that we look at. */
static int read_member(struct cbor *c, struct nitro_doc *d, unsigned *seen, struct why *why) {
    unsigned i = member_named(cbor_text(c, 64));
    if (c->in.err) return why_set(why, c->in.err, "payload: a key that is no text of up to 64 bytes");
    if (i == MEMBERS) {
        cbor_skip(c);
        return c->in.err ? why_set(why, c->in.err, "payload: an unknown member that is no CBOR") : 0;
    }
    if (*seen & 1u << i) return why_set(why, ERR_FORMAT, "payload: \"%s\" is there twice", members[i].name);
    *seen |= 1u << i;
    members[i].read(c, d);
    return c->in.err ? why_set(why, c->in.err, "payload: \"%s\": %s", members[i].name, err_text(c->in.err)) : 0;
}

int nitro_doc_read(struct nitro_doc *out, struct ev_bytes payload, struct why *why) {
    struct nitro_doc d = {.timestamp_ms = 0};
    struct cbor c = cbor_over(payload.p, payload.n, CBOR_INDEFINITE);
    struct cbor_list map = cbor_map(&c);
    unsigned seen = 0;
    int r = 0;
    while (r == 0 && cbor_next(&c, &map)) r = read_member(&c, &d, &seen, why);
    if (r == 0 && (r = cbor_end(&c)) != 0) why_set(why, r, "payload: no map, or not one alone: %s", err_text(r));
    for (unsigned i = 0; i < MEMBERS && r == 0; i++)
        if (members[i].required && !(seen & 1u << i)) r = why_set(why, ERR_FORMAT, "payload: \"%s\" is missing", members[i].name);
    *out = r == 0 ? d : (struct nitro_doc){0};
    return r;
}
