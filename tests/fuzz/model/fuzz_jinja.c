/* Fuzz: templates that are run. The bytes are a template, optionally followed by a zero byte and a user's text. Whatever the
 * template does, it ends within its limits, an error has words, and no control token depends on the user's text: that text
 * holds bytes of which the template's own are free, and none of those may come out as trusted. */
#include "tests/fuzz/fuzz.h"

#include "model/jinja.h"

enum { STEPS = 3000, MEMORY = 1 << 20 }; /* limits are met at any size, and sooner at a small one */

static json_t *tools, *call, *options;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    tools = json_loads("[{\"type\": \"function\", \"function\": {\"name\": \"\\u0001f\", \"parameters\": {\"type\": \"object\", "
                       "\"properties\": {\"a\\u0001\": {\"type\": \"string\"}}, \"required\": [\"\\u0001\"]}}}]",
                       0, NULL);
    call = json_loads(
        "{\"tool_calls\": [{\"id\": \"\\u00011\", \"function\": {\"name\": \"\\u0001\", \"arguments\": {\"x\": 1.5}}}], "
        "\"content\": null}",
        0, NULL);
    options = json_loads("{\"enable_thinking\": false, \"custom\": [1, \"\\u0001\", {\"k\": null}]}", 0, NULL);
    CHECK(tools && call && options);
    return 0;
}

static int run(const char *source, size_t n, const struct jinja_chat *c) {
    struct jinja_text out;
    struct why why = {{0}};
    int r = jinja_render(&out, source, n, c, &why);
    CHECK(r == 0 ? why.text[0] == 0 : r < 0 && why.text[0] != 0 && out.span == NULL);
    CHECK(r != ERR_INTERNAL && memchr(why.text, 1, strlen(why.text)) == NULL);
    size_t total = 0;
    for (size_t i = 0; r == 0 && i < out.count; i++) {
        CHECK(out.span[i].n > 0);
        CHECK(i == 0 || out.span[i].trusted != out.span[i - 1].trusted);
        if (out.span[i].trusted) CHECK(memchr(out.span[i].p, 1, out.span[i].n) == NULL); /* the user's sign */
        total += out.span[i].n;
    }
    CHECK(total <= JINJA_OUTPUT_BYTES_MAX);
    jinja_text_release(&out);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    /* A source may not hold the user's sign, neither as it is nor as what an escape makes. */
    if (memchr(data, 1, n) || memmem(data, n, "\\x01", 4) || memmem(data, n, "\\1", 2) || memmem(data, n, "\\01", 3) ||
        memmem(data, n, "\\001", 4) || memmem(data, n, "\\u0001", 6) || memmem(data, n, "\\U00000001", 10))
        return 0;
    char text[256] = "\1 \1 \1";
    const uint8_t *zero = n ? memchr(data, 0, n) : NULL;
    size_t source = zero ? (size_t)(zero - data) : n, rest = n - source < 200 ? n - source : 200;
    memcpy(text + 5, data + source, rest);
    for (size_t i = 0; i < rest; i++) /* every letter of the user's is marked */
        if (text[5 + i] == 0) text[5 + i] = 1;
    const struct gen_message m[] = {{ROLE_SYSTEM, {text, 5 + rest}},
                                    {ROLE_USER, {text, 5 + rest}},
                                    {ROLE_ASSISTANT, {NULL, 0}},
                                    {ROLE_TOOL, {"\1", 1}},
                                    {ROLE_USER, {" \1\n", 3}}};
    const json_t *details[] = {NULL, NULL, call, NULL, NULL};
    struct jinja_chat c = {.messages = m,
                           .message_count = 5,
                           .details = details,
                           .tools = tools,
                           .variables = options,
                           .bos = {"<s>", 3},
                           .eos = {"</s>", 4},
                           .add_generation_prompt = 1,
                           .unix_s = 1721995509,
                           .steps_max = STEPS,
                           .memory_max = MEMORY};
    char *own = fuzz_copy(data, source);
    int r = run(own, source, &c);
    c.message_count = 2;
    c.details = NULL;
    c.tools = NULL;
    if (r != ERR_FORMAT) run(own, source, &c); /* else it does not parse, whatever the conversation */
    free(own);
    return 0;
}
