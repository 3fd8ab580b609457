/* What a node says of the models it opens: the context that it was told to serve, in manifest and profile. */
#include "node/served.h"
#include "model/model.h"
#include "net/loop.h"
#include "tests/check.h"
#include "tests/unit/model/synth_model.h"

#include <stdlib.h>
#include <unistd.h>

static char dir_path[64];
static void on_event(void *arg, const struct work_event *e) { (void)arg, (void)e; }

/* Opens the model as a node with --context would; the caller closes it. */
static int serve(struct served *s, struct loop *loop, const char *model, uint32_t context, struct why *why) {
    struct data_dir dir;
    char spec[200];
    struct served_opts o = {.threads = 1, .slots = 1, .context = context, .loop = loop, .on_event = on_event};
    snprintf(spec, sizeof spec, "%s=synthetic", model);
    CHECK_INT(data_dir_open(&dir, dir_path, "node", why), 0);
    int r = served_open(s, spec, &o, &dir, why);
    data_dir_close(&dir);
    return r;
}

static void check_context(struct loop *loop, const struct synth *y, uint32_t asked, uint32_t context, const char *profile) {
    struct served s;
    struct why why = {{0}};
    const char *path = synth_path(y->name);
    synth_write(y, path);
    int r = serve(&s, loop, path, asked, &why);
    if (r != 0) printf("# %s\n", why_text(&why, r));
    unlink(path);
    CHECK_INT(r, 0);
    CHECK_STR(s.manifest.profile, profile);
    CHECK_INT(s.manifest.context, context);
    CHECK_INT(s.context, context);
    served_close(&s);
}

TEST(the_context_served_is_part_of_a_longrope_profile) {
    struct loop *loop;
    snprintf(dir_path, sizeof dir_path, "/tmp/lull-served-XXXXXX");
    CHECK(mkdtemp(dir_path) != NULL);
    CHECK_INT(loop_new(&loop), 0);
    const struct synth *phi3_long = &synth_families[6], *plain = &synth_all[0];
    CHECK_STR(phi3_long->name, "phi3-long");
    check_context(loop, phi3_long, 100, 100, "C1-f16-c100");
    check_context(loop, phi3_long, 300, 300, "C1-f16-c300");
    check_context(loop, phi3_long, 0, 512, "C1-f16-c512");
    check_context(loop, phi3_long, 100000, 512, "C1-f16-c512"); /* more than the model was trained for */
    check_context(loop, plain, 100, 100, "C1-f16");
    loop_free(loop);
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir_path);
    CHECK_INT(system(cmd), 0);
}

TESTS_MAIN("served", T(the_context_served_is_part_of_a_longrope_profile))
