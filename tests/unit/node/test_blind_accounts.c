/* node: the file of prepaid columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "node/blind_used.h"
#include "tests/check.h"

static char path[64];

static int load(struct blind_accounts *a, const char *text, struct why *why) {
    *why = (struct why){{0}};
    CHECK_INT(file_write(path, text, strlen(text), 0600, why), 0);
    return blind_accounts_load(a, path, why);
}
static struct blind_account *find(const struct blind_accounts *a, const char *token) {
    return blind_accounts_find(a, (const uint8_t *)token, strlen(token));
}

TEST(tokens_and_columns_are_read) {
    struct blind_accounts a;
    struct why why;
    CHECK_INT(load(&a,
                   "# clients\n\n  0123456789abcdef \t 1000\r\nanother-token-of-one 18446744073709551600\nthe last has no end 5",
                   &why),
              ERR_FORMAT);
    CHECK_INT(load(&a, "# clients\n\n  0123456789abcdef \t 1000\r\nanother-token-of-one 0\nthe-last-has-no-newline 5", &why), 0);
    CHECK_INT(a.count, 3);
    CHECK_INT(blind_account_left(find(&a, "0123456789abcdef")), 1000);
    CHECK_INT(blind_account_left(find(&a, "another-token-of-one")), 0);
    CHECK_INT(blind_account_left(find(&a, "the-last-has-no-newline")), 5);
    CHECK(!find(&a, "0123456789abcdeg") && !find(&a, "0123456789abcde") && !find(&a, ""));
    blind_accounts_release(&a);
}

TEST(bad_lines_are_refused_by_number_and_not_shown) {
    static const char *const bad[] = {"short 1\n",
                                      "0123456789abcdef\n",
                                      "0123456789abcdef x\n",
                                      "0123456789abcdef -1\n",
                                      "0123456789abcdef 1 2\n",
                                      "0123456789abcdef 99999999999999999999\n",
                                      "\xc3\xa9"
                                      "0123456789abcdef 1\n"};
    struct blind_accounts a;
    struct why why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(load(&a, bad[i], &why), ERR_FORMAT);
        CHECK(strstr(why.text, ":1:") && !strstr(why.text, "0123456789abcdef "));
        CHECK(a.list == NULL);
    }
    CHECK_INT(load(&a, "0123456789abcdef 1\n0123456789abcdef 2\n", &why), ERR_EXISTS);
    CHECK(strstr(why.text, ":2:") != NULL);
}

TEST(a_file_that_others_can_read_is_refused_and_none_is_fine) {
    struct blind_accounts a;
    struct why why = {{0}};
    CHECK_INT(file_write(path, "0123456789abcdef 1\n", 19, 0644, &why), 0);
    CHECK_INT(blind_accounts_load(&a, path, &why), ERR_PERM);
    CHECK_INT(blind_accounts_load(&a, NULL, &why), 0);
    CHECK(a.list == NULL);
    CHECK_INT(blind_accounts_load(&a, "/nonexistent/clients", &why), ERR_NOTFOUND);
    unlink(path);
}

TEST(an_account_is_never_overdrawn) {
    struct blind_account a = {.token_n = 0};
    atomic_init(&a.paid, 10);
    CHECK(blind_account_take(&a, 4) && blind_account_take(&a, 6) && !blind_account_take(&a, 1) && blind_account_take(&a, 0));
    CHECK_INT(blind_account_left(&a), 0);
}

static int reload(struct blind_accounts *a, const char *text, struct why *why) {
    *why = (struct why){{0}};
    CHECK_INT(file_write(path, text, strlen(text), 0600, why), 0);
    return blind_accounts_reload(a, path, why);
}

TEST(a_file_read_again_adds_what_was_paid_since) {
    struct blind_accounts a;
    struct why why;
    CHECK_INT(load(&a, "first-token-of-all 10\nsecond-token-of-all 10\nthird-token-of-all 10\n", &why), 0);
    struct blind_account *first = find(&a, "first-token-of-all"), *second = find(&a, "second-token-of-all");
    struct blind_account *third = find(&a, "third-token-of-all");
    CHECK(blind_account_take(first, 7) && blind_account_take(second, 7) && blind_account_take(third, 2));
    CHECK_INT(reload(&a, "fourth-token-of-all 4\nfirst-token-of-all 15\nsecond-token-of-all 6\n", &why), 0);
    CHECK(find(&a, "first-token-of-all") == first); /* sessions hold it */
    CHECK_INT(blind_account_left(first), 8);
    CHECK_INT(first->line, 2);
    CHECK_INT(blind_account_left(second), 0); /* had 3, and 4 less were paid for */
    CHECK_INT(blind_account_left(third), 0);  /* gone */
    CHECK_INT(third->line, 0);
    CHECK_INT(blind_account_left(find(&a, "fourth-token-of-all")), 4);
    CHECK_INT(reload(&a, "first-token-of-all 15\nthird-token-of-all 3\n", &why), 0);
    CHECK_INT(blind_account_left(first), 8); /* nothing new, nothing added */
    CHECK_INT(blind_account_left(third), 1); /* it is back, and with it what it had used */
    CHECK_INT(reload(&a, "first-token-of-all 99\nnonsense\n", &why), ERR_FORMAT);
    CHECK_INT(blind_account_left(first), 8);
    unlink(path);
    CHECK_INT(blind_accounts_reload(&a, path, &why), ERR_NOTFOUND);
    CHECK_INT(blind_account_left(first), 8);
    blind_accounts_release(&a);
}

/* A node's folder, and what a node that starts in it finds. */
static void open_again(struct blind_accounts *a, const struct data_dir *dir, const char *text) {
    struct why why;
    CHECK_INT(load(a, text, &why), 0);
    CHECK_INT(blind_used_read(a, dir, &why), 0);
}

TEST(what_was_used_is_known_after_a_restart) {
    struct data_dir dir = {.lock_fd = -1};
    struct blind_accounts a;
    struct why why = {{0}};
    char used[sizeof dir.path + 32], text[256] = {0};
    struct buf b;
    snprintf(dir.path, sizeof dir.path, "/tmp/lull-used-%d", (int)getpid());
    snprintf(used, sizeof used, "%s/blind.used", dir.path);
    CHECK_INT(mkdir(dir.path, 0700), 0);
    open_again(&a, &dir, "first-token-of-all 10\nsecond-token-of-all 10\n");
    CHECK_INT(blind_used_write(&a, &dir, &why), 0);
    CHECK_INT(access(used, F_OK), -1); /* nothing has changed */
    CHECK(blind_account_take(find(&a, "first-token-of-all"), 7));
    CHECK_INT(blind_used_write(&a, &dir, &why), 0);
    blind_accounts_release(&a);
    CHECK_INT(file_read_private(&b, used, 1000, &why), 0);
    memcpy(text, b.data, b.len < sizeof text ? b.len : sizeof text - 1);
    CHECK(strstr(text, " 7\n") && !strstr(text, "token"));
    buf_release(&b);
    open_again(&a, &dir, "second-token-of-all 10\nfirst-token-of-all 12\n"); /* 2 more were paid for meanwhile */
    CHECK_INT(blind_account_left(find(&a, "first-token-of-all")), 5);
    CHECK_INT(blind_account_left(find(&a, "second-token-of-all")), 10);
    blind_account_give(find(&a, "first-token-of-all"), 3);
    CHECK(blind_account_take(find(&a, "second-token-of-all"), 3));
    CHECK_INT(blind_used_write(&a, &dir, &why), 0);
    blind_accounts_release(&a);
    open_again(&a, &dir, "first-token-of-all 12\nsecond-token-of-all 2\n"); /* less than it has used */
    CHECK_INT(blind_account_left(find(&a, "first-token-of-all")), 8);
    CHECK_INT(blind_account_left(find(&a, "second-token-of-all")), 0);
    CHECK(!blind_account_take(find(&a, "second-token-of-all"), 1));
    blind_accounts_release(&a);
    CHECK_INT(file_write(used, "nonsense\n", 9, 0600, NULL), 0);
    CHECK_INT(load(&a, "first-token-of-all 12\n", &why), 0);
    CHECK_INT(blind_used_read(&a, &dir, &why), ERR_FORMAT);
    CHECK(strstr(why.text, "blind.used:1:"));
    CHECK_INT(blind_used_write(&a, &dir, &why), 0);
    CHECK_INT(file_read_private(&b, used, 1000, NULL), 0); /* it is left to its owner */
    CHECK(b.len == 9 && memcmp(b.data, "nonsense\n", 9) == 0);
    buf_release(&b);
    blind_accounts_release(&a);
    unlink(used);
    unlink(path);
    CHECK_INT(rmdir(dir.path), 0);
}

int main(void) {
    const struct CMUnitTest all[] = {T(what_was_used_is_known_after_a_restart),
                                     T(a_file_read_again_adds_what_was_paid_since),
                                     T(tokens_and_columns_are_read),
                                     T(bad_lines_are_refused_by_number_and_not_shown),
                                     T(a_file_that_others_can_read_is_refused_and_none_is_fine),
                                     T(an_account_is_never_overdrawn)};
    if (secret_setup() != 0) return 99;
    snprintf(path, sizeof path, "/tmp/lull-accounts-%d", (int)getpid());
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("blind_accounts", all, NULL, NULL) != 0;
}
