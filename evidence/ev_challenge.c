/* evidence/ev_challenge.c - see ev_challenge.h. */
#include "evidence/ev_challenge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/ev_envelope.h"
#include "evidence/tpm_certs.h"

static const struct ev_part *tpm_part(const struct ev_envelope *e) {
    for (unsigned i = 0; i < e->members; i++)
        if (e->member[i].kind == EV_TPM_QUOTE && e->member[i].parts > 0 && tpm_member_looks(e->member[i].part[0].evidence))
            return &e->member[i].part[0];
    return NULL;
}

/* The same certificate that tpm_member_verify_with takes for the EK's. */
static int challenge_part(struct tpm_challenge *out, const struct ev_part *p) {
    uint8_t name[TPM_NAME_BYTES];
    struct ev_certs certs = {.count = 0};
    struct ev_report ignored = {.factors = 0};
    struct ev_input in = {.chain_count = p->certs};
    memcpy(in.chain, p->cert, p->certs * sizeof *p->cert);
    int r = tpm_member_ak_name(p->evidence, name);
    if (r == 0) r = ev_certs_of_padded(&certs, &in, &ignored) ? 0 : ERR_FORMAT;
    X509 *ek = r == 0 ? tpm_cert_of_kind(&certs, TPM_CERT_EK) : NULL;
    if (r == 0) r = ek ? tpm_challenge_make(out, X509_get0_pubkey(ek), name) : ERR_NOTFOUND;
    ev_certs_release(&certs);
    return r;
}

int ev_challenge_make(struct tpm_challenge *out, const void *envelope, size_t n) {
    struct why why = {{0}};
    struct ev_envelope *e = mem_zalloc(1, sizeof *e);
    memset(out, 0, sizeof *out);
    if (!e) return ERR_NOMEM;
    int r = ev_envelope_read(e, envelope, n, &why);
    const struct ev_part *p = r == 0 ? tpm_part(e) : NULL;
    if (r == 0) r = p ? challenge_part(out, p) : ERR_NOTFOUND;
    ev_envelope_release(e);
    free(e);
    return r;
}

size_t ev_challenge_bytes(const struct tpm_challenge *c, uint8_t out[TPM_CHALLENGE_BYTES_MAX]) {
    memcpy(out, c->credential, sizeof c->credential);
    memcpy(out + sizeof c->credential, c->encrypted, c->encrypted_n);
    return sizeof c->credential + c->encrypted_n;
}

static int have(const struct ev_activations *a, const struct tpm_challenge *c) {
    for (unsigned i = 0; i < a->count; i++)
        if (memcmp(a->pair[i].ek_digest, c->ek_digest, 32) == 0 && memcmp(a->pair[i].ak_name, c->ak_name, TPM_NAME_BYTES) == 0)
            return 1;
    return 0;
}

int ev_activations_take(struct ev_activations *a, const struct tpm_challenge *c, const void *answer, size_t n) {
    if (!tpm_challenge_answered(c, answer, n)) return 0;
    if (have(a, c)) return 1;
    struct tpm_pair *p = &a->pair[a->next];
    memcpy(p->ek_digest, c->ek_digest, 32);
    memcpy(p->ak_name, c->ak_name, TPM_NAME_BYTES);
    a->next = (a->next + 1) % TPM_ACTIVATED_MAX;
    if (a->count < TPM_ACTIVATED_MAX) a->count++;
    return 1;
}

struct tpm_activated ev_activations_view(const struct ev_activations *a) {
    return (struct tpm_activated){.count = a->count, .pair = a->pair};
}
