/* Cache salts: equal beginnings share one, nothing else does, and none outlives its hour. */
#include "tests/check.h"

#include "gateway/gw_salt.h"

static void salt_of(struct gw_salt *s, uint8_t out[CACHE_SALT_BYTES], const char *model, enum gen_role role, const char *first,
                    const char *second, uint64_t now) {
    struct gen_message m[2] = {{role, {first, strlen(first)}}, {ROLE_USER, {second, strlen(second)}}};
    struct gen_request r = {.messages = m, .message_count = 2};
    gw_salt_of(s, out, model, &r, now);
}

TEST(only_requests_with_the_same_beginning_share_a_salt) {
    struct gw_salt s = {{0}, 0}, other = {{0}, 0};
    uint8_t a[CACHE_SALT_BYTES], b[CACHE_SALT_BYTES];
    static const uint8_t zeros[CACHE_SALT_BYTES];
    char tail[SALT_BEGIN_BYTES + 9];
    salt_of(&s, a, "m:latest", ROLE_SYSTEM, "You are kind.", "Hello", 5);
    CHECK(memcmp(a, zeros, sizeof a) != 0);
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, "You are kind.", "Good bye", 5);
    CHECK_MEM(a, b, sizeof a);
    salt_of(&s, b, "m:latest", ROLE_USER, "You are kind.", "Hello", 5);
    CHECK(memcmp(a, b, sizeof a) != 0);
    salt_of(&s, b, "n:latest", ROLE_SYSTEM, "You are kind.", "Hello", 5);
    CHECK(memcmp(a, b, sizeof a) != 0);
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, "You are kind", "Hello", 5);
    CHECK(memcmp(a, b, sizeof a) != 0);
    salt_of(&other, b, "m:latest", ROLE_SYSTEM, "You are kind.", "Hello", 5); /* another gateway */
    CHECK(memcmp(a, b, sizeof a) != 0);
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, "You are kind.", "Hello", 5 + SALT_SECRET_MS - 1);
    CHECK_MEM(a, b, sizeof a);
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, "You are kind.", "Hello", 5 + SALT_SECRET_MS);
    CHECK(memcmp(a, b, sizeof a) != 0);
    memset(tail, 'x', sizeof tail); /* a long first message may differ behind its beginning: a date at the end, say */
    tail[sizeof tail - 1] = 0;
    salt_of(&s, a, "m:latest", ROLE_SYSTEM, tail, "Hello", 7);
    tail[SALT_BEGIN_BYTES] = 'y';
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, tail, "Hello", 7);
    CHECK_MEM(a, b, sizeof a);
    tail[SALT_BEGIN_BYTES - 1] = 'y';
    salt_of(&s, b, "m:latest", ROLE_SYSTEM, tail, "Hello", 7);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

TEST(prompts_without_messages_have_salts_of_their_own) {
    struct gw_salt s = {{0}, 0};
    uint8_t a[CACHE_SALT_BYTES], b[CACHE_SALT_BYTES];
    struct gen_request raw = {.raw = 1, .text = {"Once", 4}}, empty = {.raw = 0};
    gw_salt_of(&s, a, "m:latest", &raw, 5);
    salt_of(&s, b, "m:latest", ROLE_USER, "Once", "", 5);
    CHECK(memcmp(a, b, sizeof a) != 0);
    gw_salt_of(&s, b, "m:latest", &empty, 5);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

TESTS_MAIN("gw_salt", T(only_requests_with_the_same_beginning_share_a_salt), T(prompts_without_messages_have_salts_of_their_own))
