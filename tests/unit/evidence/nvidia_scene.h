/* tests/unit/evidence/nvidia_scene.h - the real report of a Hopper GPU, and GPUs of a manufacturer of our own that sign what we like. */
#ifndef TESTS_NVIDIA_SCENE_H
#define TESTS_NVIDIA_SCENE_H

#include "base/hash.h"
#include "base/wire.h"
#include "evidence/nvidia_gpu.h"
#include "evidence/nvidia_report.h"
#include "tests/unit/evidence/maker.h"

/* Where things are in the real report. */
enum {
    AT_NONCE = 4,
    AT_RESPONSE = 37,
    AT_COUNT = 41,
    AT_BLOCKS = 45,
    BLOCK_BYTES = 55,
    BLOCKS = 64,
    AT_GPU_NONCE = AT_BLOCKS + BLOCKS * BLOCK_BYTES,
    AT_OPAQUE_LENGTH = AT_GPU_NONCE + 32,
    AT_OPAQUE = AT_OPAQUE_LENGTH + 2,
    OPAQUE_BYTES = 422,
    AT_SIGNATURE = AT_OPAQUE + OPAQUE_BYTES,
    REPORT_BYTES = AT_SIGNATURE + 96,
    GPU_NOW = 1800000000,
};
static uint8_t real_report[REPORT_BYTES + 64], real_hex[16384], real_chain[8192];
static size_t real_hex_n, real_chain_n;
/* The nonce that nvtrust's sample program asks with, always. */
static uint8_t fixed_nonce[32];

static inline void gpu_load(void) {
    real_hex_n = maker_file("nvidia-gpu/hopper_report.hex", real_hex, sizeof real_hex);
    real_chain_n = maker_file("nvidia-gpu/hopper_cert_chain.pem", real_chain, sizeof real_chain);
    CHECK(real_hex_n >= 2 * REPORT_BYTES);
    CHECK_INT(hex_decode(real_report, REPORT_BYTES, (const char *)real_hex, 2 * REPORT_BYTES), 0);
    memcpy(fixed_nonce, real_report + AT_NONCE, 32);
    CHECK(fixed_nonce[0] == 0x93 && fixed_nonce[1] == 0x1d && fixed_nonce[2] == 0x8d && fixed_nonce[3] == 0xd0);
}

/* Where a type of opaque data has its value. */
static inline size_t opaque_at(unsigned type) {
    for (size_t at = AT_OPAQUE; at + 4 <= AT_SIGNATURE; at += 4u + real_report[at + 2] + 256u * real_report[at + 3])
        if (real_report[at] + 256u * real_report[at + 1] == type) return at + 4;
    fail_msg("no opaque data of type %u", type);
    return 0;
}

static inline void judge_gpu(struct ev_report *out, const void *report, size_t n, struct ev_bytes chain, struct ev_bytes nonce,
                             const struct nvidia_policy *policy, const struct ev_anchors *anchors, int64_t now) {
    uint8_t *own = malloc(n ? n : 1); /* exactly n bytes: reading behind the end is then noticed */
    CHECK(own != NULL);
    if (n) memcpy(own, report, n);
    struct ev_input in = {.evidence = {own, n}, .chain = {chain}, .chain_count = chain.n > 0, .nonce = nonce, .now = now};
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    nvidia_gpu_verify_with(&in, policy, anchors, out);
    free(own);
}

static struct nvidia_policy no_policy;

static inline void judge_real(struct ev_report *out, const void *report, size_t n, int64_t now) {
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NVIDIA);
    judge_gpu(out, report, n, (struct ev_bytes){real_chain, real_chain_n}, (struct ev_bytes){fixed_nonce, 32}, &no_policy,
              &pinned, now);
}

/* ---- the twin: the same report, signed by a GPU of ours ---- */

static struct maker_cert gpu_root, gpu_middle, gpu_leaf, gpu_other;
static char gpu_root_pem[2048], gpu_chain_pem[8192];
static const char *gpu_roots[] = {gpu_root_pem, NULL};
static const char *const gpu_none[] = {NULL};
static const struct ev_anchors gpu_anchors = {gpu_roots, gpu_none};
static uint8_t hopper_ext[256];
static size_t hopper_ext_n;

static inline struct maker_opts gpu_leaf_opts(void) {
    return (struct maker_opts){.name = "GH100 twin",
                               .from = 1600000000,
                               .to = 253402300799,
                               .ca = -1,
                               .oid = "2.23.133.5.4.1",
                               .ext = hopper_ext,
                               .ext_n = hopper_ext_n};
}

/* Leaf and intermediate as PEM; the root stays at home. */
static inline struct ev_bytes gpu_chain_of(const struct maker_cert *leaf) {
    maker_pem(leaf, gpu_chain_pem, sizeof gpu_chain_pem);
    size_t n = strlen(gpu_chain_pem);
    maker_pem(&gpu_middle, gpu_chain_pem + n, sizeof gpu_chain_pem - n);
    return (struct ev_bytes){(const uint8_t *)gpu_chain_pem, strlen(gpu_chain_pem)};
}

static inline void gpu_setup(void) {
    struct ev_certs real = {.count = 0};
    struct ev_bytes ext;
    CHECK_INT(ev_certs_add(&real, (struct ev_bytes){real_chain, real_chain_n}), 0);
    CHECK_INT(ev_extension(real.cert[0], "2.23.133.5.4.1", &ext), 0);
    CHECK(ext.n < sizeof hopper_ext);
    memcpy(hopper_ext, ext.p, ext.n);
    hopper_ext_n = ext.n;
    ev_certs_release(&real);
    struct maker_opts ca = {.name = "twin Device Identity CA", .from = 1600000000, .to = 253402300799, .ca = 1},
                      leaf = gpu_leaf_opts();
    maker_make(&gpu_root, NULL, &ca);
    ca.name = "twin Identity";
    maker_make(&gpu_middle, &gpu_root, &ca);
    maker_make(&gpu_leaf, &gpu_middle, &leaf);
    maker_make(&gpu_other, &gpu_middle, &leaf);
    maker_pem(&gpu_root, gpu_root_pem, sizeof gpu_root_pem);
}

static inline void gpu_teardown(void) {
    maker_release(&gpu_root);
    maker_release(&gpu_middle);
    maker_release(&gpu_leaf);
    maker_release(&gpu_other);
}

/* Puts the GPU's signature in the last 96 of n bytes. */
static inline void gpu_sign(const struct maker_cert *leaf, uint8_t *report, size_t n) {
    maker_sign(leaf->key, report, n - 96, report + n - 96, 48);
}

static inline void judge_twin(struct ev_report *out, const uint8_t *report, size_t n, const struct nvidia_policy *policy) {
    judge_gpu(out, report, n, gpu_chain_of(&gpu_leaf), (struct ev_bytes){fixed_nonce, 32}, policy, &gpu_anchors, GPU_NOW);
}

#endif
