/* What must not pass as a GPU's report: the real one changed, cut, extended and relabelled; reports of our own manufacturer that are signed
 * and wrong. Each with the verdict and the factor that says so. */
#include "tests/unit/evidence/nvidia_scene.h"

static struct ev_report r;
static unsigned cases;

static void judged(const char *what, enum ev_verdict want, const char *factor) {
    cases++;
    CHECK(maker_judged(what, &r, want, factor));
    CHECK_INT(ev_report_class(&r), EV_CLASS_NONE);
}

/* ---- the real one ---- */

static void flip(const char *what, size_t at, enum ev_verdict want, const char *factor) {
    real_report[at] ^= 1;
    judge_real(&r, real_report, REPORT_BYTES, GPU_NOW);
    real_report[at] ^= 1;
    judged(what, want, factor);
}

TEST(a_bit_in_each_field_of_the_real_report) {
    flip("request: version", 0, EV_UNSUPPORTED, "format");
    flip("request: code", 1, EV_UNSUPPORTED, "format");
    flip("request: signature asked for", 2, EV_UNSUPPORTED, "format");
    flip("request: all blocks", 3, EV_UNSUPPORTED, "format");
    flip("request: nonce, first", AT_NONCE, EV_INVALID, "nonce");
    flip("request: nonce, first, and it is signed", AT_NONCE, EV_INVALID, "signature");
    flip("request: nonce, last", AT_NONCE + 31, EV_INVALID, "signature");
    flip("request: slot", 36, EV_INVALID, "signature");
    flip("response: version", 37, EV_UNSUPPORTED, "format");
    flip("response: code", 38, EV_UNSUPPORTED, "format");
    flip("response: first parameter", 39, EV_INVALID, "signature");
    flip("response: second parameter", 40, EV_INVALID, "signature");
    flip("count of blocks", AT_COUNT, EV_UNSUPPORTED, "format");
    for (size_t i = 0; i < 3; i++) flip("length of blocks", AT_COUNT + 1 + i, EV_UNSUPPORTED, "format");
    for (size_t i = 0; i < BLOCKS; i += 5) {
        size_t at = AT_BLOCKS + i * BLOCK_BYTES;
        flip("block: index is there twice", at, EV_UNSUPPORTED, "format");
        flip("block: specification", at + 1, EV_UNSUPPORTED, "format");
        flip("block: size", at + 2, EV_UNSUPPORTED, "format");
        flip("block: type", at + 4, EV_INVALID, "signature");
        flip("block: length", at + 5, EV_UNSUPPORTED, "format");
        flip("block: value", at + 7 + i % 48, EV_INVALID, "signature");
    }
    flip("the GPU's nonce", AT_GPU_NONCE + 5, EV_INVALID, "signature");
    flip("length of opaque data", AT_OPAQUE_LENGTH, EV_UNSUPPORTED, "format");
    static const unsigned types[] = {3, 4, 6, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) flip("opaque value", opaque_at(types[i]), EV_INVALID, "signature");
    flip("opaque type", opaque_at(13) - 4, EV_INVALID, "signature");
    flip("opaque length", opaque_at(12) - 2, EV_UNSUPPORTED, "format");
    flip("opaque firmware id", opaque_at(20) + 47, EV_INVALID, "fwid");
    flip("r, first", AT_SIGNATURE, EV_INVALID, "signature");
    flip("r, last", AT_SIGNATURE + 47, EV_INVALID, "signature");
    flip("s, first", AT_SIGNATURE + 48, EV_INVALID, "signature");
    flip("s, last", AT_SIGNATURE + 95, EV_INVALID, "signature");
}

TEST(the_real_report_cut_extended_or_of_another_kind) {
    static const size_t cuts[] = {0, 1, 4, 36, 37, 41, 44, 45, 100, 3564, 3565, 3598, 3599, 4000, 4020, 4021, 4116};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        judge_real(&r, real_report, cuts[i], GPU_NOW);
        judged("cut", EV_UNSUPPORTED, "format");
        judge_real(&r, real_hex, 2 * cuts[i] + 1, GPU_NOW);
        judged("hex cut", EV_UNSUPPORTED, "format");
        judge_real(&r, real_hex, 2 * cuts[i], GPU_NOW);
        judged("hex cut between bytes", EV_UNSUPPORTED, "format");
    }
    judge_real(&r, real_report, REPORT_BYTES + 1, GPU_NOW);
    judged("extended", EV_UNSUPPORTED, "format");
    static uint8_t hex[2 * REPORT_BYTES + 2];
    memcpy(hex, real_hex, 2 * REPORT_BYTES);
    memcpy(hex + 2 * REPORT_BYTES, "00", 2);
    judge_real(&r, hex, sizeof hex, GPU_NOW);
    judged("hex extended", EV_UNSUPPORTED, "format");
    hex[77] = 'g';
    judge_real(&r, hex, 2 * REPORT_BYTES, GPU_NOW);
    judged("no hex", EV_UNSUPPORTED, "format");
    hex[77] = ' ';
    judge_real(&r, hex, 2 * REPORT_BYTES, GPU_NOW);
    judged("white space within", EV_UNSUPPORTED, "format");
    static uint8_t big[2 * NVIDIA_REPORT_MAX + 2];
    memset(big, '0', sizeof big);
    judge_real(&r, big, sizeof big, GPU_NOW);
    judged("hex of too much", EV_UNSUPPORTED, "format");
    memcpy(big, real_report, REPORT_BYTES);
    judge_real(&r, big, NVIDIA_REPORT_MAX + 1, GPU_NOW);
    judged("too much", EV_UNSUPPORTED, "format");
    judge_real(&r, real_report + AT_RESPONSE, REPORT_BYTES - AT_RESPONSE, GPU_NOW);
    judged("the response alone", EV_UNSUPPORTED, "format");
    static const char *const others[] = {"\x84\x44\xa1\x01\x38\x22",   "\xffTCG\x80\x18", "\x04", "\x02", "{}",
                                         "-----BEGIN CERTIFICATE-----"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        judge_real(&r, others[i], strlen(others[i]), GPU_NOW);
        judged("another kind", EV_UNSUPPORTED, "format");
    }
}

static void with_chain(const char *what, struct ev_bytes chain, const struct ev_anchors *anchors, int64_t now,
                       enum ev_verdict want, const char *factor) {
    judge_gpu(&r, real_report, REPORT_BYTES, chain, (struct ev_bytes){fixed_nonce, 32}, &no_policy, anchors, now);
    judged(what, want, factor);
}

TEST(the_real_report_with_other_certificates_roots_and_times) {
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA), amd = ev_pinned(EV_ROOTS_AMD_MILAN), nitro = ev_pinned(EV_ROOTS_NITRO);
    struct ev_bytes real = {real_chain, real_chain_n};
    with_chain("none", (struct ev_bytes){0}, &pinned, GPU_NOW, EV_UNSUPPORTED, "certificates");
    with_chain("cut", (struct ev_bytes){real_chain, 300}, &pinned, GPU_NOW, EV_UNSUPPORTED, "certificates");
    with_chain("no certificates", (struct ev_bytes){real_hex, 300}, &pinned, GPU_NOW, EV_UNSUPPORTED, "certificates");
    with_chain("another manufacturer's root", real, &amd, GPU_NOW, EV_INVALID, "chain");
    with_chain("AWS's root", real, &nitro, GPU_NOW, EV_INVALID, "chain");
    with_chain("our root", real, &gpu_anchors, GPU_NOW, EV_INVALID, "chain");
    with_chain("before the certificate", real, &pinned, 1600000000, EV_INVALID, "dates");
    with_chain("in 1970", real, &pinned, 0, EV_INVALID, "dates");
    with_chain("after the year 9999", real, &pinned, 253402300800, EV_INVALID, "chain");
    const char *leaf_end = strstr((const char *)real_chain, "-----END CERTIFICATE-----") + 26;
    size_t leaf_n = (size_t)(leaf_end - (const char *)real_chain);
    with_chain("the leaf alone", (struct ev_bytes){real_chain, leaf_n}, &pinned, GPU_NOW, EV_INVALID, "chain");
    with_chain("all but the leaf", (struct ev_bytes){real_chain + leaf_n, real_chain_n - leaf_n}, &pinned, GPU_NOW, EV_INVALID,
               "certificates");
    with_chain("another GPU's", gpu_chain_of(&gpu_leaf), &gpu_anchors, GPU_NOW, EV_INVALID, "signature");
    with_chain("another GPU's under the real root", gpu_chain_of(&gpu_leaf), &pinned, GPU_NOW, EV_INVALID, "chain");
    struct ev_certs c = {.count = 0};
    CHECK_INT(ev_certs_add(&c, real), 0);
    for (unsigned i = 0; i < 4; i++) /* a bit of each signature, but the root's, which is not asked */
        for (size_t back = 1; back < 90; back += 40) {
            static uint8_t der[5][4096];
            struct ev_input in = {.evidence = {real_report, REPORT_BYTES}, .nonce = {fixed_nonce, 32}, .now = GPU_NOW};
            for (unsigned k = 0; k < 5; k++) {
                unsigned char *at = der[k];
                size_t n = (size_t)i2d_X509(c.cert[k], &at);
                if (k == i) der[k][n - back] ^= 1;
                in.chain[in.chain_count++] = (struct ev_bytes){der[k], n};
            }
            r = (struct ev_report){.best = EV_CLASS_NONE};
            nvidia_gpu_verify_with(&in, &no_policy, &pinned, &r);
            judged("a certificate's signature", EV_INVALID, "chain");
        }
    ev_certs_release(&c);
}

/* ---- signed, and wrong ---- */

static uint8_t twin[8192];
static size_t twin_n;

static void twin_begin(void) {
    memcpy(twin, real_report, REPORT_BYTES);
    twin_n = REPORT_BYTES;
}
static void twin_judged(const char *what, enum ev_verdict want, const char *factor) {
    gpu_sign(&gpu_leaf, twin, twin_n);
    judge_twin(&r, twin, twin_n, &no_policy);
    judged(what, want, factor);
}
/* n bytes out, with what follows moved up; or in, as zeros. */
static void twin_remove(size_t at, size_t n) {
    memmove(twin + at, twin + at + n, twin_n - at - n);
    twin_n -= n;
}
static void twin_insert(size_t at, size_t n) {
    memmove(twin + at + n, twin + at, twin_n - at);
    memset(twin + at, 0, n);
    twin_n += n;
}
static void opaque_length(size_t n) {
    twin[AT_OPAQUE_LENGTH] = (uint8_t)n;
    twin[AT_OPAQUE_LENGTH + 1] = (uint8_t)(n >> 8);
}

TEST(the_twin_itself_is_good) {
    twin_begin();
    twin_judged("twin", EV_OK, NULL);
}

TEST(signed_measurements_out_of_bounds_are_refused) {
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } one[] = {
        {"index 0", AT_BLOCKS, 0},
        {"index 255", AT_BLOCKS, 255},
        {"an index twice", AT_BLOCKS, 2},
        {"not DMTF's", AT_BLOCKS + 1, 2},
        {"size over the rest", AT_BLOCKS + 3, 255},
        {"size and length differ", AT_BLOCKS + 2, 0x34},
        {"length over 64", AT_BLOCKS + 5, 65},
        {"no blocks", AT_COUNT, 0},
        {"a block too few", AT_COUNT, 63},
        {"a block too many", AT_COUNT, 65},
        {"length of 2^16 more", AT_COUNT + 3, 1},
        {"a byte less", AT_COUNT + 1, 0xbf},
    };
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        twin_begin();
        twin[one[i].at] = one[i].value;
        twin_judged(one[i].what, EV_UNSUPPORTED, "format");
    }
    twin_begin(); /* 64 bytes of value are as many as may be */
    twin_insert(AT_BLOCKS + BLOCK_BYTES, 16);
    twin[AT_BLOCKS + 2] = 67;
    twin[AT_BLOCKS + 5] = 64;
    twin[AT_COUNT + 1] = 0xd0;
    twin_judged("a value of 64 bytes", EV_OK, NULL);
    twin_insert(AT_BLOCKS + BLOCK_BYTES, 1);
    twin[AT_BLOCKS + 2] = 68;
    twin[AT_BLOCKS + 5] = 65;
    twin[AT_COUNT + 1] = 0xd1;
    twin_judged("a value of 65 bytes", EV_UNSUPPORTED, "format");
}

TEST(signed_opaque_data_out_of_bounds_is_refused) {
    size_t driver = opaque_at(3), vbios = opaque_at(6), fwid = opaque_at(20);
    twin_begin();
    opaque_length(OPAQUE_BYTES - 1);
    twin_judged("cut", EV_UNSUPPORTED, "format");
    twin_begin();
    opaque_length(NVIDIA_OPAQUE_MAX + 1);
    twin_judged("too long", EV_UNSUPPORTED, "format");
    twin_begin();
    twin[driver - 1] = 0xff;
    twin_judged("a value longer than the data", EV_UNSUPPORTED, "format");
    twin_begin();
    twin[opaque_at(14) - 4] = 3;
    twin_judged("the driver twice", EV_UNSUPPORTED, "format");
    twin_begin();
    twin[opaque_at(14) - 4] = 6;
    twin_judged("the VBIOS twice", EV_UNSUPPORTED, "format");
    twin_begin();
    twin[driver - 4] = 99;
    twin_judged("no driver: a switch, not a GPU", EV_INVALID, "driver");
    twin_begin();
    twin[driver] = 0;
    twin_judged("the driver's version begins with NUL", EV_INVALID, "driver");
    twin_begin();
    twin[driver + 3] = 0;
    twin_judged("the driver's version goes on behind a NUL", EV_INVALID, "driver");
    twin_begin();
    twin[driver + 3] = '\n';
    twin_judged("the driver's version has a control character", EV_INVALID, "driver");
    twin_begin();
    twin[vbios - 4] = 99;
    twin_judged("no VBIOS", EV_INVALID, "vbios");
    twin_begin();
    twin_remove(vbios + 7, 1);
    twin[vbios - 2] = 7;
    opaque_length(OPAQUE_BYTES - 1);
    twin_judged("a VBIOS of 7 bytes", EV_INVALID, "vbios");
    twin_begin();
    twin[fwid - 4] = 99;
    twin_judged("no firmware id", EV_INVALID, "fwid");
    twin_begin();
    twin[fwid] ^= 1;
    twin_judged("another firmware id", EV_INVALID, "fwid");
    twin_begin();
    twin_remove(fwid + 47, 1);
    twin[fwid - 2] = 47;
    opaque_length(OPAQUE_BYTES - 1);
    twin_judged("a firmware id of 47 bytes", EV_INVALID, "fwid");
    twin_begin();
    twin_insert(AT_SIGNATURE, 6);
    twin[AT_SIGNATURE] = 0xee;
    twin[AT_SIGNATURE + 2] = 2;
    opaque_length(OPAQUE_BYTES + 6);
    twin_judged("a type that nobody knows yet", EV_OK, NULL);
    twin_begin();
    twin_remove(AT_OPAQUE, OPAQUE_BYTES);
    opaque_length(0);
    twin_judged("no opaque data", EV_INVALID, "fwid");
}

TEST(signed_requests_that_are_not_ours_are_refused) {
    static const struct {
        size_t at;
        uint8_t value;
    } one[] = {{0, 0x10}, {0, 0x12}, {1, 0xe1}, {2, 0}, {2, 3}, {3, 0}, {3, 1}, {37, 0x10}, {37, 0x12}, {38, 0x7f}, {38, 0x61}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        twin_begin();
        twin[one[i].at] = one[i].value;
        twin_judged("request or response", EV_UNSUPPORTED, "format");
    }
    for (size_t i = 0; i < 32; i += 31) {
        twin_begin();
        twin[AT_NONCE + i] ^= 0x80;
        twin_judged("a nonce that is not ours", EV_INVALID, "nonce");
    }
}

/* ---- certificates of our own that do not fit ---- */

static void leaf_judged(const char *what, const struct maker_opts *o, const struct maker_cert *issuer, enum ev_verdict want,
                        const char *factor) {
    struct maker_cert leaf;
    twin_begin();
    maker_make(&leaf, issuer, o);
    if (!o->curve || strcmp(o->curve, "P-521") != 0) gpu_sign(&leaf, twin, twin_n);
    judge_gpu(&r, twin, twin_n, gpu_chain_of(&leaf), (struct ev_bytes){fixed_nonce, 32}, &no_policy, &gpu_anchors, GPU_NOW);
    maker_release(&leaf);
    judged(what, want, factor);
}
#define LEAF(what, change, want, factor)                  \
    do {                                                  \
        struct maker_opts o = gpu_leaf_opts();            \
        change;                                           \
        leaf_judged(what, &o, &gpu_middle, want, factor); \
    } while (0)

TEST(certificates_that_do_not_fit_are_refused) {
    LEAF("good", (void)0, EV_OK, NULL);
    LEAF("good, and says that it is no CA", o.ca = 0, EV_OK, NULL);
    LEAF("a CA", o.ca = 1, EV_INVALID, "certificates");
    LEAF("on P-256", o.curve = "P-256", EV_INVALID, "certificates");
    LEAF("on P-521", o.curve = "P-521", EV_INVALID, "certificates");
    LEAF("expired", o.to = GPU_NOW - 1, EV_INVALID, "dates");
    LEAF("of tomorrow", o.from = GPU_NOW + 86400, EV_INVALID, "dates");
    LEAF("without a firmware id", o.oid = NULL, EV_INVALID, "fwid");
    LEAF("firmware id in another extension", o.oid = "2.23.133.5.4.2", EV_INVALID, "fwid");
    LEAF("firmware id cut", o.ext_n -= 1, EV_INVALID, "fwid");
    LEAF("firmware id's extension empty", o.ext_n = 0, EV_INVALID, "fwid");
    static uint8_t ext[300];
    static const size_t at[] = {0, 1, 126 + 3, 128 + 3, 130 + 3, 139 + 3, 140 + 3, 188};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        memcpy(ext, hopper_ext, hopper_ext_n);
        if (at[i] < hopper_ext_n) ext[at[i]] ^= 1;
        LEAF("a bit of the firmware id's extension", o.ext = ext, EV_INVALID, "fwid");
    }
    memcpy(ext, hopper_ext, hopper_ext_n); /* the last 48 bytes are right; the structure ends before them */
    memcpy(ext + hopper_ext_n, hopper_ext + hopper_ext_n - 48, 48);
    ext[hopper_ext_n - 1] ^= 1;
    LEAF("the right digest behind the structure", (o.ext = ext, o.ext_n = hopper_ext_n + 48), EV_INVALID, "fwid");
    struct maker_opts o = gpu_leaf_opts();
    leaf_judged("signs itself", &o, NULL, EV_INVALID, "chain");
    leaf_judged("issued by another GPU", &o, &gpu_other, EV_INVALID, "chain");
    twin_begin();
    gpu_sign(&gpu_other, twin, twin_n);
    judge_twin(&r, twin, twin_n, &no_policy);
    judged("signed by another GPU of ours", EV_INVALID, "signature");
}

TEST(all_is_counted) {
    printf("# %u mutations of GPU reports\n", cases);
    CHECK(cases >= 272); /* docs/evidence.md */
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_bit_in_each_field_of_the_real_report),
                                     T(the_real_report_cut_extended_or_of_another_kind),
                                     T(the_real_report_with_other_certificates_roots_and_times),
                                     T(the_twin_itself_is_good),
                                     T(signed_measurements_out_of_bounds_are_refused),
                                     T(signed_opaque_data_out_of_bounds_is_refused),
                                     T(signed_requests_that_are_not_ours_are_refused),
                                     T(certificates_that_do_not_fit_are_refused),
                                     T(all_is_counted)};
    gpu_load();
    gpu_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("nvidia_gpu_mutations", all, NULL, NULL);
    gpu_teardown();
    return bad != 0;
}
