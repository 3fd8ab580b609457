/* model/template_run.c - templates that are run, and whether a writer of ours says the same as the template it stands for. */
#include "model/jinja.h"
#include "model/template_parts.h"

#include <string.h>

/* A day that no template has as its default; little work, since a hostile file is only being looked at. */
enum { PROBE_TIME = 1000000000, PROBE_STEPS = 20000, PROBE_MEMORY = 8 << 20, PROBE_TOKENS = 8192 };

int template_run(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, int probing,
                 struct ids *out, struct why *why) {
    struct jinja_chat chat = {.variables = c->options,
                              .messages = c->messages,
                              .message_count = c->count,
                              .details = c->details,
                              .tools = c->tools,
                              .bos = vocab_piece(v, vocab_bos(v), 1),
                              .eos = vocab_piece(v, vocab_eos(v), 1),
                              .add_generation_prompt = !c->no_answer,
                              .unix_s = c->unix_s,
                              .steps_max = probing ? PROBE_STEPS : 0,
                              .memory_max = probing ? PROBE_MEMORY : 0};
    struct jinja_text text;
    int r = jinja_render(&text, t->source.p, t->source.n, &chat, why);
    if (r == 0) r = vocab_encode_spans(v, text.span, text.count, VOCAB_BOS, out, why);
    jinja_text_release(&text);
    return r;
}

/* Conversations that tell formats apart: with and without a system text, blanks at the ends, thoughts, tools, odd orders. */
#define SAY(role, text)                  \
    {                                    \
        role, { text, sizeof(text) - 1 } \
    }
static const struct gen_message alone[] = {SAY(ROLE_USER, " Hi \n")};
static const struct gen_message led[] = {SAY(ROLE_SYSTEM, "\n Be brief. "), SAY(ROLE_USER, "Hi")};
static const struct gen_message answered[] = {SAY(ROLE_USER, "Hi"), SAY(ROLE_ASSISTANT, " Hello "), SAY(ROLE_USER, "Why?")};
static const struct gen_message long_one[] = {SAY(ROLE_SYSTEM, "Be brief."), SAY(ROLE_USER, "One"),
                                              SAY(ROLE_ASSISTANT, "1"),      SAY(ROLE_USER, ""),
                                              SAY(ROLE_ASSISTANT, ""),       SAY(ROLE_USER, "Three")};
static const struct gen_message thought[] = {SAY(ROLE_USER, "Hi"), SAY(ROLE_ASSISTANT, "<think>\nhm\n</think>\n\nHello"),
                                             SAY(ROLE_USER, "Why?")};
static const struct gen_message unasked[] = {SAY(ROLE_USER, "Hi"), SAY(ROLE_ASSISTANT, "<think>\nhm\n</think>\n\nHello")};
static const struct gen_message tools[] = {SAY(ROLE_USER, "Hi"), SAY(ROLE_ASSISTANT, "Let me see."), SAY(ROLE_TOOL, "{\"a\": 1}"),
                                           SAY(ROLE_TOOL, "2")};
static const struct gen_message twice[] = {SAY(ROLE_USER, "Hi"), SAY(ROLE_USER, "there")};
static const struct {
    const struct gen_message *message;
    size_t count;
} probes[] = {{alone, 1}, {led, 2}, {answered, 3}, {long_one, 6}, {thought, 3}, {unasked, 2}, {tools, 4}, {twice, 2}};

/* What it refuses, a writer may still have words for; what it takes too long for says nothing. */
int template_agrees(const struct chat_template *t, const struct vocab *v) {
    int same = 1;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0] && same; i++) {
        struct template_chat c = {.messages = probes[i].message, .count = probes[i].count, .unix_s = PROBE_TIME};
        struct ids theirs, ours;
        ids_init(&theirs, PROBE_TOKENS);
        ids_init(&ours, PROBE_TOKENS);
        int r = template_run(t, v, &c, 1, &theirs, NULL);
        if (r == 0)
            same = template_write(t, v, &c, &ours, NULL) == 0 && ours.count == theirs.count &&
                   (ours.count == 0 || memcmp(ours.id, theirs.id, ours.count * sizeof *ours.id) == 0);
        else
            same = r == ERR_UNSUPPORTED;
        ids_release(&theirs);
        ids_release(&ours);
    }
    return same;
}
