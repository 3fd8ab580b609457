/* What must not pass as a SEV-SNP report: the real ones changed, cut, extended, out of their time and under others' certificates; reports of
 * our own manufacturer that are signed and wrong. Each with the verdict and the factor that says so. */
#include "tests/unit/evidence/snp_scene.h"

static struct ev_report r;
static unsigned cases;

static void judged(const char *what, enum ev_verdict want, const char *factor) {
    cases++;
    CHECK(maker_judged(what, &r, want, factor));
    CHECK_INT(ev_report_class(&r), want == EV_OK ? EV_T2 : EV_CLASS_NONE);
}

/* ---- the real ones ---- */

static const struct field {
    const char *name;
    size_t at;
    enum ev_verdict want;
    const char *factor;
} fields[] = {
    {"version, second byte", 0x01, EV_UNSUPPORTED, "version"},
    {"version, last byte", 0x03, EV_UNSUPPORTED, "version"},
    {"guest_svn", 0x04, EV_INVALID, "signature"},
    {"policy, minor", 0x08, EV_INVALID, "signature"},
    {"policy, SMT", 0x0a, EV_INVALID, "signature"},
    {"policy, reserved", 0x0c, EV_INVALID, "signature"},
    {"family_id", 0x10, EV_INVALID, "signature"},
    {"image_id", 0x2f, EV_INVALID, "signature"},
    {"vmpl", 0x30, EV_INVALID, "signature"},
    {"algorithm", 0x34, EV_UNSUPPORTED, "algorithm"},
    {"algorithm, last byte", 0x37, EV_UNSUPPORTED, "algorithm"},
    {"current_tcb", 0x38, EV_INVALID, "signature"},
    {"current_tcb, microcode", 0x3f, EV_INVALID, "signature"},
    {"platform_info", 0x40, EV_INVALID, "signature"},
    {"author key", 0x48, EV_INVALID, "signature"},
    {"flags, reserved", 0x4b, EV_INVALID, "signature"},
    {"reserved 4c", 0x4c, EV_INVALID, "signature"},
    {"report_data, first", 0x50, EV_INVALID, "signature"},
    {"report_data, last", 0x8f, EV_INVALID, "signature"},
    {"measurement, first", 0x90, EV_INVALID, "signature"},
    {"measurement, last", 0xbf, EV_INVALID, "signature"},
    {"host_data", 0xc0, EV_INVALID, "signature"},
    {"id_key_digest", 0xe0, EV_INVALID, "signature"},
    {"author_key_digest", 0x110, EV_INVALID, "signature"},
    {"report_id", 0x140, EV_INVALID, "signature"},
    {"report_id_ma", 0x17f, EV_INVALID, "signature"},
    {"reported_tcb", 0x180, EV_INVALID, "tcb_match"},
    {"reported_tcb, a spare part", 0x183, EV_INVALID, "tcb_match"},
    {"reported_tcb, microcode", 0x187, EV_INVALID, "tcb_match"},
    {"stepping", 0x18a, EV_INVALID, "signature"},
    {"reserved 18b", 0x18b, EV_INVALID, "signature"},
    {"reserved 19f", 0x19f, EV_INVALID, "signature"},
    {"chip_id, first", 0x1a0, EV_INVALID, "signature"},
    {"chip_id, last", 0x1df, EV_INVALID, "signature"},
    {"committed_tcb", 0x1e6, EV_INVALID, "signature"},
    {"current build", 0x1e8, EV_INVALID, "signature"},
    {"committed major", 0x1ee, EV_INVALID, "signature"},
    {"launch_tcb", 0x1f7, EV_INVALID, "signature"},
    {"launch mitigations", 0x1f8, EV_INVALID, "signature"},
    {"last signed byte", 0x29f, EV_INVALID, "signature"},
    {"r, lowest", 0x2a0, EV_INVALID, "signature"},
    {"r, highest", 0x2cf, EV_INVALID, "signature"},
    {"after r", 0x2d0, EV_INVALID, "signature"},
    {"before s", 0x2e7, EV_INVALID, "signature"},
    {"s, lowest", 0x2e8, EV_INVALID, "signature"},
    {"s, highest", 0x317, EV_INVALID, "signature"},
    {"after s", 0x318, EV_INVALID, "signature"},
    {"end of s", 0x32f, EV_INVALID, "signature"},
    {"after the signature", 0x330, EV_INVALID, "signature"},
    {"last byte", 0x49f, EV_INVALID, "signature"},
};

TEST(a_bit_in_each_field_of_each_real_report) {
    for (size_t i = 0; i < REALS; i++) {
        struct question q = real_question(&reals[i]);
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            reals[i].bytes[fields[k].at] ^= 1;
            ask(&r, &q);
            reals[i].bytes[fields[k].at] ^= 1;
            judged(fields[k].name, fields[k].want, fields[k].factor);
            CHECK(fields[k].want == EV_UNSUPPORTED || ev_report_failed(&r, "signature"));
        }
    }
}

TEST(no_byte_of_a_real_report_can_change) {
    for (size_t i = 0; i < 2; i++)
        for (size_t at = 0; at < SNP_REPORT_BYTES; at += at < 0x2a0 ? 13 : 7) {
            struct real *real = &reals[i ? REAL_V2 : REAL_GENOA];
            struct question q = real_question(real);
            uint8_t *p = real->bytes + at;
            *p ^= 0x40;
            ask(&r, &q);
            *p ^= 0x40;
            cases++;
            if (ev_report_verdict(&r) != EV_INVALID && ev_report_verdict(&r) != EV_UNSUPPORTED) fail_msg("byte %zu", at);
        }
}

TEST(real_reports_cut_and_extended) {
    static const size_t sizes[] = {0, 1, 4, 0x2a0, 0x2a0 + 96, 0x330, 1183, 1185, 1216, 2368};
    uint8_t longer[2400] = {0};
    for (size_t i = 0; i < REALS; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            struct question q = real_question(&reals[i]);
            memcpy(longer, reals[i].bytes, SNP_REPORT_BYTES);
            q.report = (struct ev_bytes){longer, sizes[k]};
            ask(&r, &q);
            judged("of another length", EV_UNSUPPORTED, "format");
        }
    uint8_t frame[8192]; /* another project's frame around a report is not a report */
    struct question q = real_question(&reals[REAL_MILAN]);
    q.report = (struct ev_bytes){frame, snp_file("dstack_versioned_attestation.bin", frame, sizeof frame)};
    ask(&r, &q);
    judged("framed", EV_UNSUPPORTED, "format");
    static const char hcl[] = "HCLA";
    memcpy(longer, hcl, 4);
    memcpy(longer + 32, reals[REAL_MILAN].bytes, SNP_REPORT_BYTES);
    q.report = (struct ev_bytes){longer, SNP_REPORT_BYTES};
    ask(&r, &q);
    judged("HCL report, of the right length", EV_UNSUPPORTED, "version");
}

TEST(real_reports_out_of_their_time) {
    static const int64_t times[] = {0, 1262304000, 2240524800, 4102444800, INT64_C(253402300799)};
    for (size_t i = 0; i < REALS; i++)
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
            struct question q = real_question(&reals[i]);
            q.now = times[k];
            ask(&r, &q);
            judged("another time", EV_INVALID, "dates");
        }
}

TEST(versions_that_are_not_read) {
    static const uint8_t versions[] = {0, 1, 6, 7, 255};
    for (size_t i = 0; i < sizeof versions; i++) {
        struct twin t = twin_of(SNP_MILAN, SNP_KEY_VCEK, versions[i]);
        judge_twin(&r, &t, NULL);
        judged("version", EV_UNSUPPORTED, "version");
    }
    for (size_t i = 0; i < REALS; i++) /* relabelled as another version that is read */
        for (uint8_t v = 2; v <= 5; v++) {
            uint8_t was = reals[i].bytes[0];
            struct question q = real_question(&reals[i]);
            if (v == was) continue;
            reals[i].bytes[0] = v;
            ask(&r, &q);
            reals[i].bytes[0] = was;
            judged("another version", EV_INVALID, "signature");
        }
}

TEST(real_certificates_changed) {
    for (size_t i = 0; i < REALS; i++) {
        struct ev_certs c = {.count = 0};
        uint8_t der[4096], *at = der;
        CHECK_INT(ev_certs_add(&c, (struct ev_bytes){reals[i].cert, reals[i].cert_n}), 0);
        size_t n = (size_t)i2d_X509(c.cert[0], &at);
        ev_certs_release(&c);
        struct question q = real_question(&reals[i]);
        q.chain[0] = (struct ev_bytes){der, n};
        ask(&r, &q);
        judged("as DER", reals[i].verdict, reals[i].factor);
        q.chain[0].n = n - 1;
        ask(&r, &q);
        judged("cut", EV_UNSUPPORTED, "certificates");
        q.chain[0].n = n + 1;
        der[n] = 1;
        ask(&r, &q);
        judged("extended", EV_UNSUPPORTED, "certificates");
        q.chain[0].n = n;
        der[n - 1] ^= 1;
        ask(&r, &q);
        judged("its signature", EV_INVALID, "chain");
        der[n - 1] ^= 1;
        for (size_t b = 4; b < n; b += 37) {
            der[b] ^= 0x20;
            ask(&r, &q);
            der[b] ^= 0x20;
            cases++;
            CHECK(ev_report_verdict(&r) == EV_INVALID || ev_report_verdict(&r) == EV_UNSUPPORTED);
        }
        q.chains = 0;
        ask(&r, &q);
        judged("none", EV_INVALID, "certificates");
        q.chains = 1;
        q.chain[0] = (struct ev_bytes){(const uint8_t *)"{}", 2};
        ask(&r, &q);
        judged("no certificate at all", EV_UNSUPPORTED, "certificates");
        uint8_t cas[8192];
        q.chain[0] = (struct ev_bytes){cas, snp_file("ask_ark_milan.pem", cas, sizeof cas)};
        ask(&r, &q);
        judged("only the CAs", EV_INVALID, "certificates");
        q = real_question(&reals[i]);
        q.anchors = &twin_anchors;
        ask(&r, &q);
        judged("another manufacturer's roots", EV_INVALID, "chain");
    }
}

/* ---- signed, and wrong ---- */

#define TWIN_OF(product, key, version, what, change, want, factor) \
    do {                                                           \
        struct twin t = twin_of(product, key, version);            \
        struct question q = {.nonce = {NULL, 0}};                  \
        change;                                                    \
        judge_twin(&r, &t, &q);                                    \
        judged(what, want, factor);                                \
    } while (0)
#define TWIN(what, change, want, factor)  TWIN_OF(SNP_MILAN, SNP_KEY_VCEK, 3, what, change, want, factor)
#define TURIN(what, change, want, factor) TWIN_OF(SNP_TURIN, SNP_KEY_VCEK, 5, what, change, want, factor)
#define CLOUD(what, change, want, factor) TWIN_OF(SNP_GENOA, SNP_KEY_VLEK, 3, what, change, want, factor)

TEST(the_twins_themselves_are_good) {
    TWIN("milan", (void)q, EV_OK, NULL);
    TURIN("turin", (void)q, EV_OK, NULL);
    CLOUD("cloud", (void)q, EV_OK, NULL);
}

TEST(a_debug_bit_is_refused) {
    TWIN("debug", t.report[0x0a] |= 8, EV_REFUSED, "debug");
    TURIN("debug", t.report[0x0a] |= 8, EV_REFUSED, "debug");
    CLOUD("debug", t.report[0x0a] |= 8, EV_REFUSED, "debug");
}

TEST(guest_policies_that_let_others_in_are_refused) {
    TWIN("bit 17 is not one", t.report[0x0a] &= (uint8_t)~2, EV_REFUSED, "policy");
    TWIN("policy 0", memset(t.report + 8, 0, 8), EV_REFUSED, "policy");
    TWIN("a migration agent", t.report[0x0a] |= 4, EV_REFUSED, "policy");
    TWIN("bit 26", t.report[0x0b] |= 4, EV_REFUSED, "policy");
    TWIN("bit 63", t.report[0x0f] |= 0x80, EV_REFUSED, "policy");
    TWIN("single socket and all that hides more", t.report[0x0a] |= 0x10, EV_OK, NULL);
    TWIN("XTS, no RAPL, ciphertext hiding, no page swap", t.report[0x0b] |= 3, EV_OK, NULL);
}

TEST(levels_below_the_highest_are_refused) {
    TWIN("VMPL 1", t.report[0x30] = 1, EV_REFUSED, "vmpl");
    TWIN("VMPL 3", t.report[0x30] = 3, EV_REFUSED, "vmpl");
    TWIN("VMPL 256", t.report[0x31] = 1, EV_REFUSED, "vmpl");
    TWIN("the host's", memset(t.report + 0x30, 0xff, 4), EV_REFUSED, "vmpl");
}

TEST(a_signer_that_is_not_the_certificates_is_refused) {
    TWIN("says VLEK, is a VCEK", t.report[0x48] = 1 << 2, EV_INVALID, "signer");
    CLOUD("says VCEK, is a VLEK", t.report[0x48] = 0, EV_INVALID, "signer");
    TWIN("says that none signed", t.report[0x48] = 7 << 2, EV_INVALID, "signer");
    TWIN("key 2", t.report[0x48] = 2 << 2, EV_UNSUPPORTED, "signer");
    TWIN("key 6", t.report[0x48] = 6 << 2, EV_UNSUPPORTED, "signer");
    TWIN("the chip's key is masked", t.report[0x48] = 2, EV_INVALID, "signer");
    CLOUD("the chip's key is masked, and a VLEK signed", t.report[0x48] |= 2, EV_OK, NULL);
    TWIN("author key", t.report[0x48] |= 1, EV_OK, NULL);
    TWIN("another key", t.other_key = 1, EV_INVALID, "signature");
    TWIN("algorithm 0", t.report[0x34] = 0, EV_UNSUPPORTED, "algorithm");
    TWIN("algorithm 2", t.report[0x34] = 2, EV_UNSUPPORTED, "algorithm");
    TWIN("not signed: r and s zero", t.report[0x48] = 7 << 2; t.unsigned_ = 1, EV_INVALID, "signature");
    TWIN("r, more than 384 bits", (t.flip = 0x2d0, t.dirt = 1), EV_INVALID, "signature");
    TWIN("s, more than 384 bits", (t.flip = 0x318, t.dirt = 0x80), EV_INVALID, "signature");
    TWIN("a byte behind the signature", (t.flip = 0x49f, t.dirt = 1), EV_INVALID, "signature");
}

TEST(a_product_that_is_not_the_certificates_is_refused) {
    TWIN("Genoa's processor", t.report[0x189] = 0x11, EV_INVALID, "product");
    TWIN("Turin's processor", (t.report[0x188] = 0x1a, t.report[0x189] = 2), EV_INVALID, "product");
    TURIN("Milan's processor", (t.report[0x188] = 0x19, t.report[0x189] = 1), EV_INVALID, "product");
    TWIN("no processor in version 3", memset(t.report + 0x188, 0, 3), EV_UNSUPPORTED, "product");
    TWIN("an unknown one", t.report[0x188] = 0x1b, EV_UNSUPPORTED, "product");
    TWIN("a certificate for Venice", twin_set(&t, "2", "\x16\x06Venice", 8), EV_UNSUPPORTED, "product");
    TWIN("a certificate for milan", twin_set(&t, "2", "\x16\x05milan", 7), EV_UNSUPPORTED, "product");
    TWIN("a certificate for Genoa by Milan's ASK", twin_set(&t, "2", "\x16\x05Genoa", 7), EV_INVALID, "certificates");
    TWIN_OF(SNP_MILAN, SNP_KEY_VCEK, 2, "version 2, for Genoa by Milan's ASK", twin_set(&t, "2", "\x16\x05Genoa", 7), EV_INVALID,
            "certificates");
    TWIN("no product", twin_extension(&t, "2")->times = 0, EV_INVALID, "certificates");
    TWIN("two products", twin_extension(&t, "2")->times = 2, EV_INVALID, "certificates");
    TWIN("product as UTF8String", twin_set(&t, "2", "\x0c\x05Milan", 7), EV_INVALID, "certificates");
    TWIN("product longer than it is", twin_set(&t, "2", "\x16\x09Milan", 7), EV_INVALID, "certificates");
    TWIN("product with a line's end", twin_set(&t, "2", "\x16\x06Milan\n", 8), EV_INVALID, "certificates");
}

TEST(a_turin_read_as_a_milan_is_refused) {
    static const uint8_t as_milan[8] = {3, 2, 0, 0, 0, 0, 4, 73}; /* the certificate's parts, in Milan's order */
    TURIN("TCB in Milan's order", memcpy(t.report + 0x180, as_milan, 8), EV_INVALID, "tcb_match");
    TURIN("a chip id of 64 bytes in the certificate", twin_set(&t, "4", t.report + 0x1a0, 64), EV_INVALID, "certificates");
    TURIN("a chip id that goes on", t.report[0x1a8] = 1, EV_INVALID, "chip_id");
    TURIN("no FMC", twin_extension(&t, "3.9")->times = 0, EV_INVALID, "certificates");
    TURIN("another FMC", t.report[0x180]++, EV_INVALID, "tcb_match");
    TWIN("a chip id of 8 bytes in a Milan's", twin_set(&t, "4", t.report + 0x1a0, 8), EV_INVALID, "certificates");
}

TEST(a_tcb_that_is_not_the_certificates_is_refused) {
    static const size_t milan[] = {0, 1, 2, 5, 6, 7}, turin[] = {0, 1, 2, 3, 4, 6, 7};
    for (size_t i = 0; i < 6; i++) TWIN("one more", t.report[0x180 + milan[i]]++, EV_INVALID, "tcb_match");
    for (size_t i = 0; i < 2; i++) TWIN("one less", t.report[0x180 + i]--, EV_INVALID, "tcb_match");
    for (size_t i = 0; i < 7; i++) TURIN("one more", t.report[0x180 + turin[i]]++, EV_INVALID, "tcb_match");
    CLOUD("one more", t.report[0x187]++, EV_INVALID, "tcb_match");
    TWIN("a spare part in both", (twin_extend(&t, "3.5", "\2\1\7", 3), t.report[0x183] = 7), EV_OK, NULL);
    TWIN("a spare part in the certificate", twin_extend(&t, "3.5", "\2\1\7", 3), EV_INVALID, "tcb_match");
}

TEST(extensions_that_are_not_like_amds_are_refused) {
    static const char *const parts[] = {"3.1", "3.2", "3.3", "3.8"};
    for (size_t i = 0; i < 4; i++) {
        TWIN("missing", twin_extension(&t, parts[i])->times = 0, EV_INVALID, "certificates");
        TWIN("twice", twin_extension(&t, parts[i])->times = 2, EV_INVALID, "certificates");
    }
    TWIN("an integer in a long form", twin_set(&t, "3.1", "\2\2\0\4", 4), EV_INVALID, "certificates");
    TWIN("a negative integer", twin_set(&t, "3.8", "\2\1\xdb", 3), EV_INVALID, "certificates");
    TWIN("256", twin_set(&t, "3.8", "\2\2\1\0", 4), EV_INVALID, "certificates");
    TWIN("raw", twin_set(&t, "3.8", "\xdb", 1), EV_INVALID, "certificates");
    TWIN("empty", twin_set(&t, "3.1", "", 0), EV_INVALID, "certificates");
    TWIN("bytes behind", twin_set(&t, "3.1", "\2\1\4\0", 4), EV_INVALID, "certificates");
    TWIN("a BOOLEAN", twin_set(&t, "3.1", "\1\1\4", 3), EV_INVALID, "certificates");
}

TEST(a_chip_that_is_not_the_certificates_is_refused) {
    TWIN("first byte", t.report[0x1a0] ^= 1, EV_INVALID, "chip_id");
    TWIN("last byte", t.report[0x1df] ^= 1, EV_INVALID, "chip_id");
    TWIN("zeros", memset(t.report + 0x1a0, 0, 64), EV_INVALID, "chip_id");
    TURIN("first byte", t.report[0x1a0] ^= 1, EV_INVALID, "chip_id");
    TWIN("no chip in a VCEK", twin_extension(&t, "4")->times = 0, EV_INVALID, "certificates");
    TWIN("two chips in a VCEK", twin_extension(&t, "4")->times = 2, EV_INVALID, "certificates");
    TWIN("63 bytes", twin_extension(&t, "4")->n = 63, EV_INVALID, "certificates");
    TWIN("65 bytes", twin_extension(&t, "4")->n = 65, EV_INVALID, "certificates");
    TWIN("a cloud in a VCEK", twin_text(&t, "5", "CN=x"), EV_INVALID, "certificates");
    CLOUD("no cloud in a VLEK", twin_extension(&t, "5")->times = 0, EV_INVALID, "certificates");
    CLOUD("a chip in a VLEK", twin_extend(&t, "4", t.report, 64), EV_INVALID, "certificates");
    CLOUD("a chip in a VLEK's report", t.report[0x1a0] = 1, EV_OK, NULL);
}

/* The octets of the id are no DER: such an id must not be taken apart, nor refused for looking like some. */
TEST(a_chip_id_that_looks_like_der_is_raw) {
    static const uint8_t heads[][3] = {{4, 62, 9}, {2, 62, 0}, {4, 0x82, 1}, {0x16, 1, 1}, {4, 6, 1}, {2, 6, 0x80}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        TWIN("begins like DER", (memcpy(t.report + 0x1a0, heads[i], 3), memcpy(twin_extension(&t, "4")->bytes, heads[i], 3)),
             EV_OK, NULL);
        TURIN("begins like DER", (memcpy(t.report + 0x1a0, heads[i], 3), memcpy(twin_extension(&t, "4")->bytes, heads[i], 3)),
              EV_OK, NULL);
    }
}

TEST(certificates_that_do_not_fit_are_refused) {
    TWIN("on P-256", t.leaf.curve = "P-256", EV_INVALID, "certificates");
    TWIN("on P-521", (t.leaf.curve = "P-521", t.other_key = 1), EV_INVALID, "certificates");
    TWIN("on secp256k1", t.leaf.curve = "secp256k1", EV_INVALID, "certificates");
    TWIN("a CA", t.leaf.ca = 1, EV_INVALID, "certificates");
    TWIN("another name", t.leaf.name = "SEV-VCEK2", EV_INVALID, "certificates");
    TWIN("a VLEK by name, with a chip", t.leaf.name = "SEV-VLEK", EV_INVALID, "certificates");
    TWIN("by the ARK itself", t.issuer = &twin_ark[SNP_MILAN], EV_INVALID, "certificates");
    TWIN("by the ASK of VLEKs", t.issuer = &twin_ask[SNP_MILAN][1], EV_INVALID, "certificates");
    CLOUD("by the ASK of VCEKs", t.issuer = &twin_ask[SNP_GENOA][0], EV_INVALID, "certificates");
    TWIN("by Genoa's ASK", t.issuer = &twin_ask[SNP_GENOA][0], EV_INVALID, "certificates");
    TWIN("expired", t.leaf.to = TWIN_NOW - 1, EV_INVALID, "dates");
    TWIN("of tomorrow", t.leaf.from = TWIN_NOW + 86400, EV_INVALID, "dates");
    CLOUD("expired", t.leaf.to = TWIN_NOW - 1, EV_INVALID, "dates");
    TWIN("the ASK expired", q.now = TWIN_NOW + 1000001; t.leaf.to = TWIN_NOW + 2000000, EV_INVALID, "dates");
    TWIN("AMD's roots", static struct snp_anchors amd; amd = snp_pinned(); q.anchors = &amd, EV_INVALID, "chain");
}

/* Names prove nothing: an ASK of the right name by another ARK of the right name, and both brought along. */
TEST(a_chain_of_ones_own_is_refused) {
    struct maker_cert ark, ask_;
    struct maker_opts o = {.name = "ARK-Milan", .from = TWIN_NOW - 1000, .to = TWIN_NOW + 1000, .ca = 1};
    maker_make(&ark, NULL, &o);
    o.name = "SEV-Milan";
    maker_make(&ask_, &ark, &o);
    TWIN("own ARK and ASK",
         (t.issuer = &ask_, q.chain[0] = (struct ev_bytes){ark.der, ark.n}, q.chain[1] = (struct ev_bytes){ask_.der, ask_.n},
          q.chains = 2),
         EV_INVALID, "chain");
    maker_release(&ask_);
    o.ca = -1;
    o.usage = "";
    maker_make(&ask_, &twin_ask[SNP_MILAN][0], &o); /* a leaf that acts as an ASK */
    TWIN("a leaf as an ASK", (t.issuer = &ask_, q.chain[0] = (struct ev_bytes){ask_.der, ask_.n}, q.chains = 1), EV_INVALID,
         "chain");
    maker_release(&ask_);
    maker_release(&ark);
}

/* Of several certificates the one that signed is taken, wherever it stands. */
TEST(other_chips_certificates_beside_it_do_no_harm) {
    struct maker_cert other;
    struct twin second = twin_of(SNP_MILAN, SNP_KEY_VCEK, 3);
    second.extension[6].bytes[5] ^= 1;
    twin_leaf(&second, &other);
    TWIN("another chip's first", (q.chain[0] = (struct ev_bytes){other.der, other.n}, q.chains = 1), EV_OK, NULL);
    TWIN("none of them signed", (t.other_key = 1, q.chain[0] = (struct ev_bytes){other.der, other.n}, q.chains = 1), EV_INVALID,
         "signature");
    maker_release(&other);
}

TEST(a_nonce_that_is_not_ours_is_refused) {
    uint8_t nonce[70];
    for (int i = 0; i < 70; i++) nonce[i] = (uint8_t)(i + 1);
    TWIN("ours", (q.nonce = (struct ev_bytes){nonce, 64}), EV_OK, NULL);
    TWIN("a beginning", (q.nonce = (struct ev_bytes){nonce, 32}), EV_INVALID, "nonce");
    TWIN("all but one byte", (q.nonce = (struct ev_bytes){nonce, 63}), EV_INVALID, "nonce");
    TWIN("more than fits", (q.nonce = (struct ev_bytes){nonce, 65}), EV_INVALID, "nonce");
    TWIN("another", (q.nonce = (struct ev_bytes){nonce + 1, 64}), EV_INVALID, "nonce");
    TWIN("short, and zeros after it", (memset(t.report + 0x70, 0, 32), q.nonce = (struct ev_bytes){nonce, 32}), EV_OK, NULL);
    TWIN("short, and one byte that is not zero",
         (memset(t.report + 0x70, 0, 32), t.report[0x8f] = 1, q.nonce = (struct ev_bytes){nonce, 32}), EV_INVALID, "nonce");
}

/* ---- AMD's list ---- */

static size_t make_crl(uint8_t *out, size_t cap, const struct maker_cert *by, const X509 *revoked, int64_t until) {
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(TWIN_NOW - 5000)), *to = ASN1_TIME_set(NULL, (time_t)until);
    CHECK(crl && from && to && X509_CRL_set_version(crl, 1) == 1);
    CHECK(X509_CRL_set_issuer_name(crl, X509_get_subject_name(by->cert)) == 1);
    CHECK(X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1);
    if (revoked) {
        X509_REVOKED *one = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(revoked));
        CHECK(one && X509_REVOKED_set_serialNumber(one, serial) == 1 && X509_REVOKED_set_revocationDate(one, from) == 1);
        CHECK(X509_CRL_add0_revoked(crl, one) == 1);
        ASN1_INTEGER_free(serial);
    }
    CHECK(X509_CRL_sign(crl, by->key, EVP_sha384()) > 0);
    uint8_t *at = out;
    int n = i2d_X509_CRL(crl, NULL);
    CHECK(n > 0 && (size_t)n < cap && i2d_X509_CRL(crl, &at) == n);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return (size_t)n;
}

TEST(an_ask_on_amds_list_is_refused) {
    static const struct {
        const char *what;
        int by_genoa, vcek_ask, vlek_ask;
        int64_t until;
        size_t more;
        enum ev_verdict want;
        const char *factor;
    } all[] = {
        {"an empty list", 0, 0, 0, TWIN_NOW + 5000, 0, EV_OK, NULL},
        {"a list of another ASK", 0, 0, 1, TWIN_NOW + 5000, 0, EV_OK, NULL},
        {"the ASK", 0, 1, 0, TWIN_NOW + 5000, 0, EV_INVALID, "revoked"},
        {"a list out of date", 0, 0, 0, TWIN_NOW - 1, 0, EV_INVALID, "revoked"},
        {"another product's list", 1, 0, 0, TWIN_NOW + 5000, 0, EV_INVALID, "revoked"},
        {"bytes behind it", 0, 0, 0, TWIN_NOW + 5000, 1, EV_UNSUPPORTED, "revocation_list"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint8_t crl[2048];
        const X509 *revoked = all[i].vcek_ask   ? twin_ask[SNP_MILAN][0].cert
                              : all[i].vlek_ask ? twin_ask[SNP_MILAN][1].cert
                                                : NULL;
        size_t n = make_crl(crl, sizeof crl, &twin_ark[all[i].by_genoa ? SNP_GENOA : SNP_MILAN], revoked, all[i].until);
        TWIN(all[i].what, (q.crl = (struct ev_bytes){crl, n + all[i].more}), all[i].want, all[i].factor);
    }
    uint8_t crl[2048];
    size_t n = make_crl(crl, sizeof crl, &twin_ark[SNP_MILAN], NULL, TWIN_NOW + 5000);
    crl[n - 1] ^= 1;
    TWIN("a forged list", (q.crl = (struct ev_bytes){crl, n}), EV_INVALID, "revoked");
    TWIN("no list", (q.crl = (struct ev_bytes){(const uint8_t *)"none", 4}), EV_UNSUPPORTED, "revocation_list");
    n = make_crl(crl, sizeof crl, &twin_ark[SNP_MILAN], twin_ask[SNP_MILAN][0].cert, TWIN_NOW + 5000);
    struct ev_bytes brought = {twin_ask[SNP_MILAN][0].der, twin_ask[SNP_MILAN][0].n};
    TWIN("a list, and the ASK brought along", (q.crl = (struct ev_bytes){crl, n}, q.chain[0] = brought, q.chains = 1), EV_INVALID,
         "revoked");
}

/* AMD has had two ASKs of one name: the list is asked of the one that signed, not of the first that is called so. */
TEST(a_good_ask_of_the_same_name_does_not_clear_the_one_on_the_list) {
    uint8_t crl[2048];
    struct maker_cert namesake;
    struct maker_opts o = {.name = "SEV-Milan", .from = TWIN_NOW - 1000, .to = TWIN_NOW + 1000, .ca = 1};
    maker_make(&namesake, &twin_ark[SNP_MILAN], &o);
    struct ev_bytes brought = {namesake.der, namesake.n};
    size_t n = make_crl(crl, sizeof crl, &twin_ark[SNP_MILAN], twin_ask[SNP_MILAN][0].cert, TWIN_NOW + 5000);
    TWIN("the namesake is good", (q.crl = (struct ev_bytes){crl, n}, q.chain[0] = brought, q.chains = 1), EV_INVALID, "revoked");
    n = make_crl(crl, sizeof crl, &twin_ark[SNP_MILAN], namesake.cert, TWIN_NOW + 5000);
    TWIN("the namesake is listed", (q.crl = (struct ev_bytes){crl, n}, q.chain[0] = brought, q.chains = 1), EV_OK, NULL);
    maker_release(&namesake);
}

TEST(nothing_is_noted_as_good_of_what_nobody_vouches_for) {
    static const char *const later[] = {"signature", "signer", "product", "tcb_match", "chip_id",
                                        "debug",     "policy", "vmpl",    "nonce"};
    for (int how = 0; how < 3; how++) {
        struct twin t = twin_of(SNP_MILAN, SNP_KEY_VCEK, 3);
        struct question q = {.nonce = {t.report + 0x50, 64}};
        if (how == 0) t.leaf.to = TWIN_NOW - 1;
        if (how == 1) t.other_key = 1;
        if (how == 2) t.report[0x48] = 1 << 2;
        judge_twin(&r, &t, &q);
        CHECK_INT(ev_report_verdict(&r), EV_INVALID);
        CHECK_INT(r.facts, 0);
        for (size_t k = how == 2; k < sizeof later / sizeof *later; k++)
            for (unsigned i = 0; i < r.factors; i++) CHECK(strcmp(r.factor[i].name, later[k]) != 0 || !r.factor[i].ok);
    }
}

TEST(all_is_counted) {
    printf("# %u mutations of SEV-SNP reports\n", cases);
    CHECK(cases >= 1193); /* docs/evidence.md */
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_bit_in_each_field_of_each_real_report),
                                     T(no_byte_of_a_real_report_can_change),
                                     T(real_reports_cut_and_extended),
                                     T(real_reports_out_of_their_time),
                                     T(versions_that_are_not_read),
                                     T(real_certificates_changed),
                                     T(the_twins_themselves_are_good),
                                     T(a_debug_bit_is_refused),
                                     T(guest_policies_that_let_others_in_are_refused),
                                     T(levels_below_the_highest_are_refused),
                                     T(a_signer_that_is_not_the_certificates_is_refused),
                                     T(a_product_that_is_not_the_certificates_is_refused),
                                     T(a_turin_read_as_a_milan_is_refused),
                                     T(a_tcb_that_is_not_the_certificates_is_refused),
                                     T(extensions_that_are_not_like_amds_are_refused),
                                     T(a_chip_that_is_not_the_certificates_is_refused),
                                     T(a_chip_id_that_looks_like_der_is_raw),
                                     T(certificates_that_do_not_fit_are_refused),
                                     T(a_chain_of_ones_own_is_refused),
                                     T(other_chips_certificates_beside_it_do_no_harm),
                                     T(a_nonce_that_is_not_ours_is_refused),
                                     T(an_ask_on_amds_list_is_refused),
                                     T(a_good_ask_of_the_same_name_does_not_clear_the_one_on_the_list),
                                     T(nothing_is_noted_as_good_of_what_nobody_vouches_for),
                                     T(all_is_counted)};
    reals_load();
    twins_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("sev_snp_mutations", all, NULL, NULL);
    twins_teardown();
    return bad != 0;
}
