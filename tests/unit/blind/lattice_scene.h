/* tests/unit/blind/lattice_scene.h - mode `lattice` whole: the shipped model prepared for a client, its hint beside it, workers in this
 * process. Workers, and what stands between them and the client, are those of pair_scene.h, all of role A. */
#ifndef TESTS_UNIT_BLIND_LATTICE_SCENE_H
#define TESTS_UNIT_BLIND_LATTICE_SCENE_H

#include "blind/lattice_client.h"
#include "blind/prepare_hint.h"
#include "tests/unit/blind/pair_scene.h"

struct lattice_site {
    struct pair_site s;
    struct lattice_client_opts how; /* set by lattice_site_open; a test may change it before lattice_site_start */
    struct hint hint;
    struct lattice_public a;
    struct lattice_client *client;
};

PAIRS void lattice_hint_make(struct pair_site *s, uint32_t rank) {
    struct why why = {{0}};
    struct hint_make_opts o = {.k = s->opts[PAIR_A].kern, .rank = rank};
    CHECK_INT(prepare_hint(s->out, s->prepared, s->weights, &o, &why), 0);
}
/* What the folder has besides pair's. */
PAIRS void lattice_hint_remove(struct pair_site *s) {
    static const char *const names[] = {PREPARED_HINT, PREPARED_HINT_DIGEST, PREPARED_HINT ".part", PREPARED_HINT ".journal"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", s->out, names[i]);
        unlink(path);
    }
}

PAIRS void lattice_site_open_as(struct lattice_site *l, uint32_t rank, enum model_arith arith) {
    struct why why = {{0}};
    uint32_t cols = 0;
    memset(l, 0, sizeof *l);
    pair_site_open_as(&l->s, arith);
    lattice_hint_make(&l->s, rank);
    CHECK_INT(prepared_hint_open(&l->hint, l->s.out, l->s.prepared, rank, NULL, &why), 0);
    for (uint32_t i = 0; i < prepared_manifest(l->s.prepared)->stack_count; i++)
        if (prepared_stacks(l->s.prepared)[i].cols > cols) cols = prepared_stacks(l->s.prepared)[i].cols;
    CHECK_INT(lattice_public_new(&l->a, prepared_digest(l->s.prepared), cols, rank, NULL), 0);
    l->how = (struct lattice_client_opts){.prepared = l->s.prepared,
                                          .a = &l->a,
                                          .hint = &l->hint,
                                          .k = l->s.opts[PAIR_A].kern,
                                          .workers = l->s.how.workers,
                                          .policy = l->s.how.policy};
}
PAIRS void lattice_site_open(struct lattice_site *l, uint32_t rank) { lattice_site_open_as(l, rank, ARITH_ROW8); }
PAIRS void lattice_site_start(struct lattice_site *l) {
    struct why why = {{0}};
    CHECK_INT(lattice_client_new(&l->client, &l->how, &why), 0);
}
PAIRS void lattice_site_close(struct lattice_site *l) {
    lattice_client_free(l->client);
    lattice_public_free(&l->a);
    hint_close(&l->hint);
    lattice_hint_remove(&l->s);
    pair_site_close(&l->s);
}

#endif
