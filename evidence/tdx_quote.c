/* evidence/tdx_quote.c - see tdx_quote.h. */
#include "evidence/tdx_quote.h"

#include "base/wire.h"

enum {
    TEE_TDX = 0x81,
    KEY_ECDSA_P256 = 2,
    BODY_TD10 = 2,
    BODY_TD15 = 3,
    BODY_TD15_EX = 4,
    TD10_BYTES = 584,
    TD15_BYTES = 648,
    TD15_EX_BYTES = 885,
    CERT_QE_REPORT = 6,
    CERT_PCK_CHAIN = 5
};

/* Field by field: the arguments of one call have no order. */
static void read_body(struct reader *r, struct tdx_body *b, int kind) {
    b->tee_tcb_svn = read_bytes(r, TDX_SVN);
    b->mr_seam = read_bytes(r, TDX_MR);
    b->mr_signer_seam = read_bytes(r, TDX_MR);
    b->seam_attributes = read_bytes(r, 8);
    b->td_attributes = read_bytes(r, 8);
    b->xfam = read_bytes(r, 8);
    b->mr_td = read_bytes(r, TDX_MR);
    b->mr_config_id = read_bytes(r, TDX_MR);
    b->mr_owner = read_bytes(r, TDX_MR);
    b->mr_owner_config = read_bytes(r, TDX_MR);
    for (int i = 0; i < TDX_RTMRS; i++) b->rtmr[i] = read_bytes(r, TDX_MR);
    b->report_data = read_bytes(r, TDX_REPORT_DATA);
    if (kind == BODY_TD10) return;
    b->tee_tcb_svn_2 = read_bytes(r, TDX_SVN);
    b->mr_service_td = read_bytes(r, TDX_MR);
    if (kind == BODY_TD15_EX) (void)read_bytes(r, TD15_EX_BYTES - TD15_BYTES); /* which service TDs, and since when */
}

/* A block of n bytes as a reader of its own. */
static struct reader block(struct reader *r, size_t n) {
    const uint8_t *p = read_bytes(r, n);
    struct reader inner = reader_over(p, p ? n : 0);
    if (!p) read_fail(&inner, r->err);
    return inner;
}

static int read_certification(struct reader *r, struct tdx_quote *q) {
    if (read_u16_le(r) != CERT_QE_REPORT) read_fail(r, ERR_UNSUPPORTED);
    uint32_t n = read_u32_le(r);
    struct reader in = block(r, n);
    q->qe_report = read_bytes(&in, TDX_QE_REPORT);
    q->qe_signature = read_bytes(&in, 64);
    uint16_t auth_n = read_u16_le(&in);
    q->qe_auth.p = read_bytes(&in, auth_n);
    q->qe_auth.n = q->qe_auth.p ? auth_n : 0;
    if (read_u16_le(&in) != CERT_PCK_CHAIN) read_fail(&in, ERR_UNSUPPORTED);
    uint32_t chain_n = read_u32_le(&in);
    if (chain_n > TDX_CHAIN_BYTES_MAX) read_fail(&in, ERR_LIMIT);
    q->chain_pem.p = read_bytes(&in, chain_n);
    q->chain_pem.n = q->chain_pem.p ? chain_n : 0;
    return r->err ? r->err : read_end(&in);
}

static int read_signature(struct reader *r, struct tdx_quote *q) {
    q->signature = read_bytes(r, 64);
    q->key = read_bytes(r, 64);
    int e = read_certification(r, q);
    return e ? e : read_end(r);
}

static int zeros(const struct reader *r) {
    for (size_t i = 0; i < r->left; i++)
        if (r->p[i]) return 0;
    return 1;
}

/* Version 4 has one body; version 5 says which, and how long it is. */
static int body_kind(struct reader *r, uint16_t version) {
    if (version == 4) return BODY_TD10;
    uint16_t type = read_u16_le(r);
    uint32_t n = read_u32_le(r);
    if ((type == BODY_TD10 && n == TD10_BYTES) || (type == BODY_TD15 && n == TD15_BYTES) ||
        (type == BODY_TD15_EX && n == TD15_EX_BYTES))
        return type;
    read_fail(r, ERR_VERSION);
    return BODY_TD10;
}

int tdx_quote_read(struct ev_bytes bytes, struct tdx_quote *out) {
    struct reader r = reader_over(bytes.p, bytes.n);
    *out = (struct tdx_quote){0};
    if (bytes.n > TDX_QUOTE_BYTES_MAX) return ERR_LIMIT;
    out->version = read_u16_le(&r);
    if (r.err == 0 && out->version != 4 && out->version != 5) return ERR_VERSION;
    out->key_type = read_u16_le(&r);
    out->tee = read_u32_le(&r);
    (void)read_u32_le(&r); /* reserved in both versions */
    out->qe_vendor = read_bytes(&r, 16);
    (void)read_bytes(&r, 20); /* the QE's own */
    if (r.err == 0 && (out->tee != TEE_TDX || out->key_type != KEY_ECDSA_P256)) return ERR_UNSUPPORTED;
    int kind = body_kind(&r, out->version);
    read_body(&r, &out->body, kind);
    out->signed_part = (struct ev_bytes){bytes.p, bytes.n - r.left};
    uint32_t n = read_u32_le(&r);
    struct reader signature = block(&r, n);
    if (r.err) return r.err;
    int e = read_signature(&signature, out);
    return e ? e : zeros(&r) ? 0 : ERR_TRAILING;
}

void tdx_qe_read(const uint8_t report[TDX_QE_REPORT], struct tdx_qe *out) {
    *out = (struct tdx_qe){.misc_select = report + 16,
                           .attributes = report + 48,
                           .mr_signer = report + 128,
                           .prod_id = (uint16_t)(report[256] | report[257] << 8),
                           .svn = (uint16_t)(report[258] | report[259] << 8),
                           .report_data = report + 320};
}
