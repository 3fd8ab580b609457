/* The host's table of certificates beside an extended report: what a guest hands on from it, and tables that are none. */
#include "base/wire.h"
#include "evidence/sev_snp_table.h"
#include "tests/unit/evidence/snp_scene.h"

static const char vcek[] = "63da758de6644564adc5f4b93be8accd", vlek[] = "a8074bc2a25a483eaae639c045a0b8a1",
                  ask_guid[] = "4ab7b379bbac4fe4a02f05aef327c782", ark[] = "c0b406a4a803495297433fb6014cd0ae",
                  crl[] = "92f81bc358114d3d97ffd19f88dc67ea", other[] = "00000000000000000000000000000001",
                  end[] = "00000000000000000000000000000000";

static uint8_t table[70000];
static size_t used;

static void entry(const char *guid, uint32_t offset, uint32_t length) {
    struct writer w = writer_over(table + used, sizeof table - used);
    CHECK_INT(hex_decode(table + used, 16, guid, 32), 0);
    w.len = 16;
    write_u32_le(&w, offset);
    write_u32_le(&w, length);
    CHECK_INT(w.err, 0);
    used += w.len;
}
static void clear(void) {
    used = 0;
    memset(table, 0, sizeof table);
}
static int try(struct snp_table *t, size_t n) {
    uint8_t *own = malloc(n ? n : 1); /* exactly n bytes: reading behind them is noticed */
    CHECK(own != NULL);
    memcpy(own, table, n);
    int e = sev_snp_table_read(t, (struct ev_bytes){own, n});
    for (unsigned i = 0; e == 0 && i < t->chain_count; i++)
        CHECK(t->chain[i].p >= own && t->chain[i].p + t->chain[i].n <= own + n);
    free(own);
    return e;
}

TEST(a_table_gives_a_chain_that_a_report_verifies_with) {
    struct real *genoa = &reals[REAL_GENOA];
    uint8_t cas[8192];
    size_t cas_n = snp_file("ask_ark_genoa.pem", cas, sizeof cas);
    struct ev_report r;
    struct snp_table t;
    clear();
    entry(vcek, 256, (uint32_t)genoa->cert_n);
    entry(ask_guid, 8192, (uint32_t)cas_n);
    entry(other, 0, 3);
    entry(vlek, 0, 0);
    entry(end, 0, 0);
    memcpy(table + 256, genoa->cert, genoa->cert_n);
    memcpy(table + 8192, cas, cas_n);
    CHECK_INT(sev_snp_table_read(&t, (struct ev_bytes){table, 16384}), 0);
    CHECK(t.chain_count == 2 && t.others == 1 && t.crl.n == 0);
    struct question q = real_question(genoa);
    memcpy(q.chain, t.chain, 2 * sizeof *t.chain);
    q.chains = t.chain_count;
    ask(&r, &q);
    CHECK(maker_judged("with the table's chain", &r, EV_OK, NULL));
}

TEST(all_kinds_of_entries_are_known) {
    struct snp_table t;
    clear();
    entry(ark, 0, 1);
    entry(ask_guid, 1, 2);
    entry(vlek, 2, 3);
    entry(vcek, 3, 4);
    entry(crl, 4, 5);
    entry(end, 0, 0);
    CHECK_INT(sev_snp_table_read(&t, (struct ev_bytes){table, used}), 0);
    CHECK(t.chain_count == 4 && t.chain[3].p == table + 3 && t.chain[3].n == 4 && t.crl.p == table + 4 && t.crl.n == 5);
}

TEST(a_table_cut_anywhere_is_refused) {
    struct snp_table t;
    clear();
    entry(vcek, 48, 10);
    entry(end, 0, 0);
    for (size_t n = 0; n < 58; n++) {
        CHECK_INT(try(&t, n), ERR_SHORT);
        CHECK(t.chain_count == 0);
    }
    CHECK_INT(try(&t, 58), 0);
    CHECK_INT(t.chain_count, 1);
}

TEST(entries_that_point_outside_are_refused) {
    static const uint32_t bad[][2] = {{101, 0},
                                      {0, 101},
                                      {100, 1},
                                      {1, 100},
                                      {UINT32_MAX, 1},
                                      {1, UINT32_MAX},
                                      {UINT32_MAX, UINT32_MAX},
                                      {0x80000000, 0x80000000}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int unknown = 0; unknown < 2; unknown++) {
            struct snp_table t;
            clear();
            entry(unknown ? other : vcek, bad[i][0], bad[i][1]);
            entry(end, 0, 0);
            CHECK_INT(try(&t, 100), ERR_SHORT);
        }
}

TEST(tables_over_the_limits_are_refused) {
    struct snp_table t;
    clear();
    for (int i = 0; i < EV_CHAIN_MAX; i++) entry(ask_guid, 0, 4);
    size_t eight = used;
    entry(end, 0, 0);
    CHECK_INT(try(&t, used), 0);
    used = eight;
    entry(ark, 0, 4);
    entry(end, 0, 0);
    CHECK_INT(try(&t, used), ERR_LIMIT);
    clear();
    for (int i = 0; i < SNP_TABLE_ENTRIES_MAX; i++) entry(other, 0, 4);
    entry(end, 0, 0);
    CHECK_INT(try(&t, used), ERR_LIMIT);
    clear();
    entry(end, 0, 0);
    CHECK_INT(try(&t, SNP_TABLE_BYTES_MAX), 0);
    CHECK_INT(try(&t, SNP_TABLE_BYTES_MAX + 1), ERR_LIMIT);
    clear();
    entry(end, 0, 1);
    CHECK_INT(try(&t, used), ERR_FORMAT);
    clear();
    entry(crl, 0, 4);
    entry(crl, 0, 4);
    entry(end, 0, 0);
    CHECK_INT(try(&t, used), ERR_FORMAT);
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_table_gives_a_chain_that_a_report_verifies_with), T(all_kinds_of_entries_are_known),
                                     T(a_table_cut_anywhere_is_refused), T(entries_that_point_outside_are_refused),
                                     T(tables_over_the_limits_are_refused)};
    reals_load();
    twins_setup();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int bad = cmocka_run_group_tests_name("sev_snp_table", all, NULL, NULL);
    twins_teardown();
    return bad != 0;
}
