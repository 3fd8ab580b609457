/* base: pages for secrets: zeroed, guarded at both ends, locked, in no core file, and empty in a forked child. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

static int in_child(int (*run)(volatile uint8_t *p), volatile uint8_t *p) {
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka's handler, or a sanitizer's, would go on */
        signal(SIGBUS, SIG_DFL);
        _exit(run(p));
    }
    int status;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return status;
}

static size_t bytes; /* of the pages in question, whole */
static int read_below(volatile uint8_t *p) { return p[-1] & 0; }
static int write_above(volatile uint8_t *p) { return (p[bytes] = 1) & 0; }
static int count_and_free(volatile uint8_t *p) {
    int set = 0;
    for (size_t i = 0; i < bytes; i++) set += p[i] != 0;
    secret_pages_free((void *)(uintptr_t)p);
    return set != 0;
}

TEST(pages_begin_zeroed_on_a_page_and_take_what_was_asked_for) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t sizes[] = {1, page - 1, page, page + 1, 10 * page};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *p = secret_pages(sizes[i]);
        CHECK(p != NULL && (uintptr_t)p % page == 0);
        for (size_t k = 0; k < sizes[i]; k++) CHECK_INT(p[k], 0);
        memset(p, 0xa5, sizes[i]);
        secret_pages_free(p);
    }
    CHECK(secret_pages(0) == NULL && secret_pages(SIZE_MAX) == NULL);
    secret_pages_free(NULL);
}

TEST(bytes_beyond_either_end_cannot_be_touched) {
    bytes = 2 * (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = secret_pages(bytes);
    CHECK(p != NULL);
    CHECK(WIFSIGNALED(in_child(read_below, p)));
    CHECK(WIFSIGNALED(in_child(write_above, p)));
    secret_pages_free(p);
}

TEST(a_forked_child_finds_zeros_and_may_free_them) {
    bytes = 3 * (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *p = secret_pages(bytes);
    CHECK(p != NULL);
    memset(p, 0xa5, bytes);
    CHECK_INT(in_child(count_and_free, p), 0);
    for (size_t i = 0; i < bytes; i++) CHECK_INT(p[i], 0xa5);
    secret_pages_free(p);
}

/* The kernel's own account of the mapping: dd: in no core file; wf: wiped in a forked child. */
TEST(the_kernel_keeps_them_out_of_core_files) {
    uint8_t *p = secret_pages(1);
    char line[512], start[32];
    int found = 0, here = 0;
    FILE *f = fopen("/proc/self/smaps", "r");
    if (!f) SKIP("no /proc/self/smaps");
    snprintf(start, sizeof start, "%lx-", (unsigned long)(uintptr_t)p);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, start, strlen(start)) == 0) here = 1;
        if (!here || strncmp(line, "VmFlags:", 8) != 0) continue;
        found = strstr(line, " dd") && strstr(line, " wf");
        break;
    }
    fclose(f);
    secret_pages_free(p);
    if (!here) SKIP("smaps does not list it");
    CHECK(found);
}

TESTS_MAIN("secret_pages", T(pages_begin_zeroed_on_a_page_and_take_what_was_asked_for),
           T(bytes_beyond_either_end_cannot_be_touched), T(a_forked_child_finds_zeros_and_may_free_them),
           T(the_kernel_keeps_them_out_of_core_files))
