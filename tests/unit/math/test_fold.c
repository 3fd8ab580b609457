/* Products of two matrices of weights in binary64 (math/fold.h): every kernel against the rule written down plainly, on odd shapes. */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

#include "math/fold.h"
#include "math/pool.h"
#include "tests/unit/math/math_util.h"

static uint64_t draw_state = 77;
/* Of very different sizes, so that the order of additions shows. */
static float draw(void) {
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    int32_t mantissa = (int32_t)(draw_state >> 40) - (1 << 23);
    return ldexpf((float)mantissa, (int)(draw_state >> 33 & 31) - 40);
}

struct scene {
    uint32_t rows, depth, cols;
    float *left, *right, *want, *got;
    double *packed;
    struct fold f;
};

static void scene_open(struct scene *s, uint32_t rows, uint32_t depth, uint32_t cols) {
    *s = (struct scene){.rows = rows, .depth = depth, .cols = cols};
    s->left = malloc((size_t)rows * depth * sizeof(float));
    s->right = malloc((size_t)depth * cols * sizeof(float));
    s->want = malloc((size_t)rows * cols * sizeof(float));
    s->got = malloc((size_t)rows * cols * sizeof(float));
    CHECK(s->left && s->right && s->want && s->got);
    for (size_t i = 0; i < (size_t)rows * depth; i++) s->left[i] = draw();
    for (size_t i = 0; i < (size_t)depth * cols; i++) s->right[i] = draw();
    fold_shape(&s->f, depth, cols);
    s->f.right = calloc(fold_right_floats(&s->f), sizeof(float));
    s->packed = calloc(fold_left_doubles(&s->f, rows), sizeof(double));
    CHECK(s->f.right && s->packed);
    for (uint32_t k = 0; k < depth; k++) fold_right_row(&s->f, k, s->right + (size_t)k * cols);
    for (uint32_t r = 0; r < rows; r++) fold_left_row(&s->f, s->packed, r, s->left + (size_t)r * depth);
}

static void scene_close(struct scene *s) {
    free(s->left), free(s->right), free(s->want), free(s->got), free(s->packed), free(s->f.right);
}

/* The rule: fma in ascending order, rounded to f32 once. */
static void rule(struct scene *s) {
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t j = 0; j < s->cols; j++) {
            double sum = 0;
            for (uint32_t k = 0; k < s->depth; k++)
                sum = fma((double)s->left[(size_t)r * s->depth + k], (double)s->right[(size_t)k * s->cols + j], sum);
            s->want[(size_t)r * s->cols + j] = (float)sum;
        }
}

TEST(every_kernel_gives_what_the_rule_says) {
    static const uint32_t shapes[][3] = {{1, 1, 1}, {8, 16, 16}, {3, 40, 15}, {9, 7, 33}, {17, 100, 72}, {128, 65, 130}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct scene s;
        scene_open(&s, shapes[i][0], shapes[i][1], shapes[i][2]);
        rule(&s);
        for (unsigned k = 0; kern_nth(k); k++) {
            size_t bytes = (size_t)s.rows * s.cols * sizeof(float);
            memset(s.got, 0x55, bytes);
            for (uint32_t p = s.f.panels; p-- > 0;) fold_rows(kern_nth(k), &s.f, p, p + 1, s.packed, s.rows, s.got, s.cols);
            CHECK_MEM(s.got, s.want, bytes);
        }
        scene_close(&s);
    }
}

/* 2^80 swallows the 1 that comes while it is there: another order, or wider sums, would keep it. */
TEST(terms_are_added_one_by_one_in_ascending_order) {
    static const float terms[] = {0x1p80f, 1, -0x1p80f, 1, 0, 0x1p-20f};
    enum { DEPTH = sizeof terms / sizeof terms[0], COLS = 21, ROWS = 11 };
    struct scene s;
    scene_open(&s, ROWS, DEPTH, COLS);
    for (uint32_t k = 0; k < DEPTH; k++) {
        float row[COLS];
        for (uint32_t j = 0; j < COLS; j++) row[j] = terms[k];
        fold_right_row(&s.f, k, row);
    }
    for (uint32_t r = 0; r < ROWS; r++) {
        static const float ones[DEPTH] = {1, 1, 1, 1, 1, 1};
        fold_left_row(&s.f, s.packed, r, ones);
    }
    for (unsigned k = 0; kern_nth(k); k++) {
        fold_rows(kern_nth(k), &s.f, 0, s.f.panels, s.packed, ROWS, s.got, COLS);
        for (size_t i = 0; i < (size_t)ROWS * COLS; i++) CHECK(s.got[i] == 1 + 0x1p-20f);
    }
    scene_close(&s);
}

TESTS_MAIN("fold", T(every_kernel_gives_what_the_rule_says), T(terms_are_added_one_by_one_in_ascending_order))
