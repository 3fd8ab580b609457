/* evidence/ev_envelope.c - reading and writing envelopes; what they show is judged in envelope_verify.c. See ev_envelope.h. */
#include "evidence/ev_envelope.h"

#include <string.h>

#include "base/hash.h"
#include "evidence/canonical_json.h"
#include "evidence/cbor.h"
#include "evidence/x509.h"

enum { KEY_BYTES_MAX = 4096 };

static const struct {
    const char *media_type;
    struct ev_caps caps;
} kinds[EV_KIND_END] = {
    [EV_SEV_SNP] = {"application/vnd.lull.sev-snp+cbor", {1184, 1184, 64 << 10, 0}},
    [EV_TDX] = {"application/vnd.lull.tdx+cbor", {1, 16 << 10, 1 << 20, 1 << 20}},
    [EV_TPM_QUOTE] = {"application/vnd.lull.tpm-quote+cbor", {1, (2 << 20) + (64 << 10), 1 << 20, 0}},
    [EV_APPLE_MDA] = {"application/vnd.lull.apple-mda+cbor", {1, 48 << 10, 16 << 10, 0}},
    [EV_NVIDIA_GPU] = {"application/vnd.lull.nvidia-gpu+cbor", {1, 16 << 10, 1 << 20, 0}},
    [EV_AWS_NITRO] = {"application/vnd.lull.aws-nitro+cbor", {1, 20 << 10, 0, 0}},
};
const char *ev_envelope_media_type(enum ev_kind kind) { return (unsigned)kind < EV_KIND_END ? kinds[kind].media_type : NULL; }
struct ev_caps ev_envelope_caps(enum ev_kind kind) {
    return (unsigned)kind < EV_KIND_END ? kinds[kind].caps : (struct ev_caps){0};
}

/* ---- members ---- */

static void read_certs(struct cbor *c, struct ev_part *p) {
    struct cbor_list list = cbor_array(c);
    if (list.left == 0) cbor_fail(c, ERR_FORMAT); /* none is written as no member 1 */
    if (list.left > EV_ENVELOPE_CERTS_MAX) cbor_fail(c, ERR_LIMIT);
    while (cbor_next(c, &list)) p->cert[p->certs++] = cbor_bytes(c, EV_CERT_BYTES_MAX);
}

static void read_part(struct cbor *c, struct ev_part *p, const struct ev_caps *caps) {
    struct cbor_list map = cbor_map(c);
    int seen = 0;
    while (cbor_next(c, &map)) {
        uint64_t key = cbor_uint(c);
        if (key == 0)
            p->evidence = cbor_bytes(c, caps->evidence_max), seen = 1;
        else if (key == 1)
            read_certs(c, p);
        else if (key == 2)
            p->key = cbor_bytes(c, KEY_BYTES_MAX);
        else if (key == 3)
            p->collateral = cbor_bytes(c, caps->collateral_max);
        else if (key == 4 && caps->event_log_max)
            p->event_log = cbor_bytes(c, caps->event_log_max);
        else
            cbor_fail(c, ERR_UNSUPPORTED);
    }
    if (!c->in.err && (!seen || p->evidence.n < caps->evidence_min)) cbor_fail(c, ERR_FORMAT);
}

static int read_member(struct ev_member *m, enum ev_kind kind, struct ev_bytes bytes) {
    struct cbor c = cbor_over(bytes.p, bytes.n, CBOR_DETERMINISTIC);
    unsigned most = kind == EV_NVIDIA_GPU ? EV_PARTS_MAX : 1;
    *m = (struct ev_member){.kind = kind, .bytes = bytes};
    sha256_of(m->digest, bytes.p, bytes.n);
    struct cbor_list list = cbor_array(&c);
    if (list.left == 0) cbor_fail(&c, ERR_FORMAT);
    if (list.left > most) cbor_fail(&c, ERR_LIMIT);
    while (cbor_next(&c, &list)) read_part(&c, &m->part[m->parts++], &kinds[kind].caps);
    return cbor_end(&c);
}

static int read_software(struct ev_envelope *e, struct ev_bytes bytes) {
    if (bytes.n == 0) return ERR_FORMAT;
    if (bytes.n > EV_SOFTWARE_BYTES_MAX) return ERR_LIMIT;
    e->software = bytes;
    return bytes.p[0] == '{' ? canonical_json_check(bytes.p, bytes.n, NULL) : ERR_FORMAT;
}

static enum ev_kind kind_of(const struct cmw_item *it) {
    for (int k = EV_KIND_NONE + 1; k < EV_KIND_END; k++)
        if (strcmp(it->type, kinds[k].media_type) == 0 && strcmp(it->label, ev_slot_label(ev_slot_of((enum ev_kind)k))) == 0)
            return (enum ev_kind)k;
    return EV_KIND_NONE;
}

/* ---- the envelope ---- */

/* Labels are distinct, so each of the four places is taken at most once; they are filled in the order in which members are made. */
static int take_members(struct ev_envelope *e, struct why *why) {
    for (int slot = 0; slot < EV_SLOT_END; slot++) {
        const struct cmw_item *it = cmw_find(&e->cmw, ev_slot_label((enum ev_slot)slot));
        if (!it) continue;
        int r = read_member(&e->member[e->members++], kind_of(it), it->value);
        if (r != 0) return why_set(why, r, "member \"%s\": %s", it->label, err_text(r));
    }
    return 0;
}

static int take_others(struct ev_envelope *e, struct why *why) {
    const struct cmw_item *nonce = cmw_find(&e->cmw, "nonce"), *software = cmw_find(&e->cmw, "software");
    int r = nonce ? ev_prefetched_read(&e->nonce, nonce->value) : 0;
    if (r != 0) return why_set(why, r, "member \"nonce\": %s", err_text(r));
    e->has_nonce = nonce != NULL;
    r = software ? read_software(e, software->value) : 0;
    return r == 0 ? 0 : why_set(why, r, "member \"software\": %s", err_text(r));
}

static int known(const struct cmw_item *it, struct why *why) {
    int named = strcmp(it->label, "nonce") == 0      ? strcmp(it->type, EV_NONCE_MEDIA_TYPE) == 0
                : strcmp(it->label, "software") == 0 ? strcmp(it->type, EV_SOFTWARE_MEDIA_TYPE) == 0
                                                     : kind_of(it) != EV_KIND_NONE;
    if (it->label_is_number || it->is_tag || !named)
        return why_set(why, ERR_UNSUPPORTED, "a member whose label and media type this version does not know together");
    if (!it->has_indicator || it->indicator != CMW_EVIDENCE)
        return why_set(why, ERR_UNSUPPORTED, "member \"%s\": not marked as evidence (indicator 4)", it->label);
    return 0;
}

int ev_envelope_read(struct ev_envelope *out, const void *p, size_t n, struct why *why) {
    memset(out, 0, sizeof *out);
    int r = cmw_read(&out->cmw, p, n, CBOR_DETERMINISTIC, why);
    if (r == 0 && (out->cmw.form != CMW_COLLECTION || strcmp(out->cmw.collection_type, EV_ENVELOPE_TYPE) != 0))
        r = why_set(why, ERR_UNSUPPORTED, "not a collection of type " EV_ENVELOPE_TYPE);
    for (unsigned i = 0; i < out->cmw.items && r == 0; i++) r = known(&out->cmw.item[i], why);
    if (r == 0) r = take_members(out, why);
    return r == 0 ? take_others(out, why) : r;
}

void ev_envelope_release(struct ev_envelope *e) {
    cmw_release(&e->cmw);
    e->members = 0;
    e->has_nonce = 0;
    e->software = (struct ev_bytes){0};
}

/* ---- writing ---- */

static void put_part(struct writer *w, const struct ev_part *p) {
    cbor_put_map(w, (uint64_t)(1 + (p->certs > 0) + (p->key.n > 0) + (p->collateral.n > 0) + (p->event_log.n > 0)));
    cbor_put_uint(w, 0);
    cbor_put_bytes(w, p->evidence.p, p->evidence.n);
    if (p->certs > 0) {
        cbor_put_uint(w, 1);
        cbor_put_array(w, p->certs);
        for (unsigned i = 0; i < p->certs; i++) cbor_put_bytes(w, p->cert[i].p, p->cert[i].n);
    }
    if (p->key.n > 0) {
        cbor_put_uint(w, 2);
        cbor_put_bytes(w, p->key.p, p->key.n);
    }
    if (p->collateral.n > 0) {
        cbor_put_uint(w, 3);
        cbor_put_bytes(w, p->collateral.p, p->collateral.n);
    }
    if (p->event_log.n > 0) {
        cbor_put_uint(w, 4);
        cbor_put_bytes(w, p->event_log.p, p->event_log.n);
    }
}

void ev_envelope_put_member(struct writer *w, const struct ev_part *parts, unsigned count) {
    cbor_put_array(w, count);
    for (unsigned i = 0; i < count; i++) put_part(w, &parts[i]);
}
