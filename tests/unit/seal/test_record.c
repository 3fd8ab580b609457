/* seal: names, manifests, key statements, operators, records, link proofs, the signer. */
#include "seal/signer.h"
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

static int read_bytes_as_record(const uint8_t *p, size_t n, struct record *out) {
    struct reader r = reader_over(p, n);
    return record_read(&r, out);
}

static size_t written(const struct record *r, uint8_t out[RECORD_BYTES_MAX + 1]) {
    struct writer w = writer_over(out, RECORD_BYTES_MAX);
    record_write(&w, r);
    CHECK_INT(w.err, 0);
    return w.len;
}

TEST(model_names_have_one_full_form) {
    char out[MODEL_NAME_BYTES];
    CHECK_INT(model_name_full(out, "lull-toy"), 0);
    CHECK_STR(out, "lull-toy:latest");
    CHECK_INT(model_name_full(out, "a:q8_0"), 0);
    CHECK_STR(out, "a:q8_0");
    char long_name[70];
    memset(long_name, 'a', 64);
    long_name[64] = 0;
    CHECK_INT(model_name_full(out, long_name), 0);
    strcpy(long_name + 64, "a");
    CHECK_INT(model_name_full(out, long_name), ERR_FORMAT);
    static const char *const bad[] = {"", ":", "a:", ":a", "A", "-a", "a b", "a:b:c", "a/b", "a\n", "\xc3\xa9", "a:.b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(model_name_full(out, bad[i]), ERR_FORMAT);
        CHECK_STR(out, "");
    }
    CHECK(model_name_is_full("a:b") && !model_name_is_full("a"));
}

TEST(a_record_round_trips_and_verifies) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1], again[RECORD_BYTES_MAX + 1];
    fix_node(&x, 1);
    size_t n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), 0);
    CHECK_INT(written(&r, again), n);
    CHECK_MEM(again, bytes, n);
    CHECK(record_model(&r, "lull-toy:q8_0", NULL) && record_model(&r, "lull-toy:q8_0", x.model.manifest_hash));
    CHECK(!record_model(&r, "lull-toy:latest", NULL) && !record_model(&r, "lull-toy:q8_0", x.key.key_id));
    char id[OPERATOR_TEXT_BYTES];
    operator_text(id, r.keys.operator_id);
    CHECK_INT(strlen(id), 32);
    fix_node_done(&x);
}

TEST(a_record_cut_short_or_extended_is_refused) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1];
    fix_node(&x, 1);
    size_t n = written(&x.record, bytes);
    for (size_t i = 0; i < n; i++) {
        uint8_t *tight = malloc(i ? i : 1); /* so that a sanitizer sees any read past the cut */
        memcpy(tight, bytes, i);
        CHECK_INT(read_bytes_as_record(tight, i, &r), ERR_SHORT);
        free(tight);
    }
    bytes[n] = 0;
    CHECK_INT(read_bytes_as_record(bytes, n + 1, &r), ERR_TRAILING);
    fix_node_done(&x);
}

static void add_workers(struct fix_node *x, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct worker_entry *e = &x->record.workers[i];
        snprintf(e->name, sizeof e->name, "toy:w%u", i);
        memset(e->manifest_hash, (int)i + 1, 32);
        if (i % 2) strcpy(e->at, "worker.example:7444");
    }
    x->record.worker_count = (uint8_t)count;
    record_sign(&x->record, x->identity_secret);
}

TEST(a_record_with_blind_workers_round_trips_in_its_own_version) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1], again[RECORD_BYTES_MAX + 1], hash[32];
    fix_node(&x, 1);
    add_workers(&x, 3);
    size_t n = written(&x.record, bytes);
    CHECK_INT(bytes[0], RECORD_VERSION_WORKERS);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), 0);
    CHECK_INT(written(&r, again), n);
    CHECK_MEM(again, bytes, n);
    memset(hash, 2, 32);
    CHECK_STR(record_worker(&r, hash)->name, "toy:w1");
    CHECK_STR(record_worker(&r, hash)->at, "worker.example:7444");
    memset(hash, 9, 32);
    CHECK(!record_worker(&r, hash));
    r.workers[0].at[0] = 'x'; /* all of it is signed */
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_IDENTITY_SIG);
    x.record.model_count = 0; /* a node that only computes blindly */
    record_sign(&x.record, x.identity_secret);
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), 0);
    CHECK_INT(r.worker_count, 3);
    bytes[0] = RECORD_VERSION; /* the same bytes as another version are another record */
    CHECK(read_bytes_as_record(bytes, n, &r) != 0);
    fix_node_done(&x);
}

TEST(workers_that_are_none_too_many_or_twice_there_are_refused) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1];
    fix_node(&x, 1);
    add_workers(&x, RECORD_MODELS_MAX); /* and one model */
    size_t n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_LIMIT);
    x.record.model_count = 0;
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), 0);
    strcpy(x.record.workers[1].name, x.record.workers[0].name);
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_EXISTS);
    strcpy(x.record.workers[1].name, "no full form");
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_FORMAT);
    add_workers(&x, 2);
    strcpy(x.record.workers[0].at, "a b:1");
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_FORMAT);
    add_workers(&x, 2);
    x.record.workers[0].at[0] = 0;
    x.record.workers[0].at_pin[31] = 1; /* of nothing */
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_RANGE);
    fix_node_done(&x);
}

TEST(every_flipped_bit_of_a_record_is_noticed) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1];
    fix_node(&x, 1);
    size_t n = written(&x.record, bytes);
    for (size_t i = 0; i < n * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        CHECK(read_bytes_as_record(bytes, n, &r) != 0 || record_verify(&r, FIX_NOW) != 0);
        bytes[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    bytes[0] = RECORD_VERSION_WORKERS + 1;
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_VERSION);
    bytes[0] = 1;
    bytes[3] = 2; /* the key statement's version */
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_VERSION);
    fix_node_done(&x);
}

TEST(a_copied_operator_id_is_refused) {
    struct fix_node honest, thief;
    fix_node(&honest, 1);
    fix_node(&thief, 2);
    struct record r = thief.record;
    memcpy(r.keys.operator_id, honest.record.keys.operator_id, 32); /* the id alone */
    CHECK_INT(record_sign(&r, thief.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_OPERATOR_ID);
    r.operator= honest.record.operator; /* and the statement, which is about another identity */
    CHECK_INT(record_sign(&r, thief.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_OPERATOR_SIG);
    memcpy(r.operator.operator_key, honest.record.operator.operator_key, 32); /* a signature of its own under that key */
    memcpy(r.operator.sig, thief.record.operator.sig, 64);
    CHECK_INT(record_sign(&r, thief.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_OPERATOR_SIG);
    fix_node_done(&honest);
    fix_node_done(&thief);
}

TEST(each_failing_check_has_its_number) {
    struct fix_node x, other;
    fix_node(&x, 1);
    fix_node(&other, 2);
    CHECK_INT(record_verify(&x.record, FIX_NOW - 101), BAD_KEY_NOT_YET);
    CHECK_INT(record_verify(&x.record, FIX_NOW - 100), 0);
    CHECK_INT(record_verify(&x.record, FIX_NOW + 3600), BAD_KEY_EXPIRED);
    struct record r = x.record;
    r.evidence_hash[0] ^= 1;
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_IDENTITY_SIG);
    CHECK_INT(record_sign(&r, other.identity_secret), ERR_AUTH);
    r = x.record;
    operator_sign(&r.operator, r.keys.identity, FIX_NOW, x.operator_secret);
    CHECK_INT(record_sign(&r, x.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_OPERATOR_EXPIRED);
    r = x.record;
    r.keys.not_after = r.keys.not_before + KEY_LIFETIME_S_MAX + 1;
    CHECK_INT(record_sign(&r, x.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_KEY_LIFETIME);
    r.keys.not_after = r.keys.not_before;
    CHECK_INT(record_sign(&r, x.identity_secret), 0);
    CHECK_INT(record_verify(&r, FIX_NOW), BAD_KEY_LIFETIME);
    fix_node_done(&x);
    fix_node_done(&other);
}

TEST(a_model_named_twice_and_too_many_models_are_refused) {
    struct fix_node x;
    struct record r;
    uint8_t bytes[RECORD_BYTES_MAX + 1];
    fix_node(&x, 1);
    x.record.model_count = 2;
    x.record.models[1] = x.record.models[0];
    size_t n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_EXISTS);
    x.record.model_count = 0;
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), ERR_LIMIT);
    x.record.model_count = RECORD_MODELS_MAX;
    for (unsigned i = 0; i < RECORD_MODELS_MAX; i++) { /* the largest record there is */
        struct manifest *m = &x.record.models[i];
        fix_manifest(m);
        memset(m->name, 'a', 129);
        m->name[64] = ':';
        m->name[0] = (char)('a' + i);
        m->name[129] = 0;
        strcpy(m->profile, "C1-f16-0123456789abcdefg");
    }
    memset(x.record.keys.engine_id, 'e', ENGINE_ID_BYTES - 1);
    n = written(&x.record, bytes);
    CHECK_INT(read_bytes_as_record(bytes, n, &r), 0);
    bytes[2 + 1 + 181 + 22] = RECORD_MODELS_MAX + 1;
    CHECK(read_bytes_as_record(bytes, n, &r) != 0);
    fix_node_done(&x);
}

TEST(manifests_out_of_range_are_refused) {
    struct manifest m, out;
    uint8_t bytes[MANIFEST_BYTES_MAX];
    static const struct {
        const char *name, *profile;
        uint64_t bytes;
        uint32_t context;
        int err;
    } rows[] = {{"a:b", "C1", 1, 1, 0},
                {"a", "C1", 1, 1, ERR_FORMAT},
                {"a:b", "", 1, 1, ERR_FORMAT},
                {"a:b", "C 1", 1, 1, ERR_FORMAT},
                {"a:b", "C1", 0, 1, ERR_RANGE},
                {"a:b", "C1", 1, 0, ERR_RANGE},
                {"a:b", "C1", 1, (1 << 24) + 1, ERR_RANGE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        m = (struct manifest){.file_bytes = rows[i].bytes, .context = rows[i].context};
        strcpy(m.name, rows[i].name);
        strcpy(m.profile, rows[i].profile);
        struct writer w = writer_over(bytes, sizeof bytes);
        manifest_write(&w, &m);
        struct reader r = reader_over(bytes, w.len);
        CHECK_INT(manifest_read(&r, &out), rows[i].err);
    }
}

TEST(a_seal_key_is_of_x25519_or_p256_and_of_nothing_else) {
    struct fix_node x;
    struct keystmt k;
    uint8_t bytes[KEYSTMT_BYTES_MAX], id[2][32];
    enum { KEM_LOW = 1 + 32 + 32 + 1 };
    fix_node(&x, 1);
    for (int kem = HPKE_X25519; kem <= HPKE_P256; kem++) {
        x.record.keys.kem = (enum hpke_kem)kem;
        struct writer w = writer_over(bytes, sizeof bytes);
        keystmt_write(&w, &x.record.keys);
        CHECK_INT(bytes[KEM_LOW], kem == HPKE_P256 ? 0x10 : 0x20);
        struct reader r = reader_over(bytes, w.len);
        CHECK_INT(keystmt_read(&r, &k), 0);
        CHECK_INT(k.kem, kem);
        keystmt_id(id[kem], &x.record.keys);
        bytes[KEM_LOW] = 0x12; /* P-521 */
        r = reader_over(bytes, w.len);
        CHECK_INT(keystmt_read(&r, &k), ERR_UNSUPPORTED);
    }
    CHECK(memcmp(id[0], id[1], 32) != 0); /* the same bytes as another KEM's key are another statement */
    fix_node_done(&x);
}

TEST(a_link_proof_holds_for_one_connection_and_identity) {
    struct fix_node x, other;
    uint8_t exporter[32] = {1}, sig[64], record_bytes[RECORD_BYTES_MAX];
    fix_node(&x, 1);
    fix_node(&other, 2);
    CHECK_INT(link_proof_make(sig, exporter, x.identity_secret), 0);
    CHECK_INT(link_proof_check(sig, exporter, x.record.keys.identity), 0);
    CHECK_INT(link_proof_check(sig, exporter, other.record.keys.identity), BAD_LINK_PROOF);
    exporter[0] = 2;
    CHECK_INT(link_proof_check(sig, exporter, x.record.keys.identity), BAD_LINK_PROOF);
    /* a signature of another kind over the very same bytes */
    CHECK_INT(sign_make(sig, LABEL_RECORD, exporter, 32, x.identity_secret), 0);
    CHECK_INT(link_proof_check(sig, exporter, x.record.keys.identity), BAD_LINK_PROOF);
    CHECK_INT(sign_make(sig, LABEL_RECORD, record_bytes, SIGN_MESSAGE_MAX + 1, x.identity_secret), ERR_LIMIT);
    fix_node_done(&x);
    fix_node_done(&other);
}

static size_t ask(const struct fix_node *x, const uint8_t *request, size_t n, uint8_t reply[SIGNER_REPLY_MAX]) {
    return signer_handle(x->identity_secret, FIX_NOW, request, n, reply);
}

TEST(the_signer_signs_its_own_records_and_link_proofs) {
    struct fix_node x;
    uint8_t request[SIGNER_REQUEST_MAX], reply[SIGNER_REPLY_MAX], out[64];
    fix_node(&x, 1);
    struct writer w = writer_over(request, sizeof request);
    signer_ask_record(&w, &x.record);
    size_t n = ask(&x, request, w.len, reply);
    CHECK_INT(signer_reply_read(reply, n, out, 64), 0);
    CHECK_MEM(out, x.record.sig, 64); /* Ed25519 is deterministic */
    uint8_t exporter[32] = {9};
    w = writer_over(request, sizeof request);
    signer_ask_link(&w, exporter);
    n = ask(&x, request, w.len, reply);
    CHECK_INT(signer_reply_read(reply, n, out, 64), 0);
    CHECK_INT(link_proof_check(out, exporter, x.record.keys.identity), 0);
    w = writer_over(request, sizeof request);
    signer_ask_public(&w);
    n = ask(&x, request, w.len, reply);
    CHECK_INT(signer_reply_read(reply, n, out, 32), 0);
    CHECK_MEM(out, x.record.keys.identity, 32);
    CHECK_INT(signer_reply_read(reply, n - 1, out, 32), ERR_FORMAT);
    CHECK_INT(signer_reply_read(reply, 0, out, 32), ERR_FORMAT);
    fix_node_done(&x);
}

TEST(the_signer_refuses_everything_else) {
    struct fix_node x, other;
    uint8_t request[SIGNER_REQUEST_MAX + 1], reply[SIGNER_REPLY_MAX], out[64];
    fix_node(&x, 1);
    fix_node(&other, 2);
    struct writer w = writer_over(request, sizeof request);
    signer_ask_record(&w, &other.record); /* another identity's record */
    CHECK_INT(signer_reply_read(reply, ask(&x, request, w.len, reply), out, 64), ERR_PERM);
    x.record.keys.not_after = x.record.keys.not_before + 10 * KEY_LIFETIME_S_MAX;
    w = writer_over(request, sizeof request);
    signer_ask_record(&w, &x.record); /* keys that outlive a day */
    CHECK_INT(signer_reply_read(reply, ask(&x, request, w.len, reply), out, 64), ERR_PERM);
    for (int later = 0; later < 3; later++) { /* keys of the past, of a minute and a second from now, of years from now */
        x.record.keys.not_before = later == 0 ? FIX_NOW - 3600 : later == 1 ? FIX_NOW + 61 : FIX_NOW + (uint64_t)631152000;
        x.record.keys.not_after = x.record.keys.not_before + 3600;
        w = writer_over(request, sizeof request);
        signer_ask_record(&w, &x.record);
        CHECK_INT(signer_reply_read(reply, ask(&x, request, w.len, reply), out, 64), ERR_PERM);
    }
    x.record.keys.not_before = FIX_NOW + 60;
    x.record.keys.not_after = x.record.keys.not_before + 60;
    w = writer_over(request, sizeof request);
    signer_ask_record(&w, &x.record);
    CHECK_INT(signer_reply_read(reply, ask(&x, request, w.len, reply), out, 64), 0);
    for (size_t n = 0; n < w.len; n++) CHECK_INT(signer_reply_read(reply, ask(&x, request, n, reply), out, 64), ERR_PERM);
    request[w.len] = 0;
    CHECK_INT(signer_reply_read(reply, ask(&x, request, w.len + 1, reply), out, 64), ERR_PERM);
    for (unsigned type = 0; type < 256; type++) {
        memset(request, 0, 40);
        request[0] = (uint8_t)type;
        int done = signer_reply_read(reply, ask(&x, request, 40, reply), out, 64) == 0;
        CHECK(!done); /* wrong length for a link proof, no record, unknown type */
    }
    fix_node_done(&x);
    fix_node_done(&other);
}

TESTS_MAIN("record", T(model_names_have_one_full_form), T(a_record_round_trips_and_verifies),
           T(a_record_cut_short_or_extended_is_refused), T(a_record_with_blind_workers_round_trips_in_its_own_version),
           T(workers_that_are_none_too_many_or_twice_there_are_refused), T(every_flipped_bit_of_a_record_is_noticed),
           T(a_copied_operator_id_is_refused), T(each_failing_check_has_its_number),
           T(a_model_named_twice_and_too_many_models_are_refused), T(manifests_out_of_range_are_refused),
           T(a_seal_key_is_of_x25519_or_p256_and_of_nothing_else), T(a_link_proof_holds_for_one_connection_and_identity),
           T(the_signer_signs_its_own_records_and_link_proofs), T(the_signer_refuses_everything_else))
