/* The directory and the choice: rules on chosen cases, and properties over random networks. */
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

#include "coordinator/directory.h"

enum { MANY = 40 };
static struct record records[MANY];

/* A record whose ids all follow from n: routing looks at no signature. */
static struct record *record_n(unsigned n, unsigned key) {
    struct record *r = &records[n % MANY];
    memset(r, 0, sizeof *r);
    r->keys.identity[0] = (uint8_t)n;
    r->keys.identity[1] = 1;
    r->keys.operator_id[0] = (uint8_t)(n / 4);
    r->keys.seal_key[0] = (uint8_t)key;
    r->keys.not_before = 1000;
    r->keys.not_after = 5000 + key;
    strcpy(r->keys.engine_id, "lull-0.1.0");
    r->model_count = 1;
    fix_manifest(&r->models[0]);
    return r;
}

static void node_n(struct dir_node *node, unsigned n) {
    memset(node, 0, sizeof *node);
    memcpy(node->identity, record_n(n, 0)->keys.identity, 32);
    memcpy(node->operator_id, record_n(n, 0)->keys.operator_id, 32);
}

static int put(struct directory *d, struct dir_node *node, unsigned n, unsigned key) {
    return dir_put(d, node, record_n(n, key), (const uint8_t *)"record", 6);
}

static void head_for(struct reqhead *h, const unsigned *nodes, unsigned count) {
    *h = (struct reqhead){.tier = TIER_SEALED, .count = (uint8_t)count};
    strcpy(h->model, records[0].models[0].name);
    manifest_hash(h->manifest_hash, &record_n(0, 0)->models[0]);
    for (unsigned i = 0; i < count; i++) keystmt_id(h->key_id[i], &record_n(nodes[i], 0)->keys);
}

TEST(ids_are_found_until_removed) {
    struct idmap m;
    enum { N = 500 };
    static uint8_t keys[N][32];
    int gone[N] = {0};
    CHECK_INT(idmap_init(&m, N - 1), 0);
    for (int i = 0; i < N; i++) random_bytes(keys[i], 32);
    for (int i = 0; i < N - 1; i++) CHECK_INT(idmap_put(&m, keys[i], keys[i]), 0);
    CHECK_INT(idmap_put(&m, keys[3], keys[3]), ERR_EXISTS);
    CHECK_INT(idmap_put(&m, keys[N - 1], keys[N - 1]), ERR_BUSY);
    for (int round = 0; round < N / 2; round++) {
        uint32_t at;
        random_bytes(&at, 4);
        at %= N - 1;
        idmap_remove(&m, keys[at]);
        gone[at] = 1;
        for (int i = 0; i < N - 1; i++) CHECK(idmap_get(&m, keys[i]) == (gone[i] ? NULL : keys[i]));
    }
    idmap_release(&m);
    CHECK(idmap_get(&m, keys[0]) == NULL);
}

TEST(a_node_is_listed_by_identity_and_keys) {
    struct directory d;
    struct dir_node a, b, copy;
    CHECK_INT(dir_init(&d, 2, 8), 0);
    node_n(&a, 1), node_n(&b, 2), node_n(&copy, 1);
    CHECK_INT(put(&d, &a, 1, 0), 0);
    CHECK_INT(put(&d, &copy, 1, 7), ERR_EXISTS); /* another link with the same identity */
    CHECK_INT(put(&d, &b, 2, 0), 0);
    struct dir_node third;
    node_n(&third, 3);
    CHECK_INT(put(&d, &third, 3, 0), ERR_BUSY);
    CHECK(dir_by_identity(&d, a.identity) == &a);
    uint8_t id[32];
    keystmt_id(id, &record_n(2, 0)->keys);
    CHECK(dir_by_key(&d, id) != NULL && dir_by_key(&d, id)->node == &b);
    dir_remove(&d, &b);
    dir_remove(&d, &b);
    CHECK(dir_by_key(&d, id) == NULL);
    CHECK_INT(put(&d, &third, 3, 0), 0);
    dir_remove(&d, &a), dir_remove(&d, &third);
    CHECK_INT(d.count, 0);
    dir_release(&d);
}

TEST(two_records_of_an_identity_and_no_more) {
    struct directory d;
    struct dir_node a;
    uint8_t id[4][32];
    CHECK_INT(dir_init(&d, 4, 8), 0);
    node_n(&a, 1);
    for (unsigned k = 0; k < 3; k++) {
        CHECK_INT(put(&d, &a, 1, k), 0);
        keystmt_id(id[k], &record_n(1, k)->keys);
    }
    CHECK(dir_by_key(&d, id[0]) == NULL); /* the one that ends first went */
    CHECK(dir_by_key(&d, id[1]) && dir_by_key(&d, id[2]));
    CHECK_INT(put(&d, &a, 1, 2), 0); /* the same key again replaces itself */
    CHECK(dir_by_key(&d, id[1]) && dir_by_key(&d, id[2]));
    dir_remove(&d, &a);
    dir_release(&d);
}

TEST(an_operator_has_its_share) {
    struct directory d;
    struct dir_node n[5];
    CHECK_INT(dir_init(&d, 16, 3), 0);
    for (unsigned i = 0; i < 5; i++) node_n(&n[i], i); /* operators: 0 0 0 0 1 */
    for (unsigned i = 0; i < 3; i++) CHECK_INT(put(&d, &n[i], i, 0), 0);
    CHECK_INT(put(&d, &n[3], 3, 0), ERR_LIMIT);
    CHECK_INT(put(&d, &n[4], 4, 0), 0);
    for (unsigned i = 0; i < 5; i++) dir_remove(&d, &n[i]);
    dir_release(&d);
}

TEST(answers_when_nobody_can) {
    struct directory d;
    struct dir_node a, b;
    struct reqhead h;
    struct dir_choice c;
    CHECK_INT(dir_init(&d, 4, 8), 0);
    node_n(&a, 1), node_n(&b, 2);
    head_for(&h, (unsigned[]){1, 2}, 2);
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_NO_MODEL);
    CHECK_INT(put(&d, &a, 1, 0), 0);
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_BUSY); /* it has not said yet that it has slots */
    dir_heard(&a, 1, 1, 0, REASON_READY, 1);
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_NONE);
    CHECK(c.node == &a && c.index == 0);
    a.running = 1;
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_BUSY);
    a.running = 0;
    dir_heard(&a, 1, 0, 0, REASON_OWNER, 1);
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_BUSY);
    dir_heard(&a, 1, 1, 0, REASON_READY, 1);
    a.draining = 1;
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_DRAINING);
    a.draining = 0;
    CHECK_INT(dir_choose(&d, &h, 5000, 0, &c), CODE_NO_MODEL); /* its key is over */
    head_for(&h, (unsigned[]){3}, 1);
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_REFUSED); /* served, but not sealed to anyone here */
    head_for(&h, (unsigned[]){1}, 1);
    h.manifest_hash[0] ^= 1;
    CHECK_INT(dir_choose(&d, &h, 2000, 0, &c), CODE_NO_MODEL); /* same name, another file */
    dir_remove(&d, &a);
    dir_release(&d);
}

TEST(what_is_taken_by_others_is_not_filled) {
    struct dir_node a;
    node_n(&a, 1);
    a.running = 1;
    dir_heard(&a, 4, 1, 0, REASON_READY, 1); /* 3 taken, 1 of them ours */
    CHECK_INT(a.withheld, 2);
    CHECK_INT(dir_free(&a), 1);
    a.running = 3;
    CHECK_INT(dir_free(&a), 0);
    dir_heard(&a, 4, 0, 0, REASON_READY, 2);
    CHECK_INT(a.withheld, 1);
}

/* The reference: the choice is free, sealed to, serves the model, and no other such node is less loaded. */
static int allowed(const struct dir_node *n) { return n->listed && dir_free(n) > 0; }
static int better(const struct dir_node *a, const struct dir_node *b) {
    double x = (double)(a->running + a->withheld) / a->slots, y = (double)(b->running + b->withheld) / b->slots;
    if (x < y - 1e-12) return 1;
    return x < y + 1e-12 && a->load_permille < b->load_permille;
}

TEST(the_choice_is_always_among_the_least_loaded) {
    static struct dir_node n[MANY];
    struct directory d;
    CHECK_INT(dir_init(&d, MANY, MANY), 0);
    for (unsigned i = 0; i < MANY; i++) {
        node_n(&n[i], i);
        CHECK_INT(put(&d, &n[i], i, 0), 0);
    }
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t rnd[2 * MANY];
        unsigned who[8], count = 1 + round % 8;
        random_bytes(rnd, sizeof rnd);
        for (unsigned i = 0; i < MANY; i++) {
            n[i].running = 0;
            dir_heard(&n[i], (uint16_t)(1 + rnd[i] % 4), (uint16_t)(1 + rnd[i] % 4), (uint16_t)(rnd[MANY + i] % 3 * 100),
                      REASON_READY, 1);
            n[i].running = (rnd[i] >> 4) % 6;
            n[i].draining = rnd[MANY + i] > 230;
        }
        for (unsigned i = 0; i < count; i++) who[i] = (rnd[0] + 7 * i) % MANY;
        struct reqhead h;
        struct dir_choice c;
        head_for(&h, who, count);
        unsigned free_count = 0;
        for (unsigned i = 0; i < count; i++) free_count += allowed(&n[who[i]]) != 0;
        enum code code = dir_choose(&d, &h, 2000, rnd[1] * 77u, &c);
        CHECK((code == CODE_NONE) == (free_count > 0));
        if (code != CODE_NONE) continue;
        CHECK(c.index < count && c.node == &n[who[c.index]] && allowed(c.node) && c.record->node == c.node);
        for (unsigned i = 0; i < count; i++) CHECK(!allowed(&n[who[i]]) || !better(&n[who[i]], c.node));
    }
    for (unsigned i = 0; i < MANY; i++) dir_remove(&d, &n[i]);
    dir_release(&d);
}

TEST(equal_candidates_get_equal_shares) {
    struct dir_node n[3];
    struct directory d;
    struct reqhead h;
    unsigned hits[3] = {0};
    CHECK_INT(dir_init(&d, 4, 4), 0);
    for (unsigned i = 0; i < 3; i++) {
        node_n(&n[i], i);
        CHECK_INT(put(&d, &n[i], i, 0), 0);
        dir_heard(&n[i], 2, 2, 100, REASON_READY, 1);
    }
    head_for(&h, (unsigned[]){0, 1, 2}, 3);
    for (int i = 0; i < 3000; i++) {
        uint64_t draw;
        struct dir_choice c;
        random_bytes(&draw, 8);
        CHECK_INT(dir_choose(&d, &h, 2000, draw, &c), CODE_NONE);
        hits[c.node - n]++;
    }
    for (int i = 0; i < 3; i++) CHECK(hits[i] > 850 && hits[i] < 1150); /* 1000 expected; 5.8 standard deviations */
    for (unsigned i = 0; i < 3; i++) dir_remove(&d, &n[i]);
    dir_release(&d);
}

TESTS_MAIN("directory", T(ids_are_found_until_removed), T(a_node_is_listed_by_identity_and_keys),
           T(two_records_of_an_identity_and_no_more), T(an_operator_has_its_share), T(answers_when_nobody_can),
           T(what_is_taken_by_others_is_not_filled), T(the_choice_is_always_among_the_least_loaded),
           T(equal_candidates_get_equal_shares))
