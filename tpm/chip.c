/* tpm/chip.c - opening and closing, errors, sessions. See chip.h. */
#include "tpm/chip.h"

#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/mem.h"
#include "base/secret.h"
#include "tpm/chip_parts.h"

/* Format-one codes name a handle, session or parameter in bits that do not matter here. */
static TSS2_RC plain(TSS2_RC rc) {
    TSS2_RC code = rc & 0xffff;
    return code & TPM2_RC_FMT1 ? code & (TPM2_RC_FMT1 | 0x3f) : code;
}

int chip_error(struct why *why, TSS2_RC rc, const char *what) {
    if (rc == TSS2_RC_SUCCESS) return 0;
    int chip_said = (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER || (rc & TSS2_RC_LAYER_MASK) == TSS2_RESMGR_TPM_RC_LAYER;
    int e = ERR_IO;
    if (chip_said) switch (plain(rc)) {
        case TPM2_RC_POLICY_FAIL:
        case TPM2_RC_AUTH_FAIL:
        case TPM2_RC_BAD_AUTH:
        case TPM2_RC_PCR_CHANGED:
        case TPM2_RC_LOCKOUT: e = ERR_PERM; break;
        case TPM2_RC_ECC_POINT:
        case TPM2_RC_INTEGRITY:
        case TPM2_RC_VALUE:
        case TPM2_RC_SIZE: e = ERR_AUTH; break;
        case TPM2_RC_HANDLE: e = ERR_NOTFOUND; break;
        default: break;
        }
    return why_set(why, e, "TPM: %s: %s", what, Tss2_RC_Decode(rc));
}

TPML_PCR_SELECTION chip_selection(uint32_t pcrs) {
    TPML_PCR_SELECTION s = {.count = 1};
    s.pcrSelections[0] = (TPMS_PCR_SELECTION){.hash = TPM2_ALG_SHA256, .sizeofSelect = 3};
    for (int i = 0; i < 3; i++) s.pcrSelections[0].pcrSelect[i] = (BYTE)(pcrs >> 8 * i);
    return s;
}

TSS2_RC chip_session(struct chip *c, TPM2_SE type, ESYS_TR *session) {
    const TPMT_SYM_DEF aes = {.algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
    TSS2_RC rc = Esys_StartAuthSession(c->esys, c->srk, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, type, &aes,
                                       TPM2_ALG_SHA256, session);
    if (rc != TSS2_RC_SUCCESS) *session = ESYS_TR_NONE;
    return rc;
}

TSS2_RC chip_policy(struct chip *c, ESYS_TR session) {
    TPML_PCR_SELECTION pcrs = chip_selection(c->boot_pcrs);
    const TPM2B_DIGEST as_they_are = {.size = 0};
    TSS2_RC rc = Esys_PolicyPCR(c->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are, &pcrs);
    if (rc == TSS2_RC_SUCCESS) rc = Esys_PolicyAuthValue(c->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
    return rc;
}

void chip_flush(struct chip *c, ESYS_TR *object) {
    if (*object != ESYS_TR_NONE) (void)Esys_FlushContext(c->esys, *object);
    *object = ESYS_TR_NONE;
}

int chip_open(struct chip **out, const char *tcti, struct why *why) {
    *out = NULL;
    struct chip *c = mem_zalloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    c->ek = c->srk = c->ak = c->seal = ESYS_TR_NONE;
    c->auth = secret_alloc(CHIP_AUTH_BYTES);
    if (!c->auth) {
        free(c);
        return ERR_NOMEM;
    }
    setenv("TSS2_LOG", "all+none", 0); /* its library writes to standard error by itself */
    TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti ? tcti : "device:/dev/tpmrm0", &c->tcti);
    int r = rc == TSS2_RC_SUCCESS
                ? 0
                : why_set(why, ERR_NOTFOUND, "no TPM can be reached by \"%.80s\"", tcti ? tcti : "device:/dev/tpmrm0");
    if (r == 0) r = chip_error(why, Esys_Initialize(&c->esys, c->tcti, NULL), "opening");
    if (r == 0) {
        rc = Esys_Startup(c->esys, TPM2_SU_CLEAR); /* a resource manager has done it */
        if (rc != TSS2_RC_SUCCESS && plain(rc) != TPM2_RC_INITIALIZE) r = chip_error(why, rc, "starting");
    }
    if (r == 0)
        *out = c;
    else
        chip_close(c);
    return r;
}

void chip_close(struct chip *c) {
    if (!c) return;
    if (c->esys) {
        chip_flush(c, &c->seal);
        chip_flush(c, &c->ak);
        chip_flush(c, &c->srk);
        chip_flush(c, &c->ek);
        Esys_Free(c->ek_saved);
        Esys_Finalize(&c->esys);
    }
    Tss2_TctiLdr_Finalize(&c->tcti);
    secret_free(c->auth);
    free(c);
}

const struct chip_public *chip_public(const struct chip *c) { return &c->shown; }
