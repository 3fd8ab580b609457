/* TCG event logs: real ones replayed, what is and is not believed of an event, comparison with quoted registers. What must fail is a table:
 * test_event_log_mutations.c. */
#include "tests/unit/evidence/event_log_scene.h"

static uint8_t text[1 << 17];
static struct event_log log_;
static struct event_replay replay;

static void read_file(const char *name, enum event_log_of of) {
    struct why why = {""};
    size_t n = log_file(name, text, sizeof text);
    int r = event_log_read(&log_, (struct ev_bytes){text, n}, of, &why);
    if (r != 0) fail_msg("%s: %s", name, why.text);
}

static int is_hex(const uint8_t *p, size_t n, const char *hex) {
    char made[2 * TPM_DIGEST_MAX + 1];
    hex_encode(made, p, n);
    if (strcmp(made, hex) != 0) printf("# %s, wanted %s\n", made, hex);
    return strcmp(made, hex) == 0;
}

/* ---- real logs ---- */

TEST(a_confidential_vms_log_replays_to_the_registers_of_its_quote) {
    uint8_t rtmr[4][48];
    struct why why = {""};
    cos113_quoted(rtmr);
    read_file("cos113_ccel_data.dat", EVENT_LOG_CC);
    CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0xf, &why), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA384, &replay), 0);
    CHECK_INT(replay.extended, 0x0e); /* RTMR 0 to 2 */
    CHECK(is_hex(replay.value[2], 48, cos113_rtmrs[1]));
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), ERR_NOTFOUND);
}

TEST(the_register_that_disagrees_is_named) {
    uint8_t rtmr[4][48];
    struct why why = {""};
    cos113_quoted(rtmr);
    read_file("cos113_ccel_data.dat", EVENT_LOG_CC);
    rtmr[2][47] ^= 1;
    CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0xf, &why), ERR_AUTH);
    CHECK_STR(why.text, "event log: RTMR 2 of SHA384 is another than was quoted (1 of 4 disagree)");
    CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0xb, &why), 0); /* it was not asked about */
    rtmr[3][0] = 1;                                                 /* the log says nothing of it, so it is zero */
    CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0xf, &why), ERR_AUTH);
    CHECK_STR(why.text, "event log: RTMR 2 of SHA384 is another than was quoted (2 of 4 disagree)");
    CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0, &why), ERR_NOTFOUND);
}

TEST(the_whole_table_of_a_ccel_is_read_with_its_padding) {
    static uint8_t table[0x40000];
    static const uint8_t pads[] = {0xff, 0};
    uint8_t rtmr[4][48];
    cos113_quoted(rtmr);
    size_t n = log_file("cos113_ccel_data.dat", table, sizeof table);
    for (int i = 0; i < 2; i++) {
        memset(table + n, pads[i], sizeof table - n);
        CHECK_INT(event_log_read(&log_, (struct ev_bytes){table, sizeof table}, EVENT_LOG_CC, NULL), 0);
        CHECK_INT(event_log_explains_rtmrs(&log_, rtmr, 0xf, NULL), 0);
        table[sizeof table - 5] = 0x11; /* no longer padding alone */
        CHECK(event_log_read(&log_, (struct ev_bytes){table, sizeof table}, EVENT_LOG_CC, NULL) != 0);
    }
}

TEST(logs_of_tpms_replay_to_what_a_second_implementation_gives) {
    static const struct {
        const char *file;
        uint16_t alg;
        const char *pcr0, *pcr7, *all; /* SHA-256 of PCR 0 to 23 */
    } rows[] = {
        {"dstack_tpm_eventlog.bin", TPM_ALG_SHA1, "2a7e881993a21304c473423e5d63a5368c99bd2d",
         "0c19050ecd6e00f6e45a185806b666fd97cd3ebb", "deaff4f2956f2d7d838f9309c01d54fa4bf41fcb6b241f2bf031b3bc155416d5"},
        {"dstack_tpm_eventlog.bin", TPM_ALG_SHA256, "0cca9ec161b09288802e5a112255d21340ed5b797f5fe29cecccfd8f67b9f802",
         "02836eb5a7a5ba639a26164ac6c57d69e2d00681049cc9e55922753ea7153f01",
         "2819c60a375bd233b5912ef2eae162c866817323e8a9acb4cf682755009a18d0"},
        {"dstack_tpm_eventlog.bin", TPM_ALG_SHA384,
         "592b3f42ec556a9c093f201124cc7313fdaa4ce40ae1602e14d51f18fbfc480d6a1e196d1c52ad919328410272dc7222",
         "41dba0cb2e204ec25b5a3b5ed0ffb6a46240d21185e5009c9502856659e0883fc24db7477569b6a3f708f33fcee27853",
         "0a29c584a713d7d96e9fd74b689be55c930362711ee62fa209dca804eeb46d0d"},
        {"uefi_crypto_agile.bin", TPM_ALG_SHA256, "1536de221b2187a421602cd81f43aa04496b0bd5a424d3b25b637a942080d0fa",
         "3d6207f9a2c3fa1db729f06e71b09d2e7ca7c0c198f6c1410c2186bbe2cc1826",
         "32a46b4f10fb7214838586071a9cf8b04a418f1824f5d890bed208a3dc659470"},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", TPM_ALG_SHA1, "8124f09f069c7d2d9acf5ce4eab928a7103a0bb2",
         "7067b17aa6b3de0d22d17a59dce1e17e649cb56a", "1d471eb3ed6067f22bce1d24f0b66cf95e0f02cd2a578e4dfb8ac7adfb81c44a"},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", TPM_ALG_SHA256, "50597a27846e91d025eef597abbc89f72bff9af849094db97b0684d8bc4c515e",
         "33ad69850fb2c7f30b4f8b4bc10ed93fc954dc07fa726e84f50f3d192dc1c140",
         "167cc9f14e364f5d411231f70fac1211e23ad9d527a671c6911a74e61199712f"},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", TPM_ALG_SHA384,
         "99df1a2dd3bb13aeb3eb4067e3081d58ec884ff31f15cd1e1998ec192abf43acb3406bd0a9a8c26f3e930ed6da80de66",
         "1ad429a007b9187143e057983ae5ea5b44e534f7147c6b3c1baa06fcc435071db2164f04eea2e83098b7a1faf311209a",
         "9bb758ba35bf303e3c65d15e5fab560fa07b332ce3c74a6926038004cd6fa673"},
        {"uefi_debian-10.bin", TPM_ALG_SHA1, "0f2d3a2a1adaa479aeeca8f5df76aadc41b862ea",
         "9e6c57e850f371c2a7fe02bca552149363952318", "ac4be73cdb92b36710f401fcd6bde3c144fdbef91e1ed867b5fc2979c98ae822"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t joined[EVENT_REGISTERS * TPM_DIGEST_MAX], all[32];
        read_file(rows[i].file, EVENT_LOG_TPM);
        CHECK_INT(event_log_replay(&log_, rows[i].alg, &replay), 0);
        CHECK_INT(replay.unknown, 0);
        CHECK(is_hex(replay.value[0], replay.size, rows[i].pcr0));
        CHECK(is_hex(replay.value[7], replay.size, rows[i].pcr7));
        for (unsigned p = 0; p < EVENT_REGISTERS; p++) memcpy(joined + p * replay.size, replay.value[p], replay.size);
        sha256_of(all, joined, EVENT_REGISTERS * replay.size);
        CHECK(is_hex(all, 32, rows[i].all));
    }
}

TEST(the_older_form_is_read_and_has_sha1_alone) {
    read_file("uefi_debian-10.bin", EVENT_LOG_TPM);
    CHECK_INT(log_.sha1_only, 1);
    CHECK_INT(log_.count, 25);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), ERR_NOTFOUND);
    CHECK(event_log_read(&log_, (struct ev_bytes){text, 22220}, EVENT_LOG_CC, NULL) == ERR_FORMAT);
}

/* ---- what an event says ---- */

static unsigned covered_of(const char *file, enum event_log_of of, uint16_t alg, uint32_t type, unsigned counts[3]) {
    struct event e;
    struct ev_bytes what;
    unsigned all = 0;
    read_file(file, of);
    counts[0] = counts[1] = counts[2] = 0;
    for (struct event_walk w = event_walk_over(&log_); event_next(&w, &e);) {
        CHECK_INT(e.number, all++);
        if (e.type == type) counts[event_covered(&e, alg, &what)]++;
    }
    return all;
}

TEST(data_is_covered_where_the_digest_is_of_it) {
    static const struct {
        const char *file;
        enum event_log_of of;
        uint16_t alg;
        uint32_t type;
        unsigned none, whole, part;
    } rows[] = {
        {"uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM, TPM_ALG_SHA256, CONFIG, 0, 5, 0},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM, TPM_ALG_SHA1, SEPARATOR, 0, 8, 0},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM, TPM_ALG_SHA384, BOOT, 0, 0, 4}, /* the value, not the name */
        {"uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM, TPM_ALG_SHA256, PROGRAM, 2, 0, 0},
        {"uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM, TPM_ALG_SHA256, TAG, 1, 0,
         0}, /* Linux: the name of what it measured */
        {"uefi_crypto_agile.bin", EVENT_LOG_TPM, TPM_ALG_SHA256, BOOT, 0, 7, 0},
        {"cos113_ccel_data.dat", EVENT_LOG_CC, TPM_ALG_SHA384, CONFIG, 0, 5, 0},
        {"cos113_ccel_data.dat", EVENT_LOG_CC, TPM_ALG_SHA384, IPL, 5, 0, 15}, /* GRUB: files are not, commands are */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned counts[3];
        covered_of(rows[i].file, rows[i].of, rows[i].alg, rows[i].type, counts);
        if (counts[0] != rows[i].none || counts[1] != rows[i].whole || counts[2] != rows[i].part)
            fail_msg("%s, %s: %u %u %u", rows[i].file, event_type_name(rows[i].type), counts[0], counts[1], counts[2]);
    }
}

static struct event find(uint32_t type, unsigned index) {
    struct event e;
    for (struct event_walk w = event_walk_over(&log_); event_next(&w, &e);)
        if (e.type == type && e.index == index) return e;
    fail_msg("no such event");
    return e;
}

TEST(data_that_was_changed_is_not_believed_though_the_replay_is_the_same) {
    struct event_replay before;
    struct ev_bytes what;
    read_file("uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &before), 0);
    struct event e = find(CONFIG, 7); /* SecureBoot, whose value is the last byte */
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_COVERED);
    text[(size_t)(e.data.p - text) + e.data.n - 1] ^= 1;
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
    CHECK_MEM(replay.value, before.value, sizeof before.value);
    e = find(CONFIG, 7);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_NOT_COVERED);
    CHECK(what.p == NULL && what.n == 0);
}

TEST(a_digest_of_another_bank_shows_nothing) {
    struct ev_bytes what;
    static struct log_maker m;
    log_header(&m, 0, 2);
    log_event(&m, 7, CONFIG, "true", 4, "true", 4);
    size_t at = m.w.len - 4 - 4 - 20; /* the SHA-1, behind the SHA-256 */
    m.text[at] ^= 1;
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    struct event e = find(CONFIG, 7);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_COVERED);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA1, &what), EVENT_NOT_COVERED);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA384, &what), EVENT_NOT_COVERED);
}

TEST(a_remark_is_no_data_even_if_its_hash_fits) {
    struct ev_bytes what;
    static struct log_maker m;
    static const uint32_t types[] = {PROGRAM, EV_NO_ACTION_TYPE, 0x7, 0x9, 0xc, 0x8000000a, 0x12345678};
    log_header(&m, 0, 1);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) log_event(&m, 4, types[i], "fits", 4, "fits", 4);
    log_event(&m, 4, TAG, "", 0, "", 0); /* and the hash of nothing covers nothing */
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    struct event e;
    for (struct event_walk w = event_walk_over(&log_); event_next(&w, &e);)
        CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_NOT_COVERED);
}

TEST(the_covered_part_is_the_variables_value_or_the_command) {
    struct ev_bytes what;
    static struct log_maker m;
    static const char variable[] = "guidguidguidguid\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0B\0o\0val";
    log_header(&m, 0, 1);
    log_event(&m, 1, BOOT, "val", 3, variable, 16 + 16 + 4 + 3);
    log_event(&m, 8, IPL, "set a=1", 7, "grub_cmd: set a=1", 18);
    log_event(&m, 9, IPL, "set a=1", 7, "other: set a=1", 15);
    log_event(&m, 2, BOOT, "val", 3, variable, 16 + 16 + 4 + 4); /* a byte more than it says */
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    struct event e = find(BOOT, 1);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_COVERED_PART);
    CHECK(what.n == 3 && memcmp(what.p, "val", 3) == 0);
    e = find(IPL, 8);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_COVERED_PART);
    CHECK(what.n == 7 && memcmp(what.p, "set a=1", 7) == 0);
    e = find(IPL, 9);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_NOT_COVERED);
    e = find(BOOT, 2);
    CHECK_INT(event_covered(&e, TPM_ALG_SHA256, &what), EVENT_NOT_COVERED);
}

/* ---- replay ---- */

/* H(start || H("x")) */
static void once(uint8_t start, uint8_t out[32]) {
    uint8_t joined[64] = {0};
    joined[31] = start;
    sha256_of(joined + 32, "x", 1);
    sha256_of(out, joined, 64);
}

TEST(the_startup_locality_is_what_pcr_0_begins_with) {
    static struct log_maker m;
    static const uint8_t localities[] = {0, 3, 4};
    uint8_t want[32];
    for (int i = 0; i < 3; i++) {
        log_header(&m, 0, 2);
        log_locality(&m, localities[i]);
        log_event(&m, 0, TAG, "x", 1, "x", 1);
        log_event(&m, 1, TAG, "x", 1, "x", 1);
        CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
        CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
        once(localities[i], want);
        CHECK_MEM(replay.value[0], want, 32);
        once(0, want);
        CHECK_MEM(replay.value[1], want, 32);
        CHECK_INT(replay.extended, 3);
    }
}

TEST(a_hardware_root_of_trust_starts_pcr_0_at_4) {
    static struct log_maker m;
    uint8_t want[32];
    for (int said = 0; said < 2; said++) {
        log_header(&m, 0, 1);
        if (said) log_locality(&m, 3);
        log_event(&m, 0, HCRTM, "x", 1, "HCRTM", 5);
        CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
        CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
        once(4, want);
        CHECK_MEM(replay.value[0], want, 32);
    }
}

TEST(no_action_is_no_action_whatever_digest_it_has) {
    static struct log_maker m;
    static const uint8_t zeros[32];
    log_header(&m, 0, 1);
    log_event(&m, 5, EV_NO_ACTION_TYPE, "x", 1, "x", 1);
    log_event(&m, 0xffffffff, EV_NO_ACTION_TYPE, "x", 1, "x", 1); /* as Windows does */
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
    CHECK_INT(replay.extended, 0);
    CHECK_MEM(replay.value[5], zeros, 32);
}

TEST(registers_of_a_dynamic_launch_are_ff_until_there_is_one) {
    static struct log_maker m;
    uint8_t ff[32], want[32];
    memset(ff, 0xff, sizeof ff);
    once(0, want);
    log_header(&m, 0, 1);
    log_event(&m, 18, TAG, "x", 1, "x", 1);
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
    CHECK_MEM(replay.value[17], ff, 32);
    CHECK_MEM(replay.value[18], want, 32);
    CHECK(replay.value[16][0] == 0 && replay.value[23][0] == 0);
}

TEST(hashes_that_we_do_not_know_are_skipped_and_never_replayed) {
    static struct log_maker m;
    uint8_t want[32];
    once(0, want);
    log_header(&m, 0, 3);
    log_event(&m, 4, TAG, "x", 1, "x", 1);
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
    CHECK_MEM(replay.value[4], want, 32);
    CHECK_INT(event_log_replay(&log_, 0x0012, &replay), ERR_UNSUPPORTED);
}

TEST(a_bank_that_an_event_leaves_out_is_unknown_not_unchanged) {
    static struct log_maker m;
    uint8_t zeros[32] = {0};
    log_header(&m, 0, 2);
    m.banks = 1; /* from here on SHA-256 alone, though the header lists SHA-1 */
    log_event(&m, 4, TAG, "x", 1, "x", 1);
    CHECK_INT(log_made(&log_, &m, EVENT_LOG_TPM), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA1, &replay), 0);
    CHECK_INT(replay.unknown, 1 << 4);
    enum event_says says;
    struct event_given given = {.alg = TPM_ALG_SHA1, .index = 4, .value = {zeros, 20}};
    CHECK_INT(event_log_compare(&log_, &given, 1, &says), 1);
    CHECK_INT(says, EVENT_NO_BANK);
    given.index = 5;
    CHECK_INT(event_log_compare(&log_, &given, 1, &says), 0);
}

/* ---- comparison ---- */

TEST(each_bank_and_register_is_compared_by_itself) {
    struct event_replay sha1, sha256;
    enum event_says says[6];
    read_file("uefi_ubuntu-2404-amd-sevsnp.bin", EVENT_LOG_TPM);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA1, &sha1), 0);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &sha256), 0);
    struct event_given given[6] = {
        {TPM_ALG_SHA256, 0, {sha256.value[0], 32}}, {TPM_ALG_SHA1, 0, {sha1.value[0], 20}},
        {TPM_ALG_SHA256, 7, {sha256.value[4], 32}}, {TPM_ALG_SHA1, 7, {sha1.value[7], 19}},
        {TPM_ALG_SHA512, 0, {sha1.value[0], 64}},   {TPM_ALG_SHA256, 24, {sha256.value[0], 32}},
    };
    CHECK_INT(event_log_compare(&log_, given, 6, says), 4);
    CHECK_INT(says[0], EVENT_AGREES);
    CHECK_INT(says[1], EVENT_AGREES);
    CHECK_INT(says[2], EVENT_DISAGREES);
    CHECK_INT(says[3], EVENT_DISAGREES); /* cut off */
    CHECK_INT(says[4], EVENT_NO_BANK);
    CHECK_INT(says[5], EVENT_NO_REGISTER);
}

TEST(quoted_pcrs_are_compared_where_the_mask_says) {
    struct tpm_pcrs pcrs = {.select = tpm_selection_of(TPM_ALG_SHA256, 0x4ff)}; /* 0 to 7, and IMA's */
    struct why why = {""};
    read_file("dstack_tpm_eventlog.bin", EVENT_LOG_TPM);
    CHECK_INT(event_log_replay(&log_, TPM_ALG_SHA256, &replay), 0);
    for (int i = 0; i < 8; i++) memcpy(pcrs.value[i], replay.value[i], 32);
    memset(pcrs.value[8], 0x10, 32);
    CHECK_INT(event_log_explains(&log_, &pcrs, 0xff, &why), 0);
    CHECK_INT(event_log_explains(&log_, &pcrs, 0x4ff, &why), ERR_AUTH);
    CHECK_STR(why.text, "event log: PCR 10 of SHA256 is another than was quoted (1 of 9 disagree)");
    CHECK_INT(event_log_explains(&log_, &pcrs, 1 << 11, &why), ERR_NOTFOUND);
    pcrs.select.bank[0].alg = TPM_ALG_SHA512;
    CHECK_INT(event_log_explains(&log_, &pcrs, 0xff, &why), ERR_AUTH);
}

TESTS_MAIN("event_log", T(a_confidential_vms_log_replays_to_the_registers_of_its_quote), T(the_register_that_disagrees_is_named),
           T(the_whole_table_of_a_ccel_is_read_with_its_padding), T(logs_of_tpms_replay_to_what_a_second_implementation_gives),
           T(the_older_form_is_read_and_has_sha1_alone), T(data_is_covered_where_the_digest_is_of_it),
           T(data_that_was_changed_is_not_believed_though_the_replay_is_the_same), T(a_digest_of_another_bank_shows_nothing),
           T(a_remark_is_no_data_even_if_its_hash_fits), T(the_covered_part_is_the_variables_value_or_the_command),
           T(the_startup_locality_is_what_pcr_0_begins_with), T(a_hardware_root_of_trust_starts_pcr_0_at_4),
           T(no_action_is_no_action_whatever_digest_it_has), T(registers_of_a_dynamic_launch_are_ff_until_there_is_one),
           T(hashes_that_we_do_not_know_are_skipped_and_never_replayed),
           T(a_bank_that_an_event_leaves_out_is_unknown_not_unchanged), T(each_bank_and_register_is_compared_by_itself),
           T(quoted_pcrs_are_compared_where_the_mask_says))
