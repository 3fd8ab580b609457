/* Fuzz: GPU reports as bytes and as hex up to the verdict, and firmware ids in certificates. Nothing made up may verify. */
#include "tests/fuzz/fuzz.h"

#include "evidence/nvidia_gpu.h"
#include "evidence/nvidia_report.h"

static X509 *with_extension(const char *oid, const uint8_t *p, size_t n) {
    X509 *cert = X509_new();
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
    CHECK(cert && o && s && X509_set_version(cert, 2) == 1 && ASN1_OCTET_STRING_set(s, p, (int)n) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, o, 0, s);
    CHECK(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OBJECT_free(o);
    ASN1_OCTET_STRING_free(s);
    return cert;
}

static void firmware_id(const uint8_t *data, size_t n) {
    struct ev_bytes fwid;
    X509 *cert = with_extension("2.23.133.5.4.1", data, n);
    if (nvidia_cert_fwid(cert, &fwid) == 0) CHECK(fwid.n == NVIDIA_DIGEST_BYTES);
    X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    static struct nvidia_policy policy;
    static struct nvidia_report report;
    char version[NVIDIA_VERSION_MAX];
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    uint8_t *own = (uint8_t *)fuzz_copy(data, n);
    struct ev_bytes all = {own, n};
    if (nvidia_report_read(&report, all, NULL) == 0) {
        CHECK(report.covered.n + report.signature.n == n && report.measurements > 0);
        (void)nvidia_text(version, report.driver);
        (void)nvidia_vbios_text(version, report.vbios);
    }
    if (n <= 512) firmware_id(own, n);
    struct ev_input in = {
        .evidence = all, .chain = {all}, .chain_count = n > 0 && own[0] == 0x30, .nonce = all, .now = 1800000000};
    r = (struct ev_report){.best = EV_CLASS_NONE};
    nvidia_gpu_verify_with(&in, &policy, &pinned, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free(own);
    return 0;
}
