/* What is available: the system's number, less where a control group leaves less; and a pool that does not fit is refused. */
#include "tests/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "math/kv_page.h"
#include "model/engine.h"
#include "model/gen.h"
#include "model/memory.h"
#include "tests/unit/model/synth_model.h"

static char root[64];

static void put(const char *path, const char *text) {
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        (void)mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "we");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

TEST(the_least_of_system_and_groups_counts) {
    char rm[128];
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%.40s/lull-memory-%d", tmp ? tmp : "/tmp", (int)getpid());
    CHECK_INT(memory_available(root) == UINT64_MAX, 1); /* nothing is said */
    CHECK_INT(mkdir(root, 0700), 0);
    put("/proc/meminfo", "MemTotal:       10000 kB\nMemFree:         10 kB\nMemAvailable:    4000 kB\n");
    CHECK_INT(memory_available(root), 4000 * 1024);
    put("/proc/self/cgroup", "0::/a/b\n");
    CHECK_INT(memory_available(root), 4000 * 1024);
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.current", "100\n");
    CHECK_INT(memory_available(root), 4000 * 1024);
    put("/sys/fs/cgroup/a/memory.max", "3000000\n"); /* of the group above */
    put("/sys/fs/cgroup/a/memory.current", "1000000\n");
    CHECK_INT(memory_available(root), 2000000);
    put("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 400000\n");
    CHECK_INT(memory_available(root), 2400000);
    put("/proc/self/cgroup", "9:name=systemd:/\n4:memory:/x\n0::/\n");
    put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "700\n");
    put("/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "900\n");
    CHECK_INT(memory_available(root), 0);
    put("/sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 300\n");
    CHECK_INT(memory_available(root), 100);
    snprintf(rm, sizeof rm, "rm -rf %s", root);
    CHECK_INT(system(rm), 0);
    uint64_t here = memory_available("");
    CHECK(here > 1 << 20 && here != UINT64_MAX);
}

TEST(a_pool_that_does_not_fit_is_refused_with_the_numbers) {
    struct model *m = synth_open(&synth_all[3]);
    struct gen_pool *p;
    struct why why = {{0}};
    struct gen_pool_opts o = {.threads = 1, .slots = 1, .kv_bytes_max = memory_available("") + (1ull << 34)};
    CHECK_INT(gen_pool_new(&p, m, &o, &why), ERR_NOMEM);
    CHECK(p == NULL && strstr(why.text, "GiB needed") && strstr(why.text, "available"));
    o.kv_bytes_max = 4 * engine_page_bytes(m, KV_F16);
    CHECK_INT(gen_pool_new(&p, m, &o, &why), 0);
    gen_pool_free(p);
    model_close(m);
}

TESTS_MAIN("memory", T(the_least_of_system_and_groups_counts), T(a_pool_that_does_not_fit_is_refused_with_the_numbers))
