/* tests/unit/blind/slots_scene.h - sessions over three small stacks, the last one in p26. */
#ifndef TESTS_UNIT_BLIND_SLOTS_SCENE_H
#define TESTS_UNIT_BLIND_SLOTS_SCENE_H

#include "blind/slots_parts.h"
#include "tests/check.h"

enum { STACKS = 3, COLS_MAX = 8196 };
static struct linear linear[STACKS] = {{.rows = 16, .cols = 12}, {.rows = 4, .cols = 5}, {.rows = 2, .cols = COLS_MAX}};

static inline struct blind_session *session_open(void) {
    struct blind_session *s;
    for (int i = 0; i < STACKS; i++) linear[i].field = field_of(linear[i].cols);
    CHECK_INT(blind_session_new(&s, linear, STACKS), 0);
    return s;
}

#endif
