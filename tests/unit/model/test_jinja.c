/* The template interpreter against recorded output of another implementation (tools/make_jinja_tests.py), its limits, its
 * errors, and the variables of a conversation. */
#include "tests/unit/model/jinja_util.h"

#include <dirent.h>

/* ---- the corpus ---- */

/* "expect" is what must come out, byte for byte; "fails" means that it must fail. */
static int case_holds(const json_t *c) {
    char *template = jinja_case_template(c);
    struct jinja_chat chat = {.variables = json_object_get(c, "vars"), .unix_s = JINJA_CASE_TIME};
    struct buf got;
    struct why why = {{0}};
    int r = jinja_text_out(template, &chat, &got, &why);
    const json_t *expect = json_object_get(c, "expect");
    buf_add(&got, "", 1);
    int holds = expect ? r == 0 && got.len == json_string_length(expect) + 1 &&
                             memcmp(got.data, json_string_value(expect), got.len) == 0
                       : r < 0 && why.text[0] != 0;
    if (!holds) {
        printf("# %s: %s\n", json_string_value(json_object_get(c, "name")), template);
        printf("# got %s%s\n", why.text, (const char *)got.data);
    }
    buf_release(&got);
    free(template);
    return holds;
}

TEST(templates_render_as_recorded) {
    DIR *dir = opendir("tests/data/jinja");
    size_t ran = 0, failed = 0;
    CHECK(dir != NULL);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[400];
        size_t i;
        json_t *c;
        if (!strstr(e->d_name, ".json")) continue;
        snprintf(path, sizeof path, "tests/data/jinja/%s", e->d_name);
        json_t *all = json_load_file(path, 0, NULL);
        CHECK(json_is_array(all));
        json_array_foreach(all, i, c) ran++, failed += !case_holds(c);
        json_decref(all);
    }
    closedir(dir);
    CHECK_INT(failed, 0);
    CHECK(ran >= 230);
}

/* ---- limits ---- */

static int fails_with(const char *template, int err, const char *words) {
    struct jinja_chat chat = {0};
    struct buf got;
    struct why why = {{0}};
    int r = jinja_text_out(template, &chat, &got, &why), holds = r == err && strstr(why.text, words) != NULL;
    if (!holds) printf("# %.60s: %d %s\n", template, r, why.text);
    buf_release(&got);
    return holds;
}

TEST(every_limit_is_an_error_that_names_it) {
    CHECK(fails_with("{% set r = range(2000) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}", ERR_LIMIT,
                     "1000000 steps"));
    CHECK(fails_with("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", ERR_LIMIT, "nesting deeper than 200"));
    CHECK(fails_with("{% set ns = namespace(s='x' * 1000) %}{% for i in range(20) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                     ERR_LIMIT, "4 MiB"));
    CHECK(fails_with("{% for i in range(100) %}{{ ('x' * 1000) * 100 }}{% endfor %}", ERR_LIMIT, "4 MiB"));
    CHECK(fails_with("{% set ns = namespace(l=[1] * 1000) %}{% for i in range(20) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
                     ERR_LIMIT, "64 MiB of memory"));
    CHECK(fails_with("{{ range(1000000000) }}", ERR_LIMIT, "64 MiB"));
    CHECK(fails_with("{{ ('x' * 1000) * 99999999999 }}", ERR_LIMIT, "4 MiB"));
    CHECK(fails_with("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", ERR_LIMIT, "nesting"));
    CHECK(fails_with("{% set l = [] %}{% set _ = l.append(l) %}{{ l == [l] }}", ERR_LIMIT, "nesting"));
    CHECK(fails_with("{% set l = [] %}{% set _ = l.append(l) %}{{ 'x'.startswith(l) }}", ERR_LIMIT, "nesting"));
    CHECK(
        fails_with("{% set ns = namespace(l=1) %}{% for i in range(1000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
                   ERR_LIMIT, "nesting"));
}

/* Whatever looks at all of a long text takes steps for its length: else a few steps would be minutes. */
TEST(work_on_a_long_text_is_counted) {
    static const char *const work[] = {"i",
                                       "t < u",
                                       "t == u",
                                       "[t] == [u]",
                                       "d[t]",
                                       "t is upper",
                                       "t is lower",
                                       "t|int",
                                       "t|float",
                                       "t|trim",
                                       "t.strip('1')",
                                       "'1'.strip(t)",
                                       "t.startswith(u)",
                                       "t.find('2')",
                                       "t.count('')",
                                       "t.count('2')",
                                       "t.splitlines()",
                                       "t.split('2')",
                                       "t.isdigit()",
                                       "t.replace('2','3')",
                                       "t|indent",
                                       "t.format()",
                                       "t % ()",
                                       "t[5]",
                                       "t[:5]",
                                       "t|length",
                                       "'2' in t",
                                       "t|title",
                                       "t|escape",
                                       "[t, u]|sort",
                                       "d|tojson(sort_keys=true)",
                                       "l == k"}; /* the first looks at no text */
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG), *other = malloc(LONG);
    CHECK(text && other);
    memset(text, '1', LONG), memset(other, '1', LONG);
    const struct gen_message m[] = {{ROLE_USER, {text, LONG}}, {ROLE_USER, {other, LONG}}};
    struct jinja_chat chat = {.messages = m, .message_count = 2, .steps_max = 100000};
    for (size_t i = 0; i < sizeof work / sizeof work[0]; i++) {
        char template[400];
        struct buf got;
        struct why why = {{0}};
        snprintf(
            template, sizeof template,
            "{%% set t = messages[0].content %%}{%% set u = messages[1].content %%}{%% set d = {t: 1, 'x': 2} %%}"
            "{%% set l = [0] * 4000 %%}{%% set k = [0] * 4000 %%}{%% for i in range(5000) %%}{%% set _ = %s %%}{%% endfor %%}",
            work[i]);
        int r = jinja_text_out(template, &chat, &got, &why);
        int stopped = r == ERR_LIMIT && strstr(why.text, "steps") != NULL;
        if (stopped != (i > 0)) printf("# %s: %d %s\n", work[i], r, why.text);
        CHECK_INT(stopped, i > 0);
        buf_release(&got);
    }
    free(text);
    free(other);
}

/* Open brackets, signs, statements, operators: each nested deeper than allowed, before or while running. */
TEST(deep_sources_are_refused) {
    static const struct {
        const char *open, *middle, *close;
    } rows[] = {{"(", "1", ")"},     {"[", "", "]"},    {"-", "1", ""},   {"not ", "1", ""},
                {"1 + ", "1", ""},   {"{1:", "1", "}"}, {"x[", "1", "]"}, {"1 if 1 else ", "1", ""},
                {"1 and ", "1", ""}, {"1 ** ", "1", ""}};
    enum { DEEP = 5000 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        buf_addf(&b, "{{ ");
        for (int k = 0; k < DEEP; k++) buf_addf(&b, "%s", rows[i].open);
        buf_addf(&b, "%s", rows[i].middle);
        for (int k = 0; k < DEEP; k++) buf_addf(&b, "%s", rows[i].close);
        buf_addf(&b, " }}");
        buf_add(&b, "", 1);
        CHECK(fails_with((const char *)b.data, ERR_LIMIT, "nesting"));
        buf_release(&b);
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int k = 0; k < DEEP; k++) buf_addf(&b, "{%% if 1 %%}");
    buf_add(&b, "", 1);
    CHECK(fails_with((const char *)b.data, ERR_LIMIT, "nesting"));
    buf_release(&b);
}

TEST(a_source_of_256_kib_is_the_longest) {
    char *long_one = mem_zalloc(JINJA_SOURCE_BYTES_MAX + 2, 1);
    struct why why = {{0}};
    CHECK(long_one != NULL);
    memset(long_one, 'x', JINJA_SOURCE_BYTES_MAX + 1);
    CHECK_INT(jinja_check(long_one, JINJA_SOURCE_BYTES_MAX, &why), 0);
    CHECK(jinja_check(long_one, JINJA_SOURCE_BYTES_MAX + 1, &why) == ERR_LIMIT && strstr(why.text, "256 KiB"));
    free(long_one);
}

/* A template that looks at every letter, as one for pictures does: what is allowed grows with the messages. */
TEST(long_messages_may_take_more_steps) {
    enum { LONG = 150000 };
    char *text = malloc(LONG);
    CHECK(text != NULL);
    memset(text, 'x', LONG);
    const struct gen_message m = {ROLE_USER, {text, LONG}};
    struct jinja_chat chat = {.messages = &m, .message_count = 1};
    struct buf got;
    struct why why = {{0}};
    CHECK_INT(jinja_text_out("{% set n = namespace(n=0) %}{% for c in messages[0].content %}{% if c == 'x' %}"
                             "{% set n.n = n.n + 1 %}{% endif %}{% endfor %}{{ n.n }}",
                             &chat, &got, &why),
              0);
    CHECK(got.len == 6 && memcmp(got.data, "150000", 6) == 0);
    buf_release(&got);
    free(text);
}

TEST(fewer_steps_may_be_allowed) {
    struct jinja_chat chat = {.steps_max = 1000};
    struct jinja_text out;
    struct why why = {{0}};
    static const char loop[] = "{% for a in range(2000) %}{% endfor %}";
    CHECK(jinja_render(&out, loop, sizeof loop - 1, &chat, &why) == ERR_LIMIT && strstr(why.text, "1000 steps"));
}

/* ---- the sandbox ---- */

TEST(nothing_but_the_conversation_is_reachable) {
    static const char *const probes[] = {
        "{{ ''.__class__ }}", "{{ [].__class__.__mro__ }}", "{{ self }}",       "{{ lipsum }}", "{{ cycler }}",
        "{{ joiner }}",       "{{ messages.__init__ }}",    "{{ 'x'.encode }}", "{{ open }}",   "{{ dict.__bases__ }}",
        "{{ range.x }}"};
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        struct jinja_chat chat = {0};
        struct buf got;
        int r = jinja_text_out(probes[i], &chat, &got, NULL);
        CHECK(r < 0 || got.len == 0);
        buf_release(&got);
    }
}

/* ---- errors ---- */

TEST(errors_repeat_the_templates_words_and_not_the_users) {
    const struct gen_message m = {ROLE_USER, {"my secret", 9}};
    struct jinja_chat chat = {.messages = &m, .message_count = 1};
    struct jinja_text out;
    struct why why = {{0}};
    static const char *const templates[] = {"\n{{ raise_exception('Only text, not: ' ~ messages[0].content ~ ' please') }}",
                                            "\n{{ messages[0].content.nope() }}",
                                            "\n{{ messages[0].content + 1 }}",
                                            "\n{{ messages[messages[0].content].x }}",
                                            "\n{{ [1]|map(messages[0].content)|list }}",
                                            "\n{{ [1]|select(messages[0].content)|list }}",
                                            "\n{% for a, b in [messages[0].content] %}{% endfor %}",
                                            "\n{{ strftime_now(messages[0].content ~ '%Q') }}",
                                            "\n{{ messages[0].content % 3 }}"};
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        CHECK_INT(jinja_render(&out, templates[i], strlen(templates[i]), &chat, &why), ERR_UNSUPPORTED);
        CHECK(strstr(why.text, "line 2") && !strstr(why.text, "secret"));
        if (i == 0) CHECK(strstr(why.text, "Only text, not: ... please"));
    }
}

/* ---- the conversation ---- */

TEST(a_conversation_has_its_variables) {
    static const char template[] =
        "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m['content'] }}{% if m.tool_calls %}{{ m.tool_calls[0].name }}"
        "{% endif %}{{ eos_token }}{% endfor %}{{ tools|length if tools else 'none' }}{{ add_generation_prompt }}{{ deep }}"
        "{{ strftime_now('%d %B %Y') }}{{ messages[1].content is none }}{{ messages is sequence }}";
    const struct gen_message m[] = {{ROLE_USER, {"Hi", 2}}, {ROLE_ASSISTANT, {NULL, 0}}, {ROLE_TOOL, {"42", 2}}};
    json_t *call = json_pack("{s:n, s:[{s:s}], s:s}", "content", "tool_calls", "name", "f", "role", "system"),
           *variables = json_pack("{s:b, s:s}", "deep", 1, "bos_token", "fake"), *tools = json_pack("[{}, {}]");
    const json_t *details[] = {NULL, call, NULL};
    struct jinja_chat chat = {.variables = variables,
                              .messages = m,
                              .message_count = 3,
                              .details = details,
                              .tools = tools,
                              .bos = {"<s>", 3},
                              .eos = {"</s>", 4},
                              .add_generation_prompt = 1,
                              .unix_s = JINJA_CASE_TIME};
    struct buf got;
    struct why why = {{0}};
    int r = jinja_text_out(template, &chat, &got, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    buf_add(&got, "", 1);
    CHECK_STR((char *)got.data, "<s>user:Hi</s>assistant:Nonef</s>tool:42</s>2TrueTrue26 July 2024TrueTrue");
    buf_release(&got);
    json_decref(call);
    json_decref(variables);
    json_decref(tools);
}

TESTS_MAIN("jinja", T(templates_render_as_recorded), T(every_limit_is_an_error_that_names_it), T(work_on_a_long_text_is_counted),
           T(deep_sources_are_refused), T(a_source_of_256_kib_is_the_longest), T(long_messages_may_take_more_steps),
           T(fewer_steps_may_be_allowed), T(nothing_but_the_conversation_is_reachable),
           T(errors_repeat_the_templates_words_and_not_the_users), T(a_conversation_has_its_variables))
