/* Why an input is added before rounding: at moduli small enough to try every mask, what is sent is distributed alike for all
 * inputs; and the same comparison finds the variant that adds the input to a mask that was rounded first. */
#include "tests/check.h"

#include "base/err.h"
#include "blind/lattice_round.h"

enum { Q_MAX = 512, P_MAX = 64 };

/* How often each residue is sent for an input, over all q masks: as blind/lattice_round.h does it, or with the input added to the
 * rounded mask. */
static void count_sent(uint32_t count[P_MAX], uint32_t q, uint32_t p, uint32_t x, int before) {
    struct lattice_round r;
    uint32_t masks[Q_MAX], sent[Q_MAX];
    int32_t inputs[Q_MAX];
    CHECK_INT(lattice_round_init(&r, q, p), 0);
    for (uint32_t m = 0; m < q; m++) masks[m] = m, inputs[m] = (int32_t)x - (x > p / 2 ? (int32_t)p : 0);
    if (before)
        CHECK_INT(lattice_round_send(kern_nth(0), &r, inputs, masks, sent, q), 0);
    else
        ntt_scale_apply(kern_nth(0), &r.to_p, sent, masks, q);
    memset(count, 0, P_MAX * sizeof *count);
    for (uint32_t m = 0; m < q; m++) count[before ? sent[m] : (sent[m] + x) % p]++;
}

/* How many inputs are told apart from x = 0 by the distribution of what is sent. */
static uint32_t inputs_told_apart(uint32_t q, uint32_t p, int before) {
    uint32_t zero[P_MAX], count[P_MAX], apart = 0;
    count_sent(zero, q, p, 0, before);
    for (uint32_t x = 1; x < p; x++) {
        count_sent(count, q, p, x, before);
        apart += memcmp(zero, count, sizeof zero) != 0;
    }
    return apart;
}

TEST(sent_residues_are_distributed_alike_for_all_inputs) {
    for (uint32_t p = 3; p < P_MAX; p += 2)
        for (uint32_t q = p + 2; q < Q_MAX; q += 26) CHECK_INT(inputs_told_apart(q, p, 1), 0);
}

static uint32_t common_divisor(uint32_t a, uint32_t b) { return b == 0 ? a : common_divisor(b, a % b); }

/* A residue has q/p preimages, rounded down or up, in a pattern that repeats gcd(q, p) times: x moves it, and only whole periods
 * hide x. So with q prime, all inputs are told apart. */
TEST(adding_the_input_after_rounding_is_found_out) {
    for (uint32_t p = 3; p < P_MAX; p += 2)
        for (uint32_t q = p + 2; q < Q_MAX; q += 26) CHECK_INT(inputs_told_apart(q, p, 0), p - common_divisor(q, p));
}

/* The same pattern at the true moduli: of 120.47 masks for each residue, some have 120 and some 121. */
TEST(the_true_moduli_have_the_uneven_preimages_that_make_it_matter) {
    struct ntt_scale to_p;
    uint32_t fewer = 0, more = 0, at = 0, v[1024], out[1024], run = 0, last = 0;
    CHECK_INT(ntt_scale_init(&to_p, 16711421, NTT_Q), 0);
    for (; at < 4096 * 120; at += 1024) {
        for (uint32_t i = 0; i < 1024; i++) v[i] = at + i;
        ntt_scale_apply(kern_nth(0), &to_p, out, v, 1024);
        for (uint32_t i = 0; i < 1024; i++) {
            if (out[i] != last) {
                if (last > 0) fewer += run == 120, more += run == 121;
                last = out[i], run = 0;
            }
            run++;
        }
    }
    CHECK(fewer > 1000 && more > 1000 && fewer + more == last - 1);
}

TESTS_MAIN("lattice_toy", T(sent_residues_are_distributed_alike_for_all_inputs), T(adding_the_input_after_rounding_is_found_out),
           T(the_true_moduli_have_the_uneven_preimages_that_make_it_matter))
