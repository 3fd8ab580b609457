/* The roots that this build trusts are exactly these: a certificate that is added, taken away or changed shows here. */
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "evidence/pinned.h"
#include "tests/check.h"
#include "tests/unit/evidence/maker.h"

/* SHA-256 of the DER, as the manufacturers publish it or as it follows from what they publish. */
static const struct {
    enum ev_roots set;
    int root; /* 0: an intermediate */
    const char *digest, *subject;
} rows[] = {
    {EV_ROOTS_AMD_MILAN, 1, "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd", "ARK-Milan"},
    {EV_ROOTS_AMD_MILAN, 0, "67d303bd3905fd38db8b20e0793699870e7fa612eaad5dec358293fd8c0bac1b", "SEV-Milan"},
    {EV_ROOTS_AMD_MILAN, 0, "c5e081f59b7efab1fe2f8b505e159704e72f29cab7ef7cf628a05a42439082f5", "SEV-VLEK-Milan"},
    {EV_ROOTS_AMD_GENOA, 1, "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1", "ARK-Genoa"},
    {EV_ROOTS_AMD_GENOA, 0, "5464738c1546aed5f2cecf1dc98c5c960a92e8913238a61711bc90ec6e828521", "SEV-Genoa"},
    {EV_ROOTS_AMD_TURIN, 1, "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a", "ARK-Turin"},
    {EV_ROOTS_AMD_TURIN, 0, "5b77ef5fe7a7a004fd9032668fba9d0fda22f88c4442069a479636a6ae3b3185", "SEV-Turin"},
    {EV_ROOTS_INTEL_SGX, 1, "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3", "Intel SGX Root CA"},
    {EV_ROOTS_TPM, 1, "e6c596b17f8ffefba5c300f714cfb1260c6028704ecf7becc4ab5018efb00e95",
     "Azure Virtual TPM Root Certificate Authority 2023"},
    {EV_ROOTS_TPM, 0, "a2daccd149cd2eadb82045d3cd24336699a0b2d4e50237a76448d107896cf8c7", "Global Virtual TPM CA - 01"},
    {EV_ROOTS_TPM, 1, "594759594b9b61524f6c8ef668f7177f7b9066bc0674f2f49fe9e052be78beb2", "EK/AK CA Root"},
    {EV_ROOTS_TPM, 0, "c84de8116dfaf5a908f21e810487791f5437e206d00ad8025050cca6bd2ff627", "EK/AK CA Intermediate"},
    {EV_ROOTS_TPM, 1, "9bd5285f8fb18502a7947e621ffd470266f49fcd3b73e19a190f690ad32a7caf",
     "tpm_ek_v1_cloud_host_root-signer-0-2018-04-06T10:58:26-07:00 K:1, 1:Pw003HsFYO4:0:18"},
    {EV_ROOTS_TPM, 0, "5d8dbcf8c8053dd8ffad711b6219355032b7122c34cac0f90ccb49def69ec504",
     "tpm_ek_v1_cloud_host-signer-0-2020-10-22T14:02:08-07:00 K:1, 2:HBNpA3TPAbM:0:18"},
    {EV_ROOTS_TPM, 1, "cfeb02fecd55ad7a73c6e1d11985d4c47dee248ab63dcb66091a2489660443c3", "Infineon OPTIGA(TM) ECC Root CA"},
    {EV_ROOTS_TPM, 1, "2e1b3ba79af56d758be51697621bc4b9e8cee0983db3e749c55eb9b37c6d2ae0", "www.intel.com"},
    {EV_ROOTS_TPM, 1, "2782e51a95e86d9557fe4204316cf805bd6f5898f81f9732e944d742bcdc5f54", "Nuvoton TPM Root CA 1110"},
    {EV_ROOTS_TPM, 1, "c541d7e5b9e3f935621acbd403896225ec641036c9ae3b5f7ac793a606ff9b79", "STM TPM ECC Root CA 01"},
    {EV_ROOTS_APPLE, 1, "ccf59ef8fcb3017d97f8b5fa6fa90e7a3f9283f76b55ac6cf6eda8b8b949f05b",
     "Apple Enterprise Attestation Root CA"},
    {EV_ROOTS_NVIDIA, 1, "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48", "NVIDIA Device Identity CA"},
    {EV_ROOTS_NITRO, 1, "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b", "aws.nitro-enclaves"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int row_of(enum ev_roots set, int root, const X509 *cert, char subject[256]) {
    uint8_t digest[32];
    char hex[65];
    ev_cert_digest(cert, digest);
    hex_encode(hex, digest, 32);
    subject[0] = 0;
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, subject, 256);
    for (int i = 0; i < ROWS; i++)
        if (rows[i].set == set && rows[i].root == root && strcmp(rows[i].digest, hex) == 0) return i;
    print_message("# not expected in set %d: %s %s\n", set, hex, subject);
    return -1;
}

static unsigned count_pinned(const char *const *pem, enum ev_roots set, int root, unsigned seen[ROWS]) {
    unsigned n = 0;
    for (; *pem; pem++, n++) {
        struct ev_certs c = {.count = 0};
        char subject[256];
        CHECK_INT(ev_certs_add(&c, (struct ev_bytes){(const uint8_t *)*pem, strlen(*pem)}), 0);
        CHECK_INT(c.count, 1);
        int i = row_of(set, root, c.cert[0], subject);
        CHECK(i >= 0);
        seen[i]++;
        if (strcmp(rows[i].subject, subject) != 0) print_message("# row %d: \"%s\"\n", i, subject);
        CHECK_STR(rows[i].subject, subject);
        ev_certs_release(&c);
    }
    return n;
}

TEST(the_pinned_certificates_are_these_and_no_others) {
    unsigned seen[ROWS] = {0}, n = 0;
    for (int set = 0; set < EV_ROOTS_END; set++) {
        n += count_pinned(pinned_roots((enum ev_roots)set), (enum ev_roots)set, 1, seen);
        n += count_pinned(pinned_intermediates((enum ev_roots)set), (enum ev_roots)set, 0, seen);
    }
    CHECK_INT(n, ROWS);
    for (int i = 0; i < ROWS; i++) CHECK_INT(seen[i], 1);
    CHECK(pinned_roots(EV_ROOTS_END)[0] == NULL && pinned_intermediates((enum ev_roots)99)[0] == NULL);
}

enum { THEN = 1748736000 }; /* June 2025: all of them are in date */

/* A certificate of a set as the leaf of a chain to the set's roots. */
static int leads_to_a_root(enum ev_roots set, const char *pem) {
    static struct ev_report r;
    struct ev_certs c = {.count = 0}, none = {.count = 0};
    struct ev_anchors anchors = ev_pinned(set);
    memset(&r, 0, sizeof r);
    CHECK_INT(ev_certs_add(&c, (struct ev_bytes){(const uint8_t *)pem, strlen(pem)}), 0);
    int good = ev_chain_check(&r, c.cert[0], &none, &anchors, THEN, NULL, 0) && X509_check_ca(c.cert[0]) >= 1;
    if (!good) print_message("# set %d: %s\n", set, r.factors ? r.factor[0].why : "no CA");
    ev_certs_release(&c);
    return good;
}

/* Also the one that another maker has signed, and that does not come with the evidence. */
TEST(every_pinned_root_ends_a_chain) {
    for (int set = 0; set < EV_ROOTS_END; set++)
        for (const char *const *pem = pinned_roots((enum ev_roots)set); *pem; pem++)
            CHECK(leads_to_a_root((enum ev_roots)set, *pem));
}

TEST(every_pinned_intermediate_leads_to_a_root_of_its_set) {
    for (int set = 0; set < EV_ROOTS_END; set++)
        for (const char *const *pem = pinned_intermediates((enum ev_roots)set); *pem; pem++)
            CHECK(leads_to_a_root((enum ev_roots)set, *pem));
}

TEST(a_root_of_one_set_is_nobody_in_another) {
    static struct ev_report r;
    for (int set = 0; set < EV_ROOTS_END; set++)
        for (int other = 0; other < EV_ROOTS_END; other++) {
            struct ev_certs c = {.count = 0}, none = {.count = 0};
            struct ev_anchors anchors = ev_pinned((enum ev_roots)other);
            const char *pem = pinned_roots((enum ev_roots)set)[0];
            memset(&r, 0, sizeof r);
            CHECK_INT(ev_certs_add(&c, (struct ev_bytes){(const uint8_t *)pem, strlen(pem)}), 0);
            CHECK_INT(ev_chain_check(&r, c.cert[0], &none, &anchors, THEN, NULL, 0), set == other);
            ev_certs_release(&c);
        }
}

/* Whose date is over need not have signed what comes under it. */
TEST(an_issuer_out_of_date_does_not_hide_a_leaf_that_it_never_signed) {
    static struct ev_report r;
    static struct maker_cert root, sub, twin, leaf, forged;
    static char pem[2048];
    struct maker_opts o = {.name = "Root", .from = 1000000000, .to = 2000000000, .ca = 1};
    maker_make(&root, NULL, &o);
    o.name = "Sub";
    o.to = 1100000000;
    maker_make(&sub, &root, &o);
    maker_make(&twin, NULL, &o); /* the same name, another key */
    o = (struct maker_opts){.name = "Leaf", .from = 1000000000, .to = 2000000000};
    maker_make(&leaf, &sub, &o);
    maker_make(&forged, &twin, &o);
    maker_pem(&root, pem, sizeof pem);
    const char *roots[] = {pem, NULL}, *none[] = {NULL};
    const struct ev_anchors anchors = {roots, none};
    const struct ev_certs others = {.cert = {sub.cert}, .count = 1};
    static const int64_t in_date = 1050000000, late = 1500000000;
    const struct {
        X509 *leaf;
        int64_t now;
        int dates, chain; /* that they fail */
    } cases[] = {{leaf.cert, in_date, 0, 0}, {leaf.cert, late, 1, 0}, {forged.cert, in_date, 0, 1}, {forged.cert, late, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&r, 0, sizeof r);
        CHECK_INT(ev_chain_check(&r, cases[i].leaf, &others, &anchors, cases[i].now, NULL, 0), i == 0);
        CHECK_INT(ev_report_failed(&r, "dates") != NULL, cases[i].dates);
        CHECK_INT(ev_report_failed(&r, "chain") != NULL, cases[i].chain);
        CHECK_INT(report_noted_good(&r, "chain"), i == 0);
    }
    maker_release(&root);
    maker_release(&sub);
    maker_release(&twin);
    maker_release(&leaf);
    maker_release(&forged);
}

TESTS_MAIN("pinned", T(an_issuer_out_of_date_does_not_hide_a_leaf_that_it_never_signed),
           T(the_pinned_certificates_are_these_and_no_others), T(every_pinned_root_ends_a_chain),
           T(every_pinned_intermediate_leads_to_a_root_of_its_set), T(a_root_of_one_set_is_nobody_in_another))
