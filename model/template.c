/* model/template.c - see template.h: recognising a template by the markers it uses, and writing conversations in its format.
 *
 * Each format is one function over a list of spans. Template words are literals and trusted; messages are not. */
#include "model/template.h"
#include "model/jinja.h"
#include "model/template_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- detection ---- */

static int has(struct gguf_str t, const char *needle) { return t.n && memmem(t.p, t.n, needle, strlen(needle)) != NULL; }

/* Every [INST] template: Mistral's versions by their own markers and the blanks around [INST]; the rest is Llama-2. */
static enum template_format inst_format(struct gguf_str t) {
    if (has(t, "[SYSTEM_PROMPT]")) return TEMPLATE_MISTRAL_V7;
    if (!has(t, "' [INST] ' + system_message") && !has(t, "[AVAILABLE_TOOLS]")) return TEMPLATE_LLAMA2;
    if (has(t, " [INST]")) return TEMPLATE_MISTRAL_V1;
    return has(t, "\"[INST]\"") ? TEMPLATE_MISTRAL_TEKKEN : TEMPLATE_MISTRAL_V3;
}

static enum template_format chatml_format(struct gguf_str t) {
    if (has(t, "<|im_sep|>")) return TEMPLATE_NONE;
    if (has(t, "</think>")) return TEMPLATE_QWEN3;
    return has(t, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.") ? TEMPLATE_QWEN25 : TEMPLATE_CHATML;
}

static enum template_format detect(struct gguf_str t) {
    if (has(t, "<|im_start|>")) return chatml_format(t);
    if (has(t, "[INST]")) return inst_format(t);
    if (has(t, "<|assistant|>") && has(t, "<|end|>")) return TEMPLATE_PHI3;
    if (has(t, "<|user|>") && (has(t, "eos_token") || has(t, "</s>")) && has(t, "<|assistant|>")) return TEMPLATE_ZEPHYR;
    if (has(t, "<start_of_turn>")) return TEMPLATE_GEMMA;
    if (has(t, "<|start_header_id|>")) return TEMPLATE_LLAMA3;
    return TEMPLATE_NONE;
}

static int knows(const struct vocab *v, const char *text) { return vocab_find(v, text, strlen(text)) >= 0; }

/* Which one wins: a writer of ours where it agrees with the template, for ordinary conversations (is_ordinary), since it is faster, and for those
 * that the template refuses or cannot be run for (a system message for Gemma); else the template. A text that never mentions the messages
 * is no chat template, whatever it prints. */
void template_detect_text(struct chat_template *t, const char *text, size_t n, const struct vocab *v) {
    *t = (struct chat_template){.source = {text, n}};
    if (n)
        t->format = detect(t->source);
    else if (knows(v, "<|im_start|>") && knows(v, "<|im_end|>"))
        t->format = TEMPLATE_CHATML;
    t->prints_date = t->format == TEMPLATE_LLAMA3 && has(t->source, "Cutting Knowledge Date");
    t->runs = has(t->source, "messages") && jinja_check(text, n, NULL) == 0;
    if (t->runs && (t->format == TEMPLATE_NONE || !template_agrees(t, v))) t->format = TEMPLATE_JINJA;
}

void template_detect(struct chat_template *t, const struct gguf *g, const struct vocab *v) {
    struct gguf_str text = {"", 0};
    (void)gguf_text(g, "tokenizer.chat_template", &text, NULL);
    template_detect_text(t, text.p, text.n, v);
}

/* ---- the table of formats ---- */

struct format_row {
    const char *name;
    template_writer *write;
};
static const struct format_row formats[] = {
    [TEMPLATE_NONE] = {"none", NULL},
    [TEMPLATE_CHATML] = {"chatml", write_chatml},
    [TEMPLATE_QWEN25] = {"qwen2.5", write_qwen25},
    [TEMPLATE_QWEN3] = {"qwen3", write_qwen3},
    [TEMPLATE_LLAMA3] = {"llama3", write_llama3},
    [TEMPLATE_LLAMA2] = {"llama2", write_llama2},
    [TEMPLATE_MISTRAL_V1] = {"mistral-v1", write_mistral_v1},
    [TEMPLATE_MISTRAL_V3] = {"mistral-v3", write_mistral_v3},
    [TEMPLATE_MISTRAL_TEKKEN] = {"mistral-tekken", write_mistral_tekken},
    [TEMPLATE_MISTRAL_V7] = {"mistral-v7", write_mistral_v7},
    [TEMPLATE_GEMMA] = {"gemma", write_gemma},
    [TEMPLATE_PHI3] = {"phi3", write_phi3},
    [TEMPLATE_ZEPHYR] = {"zephyr", write_zephyr},
    [TEMPLATE_JINJA] = {"jinja", NULL},
};

const char *template_name(enum template_format f) {
    return (size_t)f < sizeof formats / sizeof formats[0] ? formats[f].name : "none";
}

/* ---- spans ---- */

static void add_span(struct script *s, const char *p, size_t n, int trusted) {
    if (n == 0 || s->err) return;
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct vocab_span *more = realloc(s->span, cap * sizeof *more);
        if (!more) {
            s->err = ERR_NOMEM;
            return;
        }
        s->span = more;
        s->cap = cap;
    }
    s->span[s->count++] = (struct vocab_span){p, n, trusted};
}

void say(struct script *s, const char *words) { add_span(s, words, strlen(words), 1); }

void quote(struct script *s, struct gen_text text) { add_span(s, text.p, text.n, 0); }

/* ASCII's blanks. A template's trim filter knows more, so a text with others at its ends is no ordinary one. */
static int blank(char c) { return c == ' ' || (c >= 9 && c <= 13); }

void quote_trimmed(struct script *s, struct gen_text t) {
    while (t.n && blank(t.p[0])) t.p++, t.n--;
    while (t.n && blank(t.p[t.n - 1])) t.n--;
    quote(s, t);
}

/* The text of a control token of this vocabulary, whatever its spelling. */
void say_token(struct script *s, const struct vocab *v, int32_t id) {
    struct gguf_str text = vocab_piece(v, id, 1);
    add_span(s, text.p, text.n, 1);
}

int template_write(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, struct ids *out,
                   struct why *why) {
    struct script s = {
        .v = v, .message = c->messages, .message_count = c->count, .unix_s = c->unix_s, .prints_date = t->prints_date};
    formats[t->format].write(&s);
    int r = s.err;
    if (r == ERR_UNSUPPORTED) why_set(why, r, "%s", s.complaint);
    if (r == 0) r = vocab_encode_spans(v, s.span, s.count, VOCAB_BOS, out, why);
    free(s.span);
    return r;
}

/* ---- who writes ---- */

/* Nothing that templates look for in texts or treat in ways of their own: no marker can begin in it, and at its ends are no odd blanks. */
static int is_plain_text(struct gen_text t) {
    if (t.n == 0) return 1;
    unsigned char ends[2] = {(unsigned char)t.p[0], (unsigned char)t.p[t.n - 1]};
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0x7f || (ends[i] < 0x20 && !blank((char)ends[i]))) return 0;
    return !memchr(t.p, '<', t.n) && !memchr(t.p, '[', t.n);
}

/* A system text or none, then question and answer in turns, the last one a question: of such conversations those are that a writer was
 * compared over. Anything else is the template's own business. */
static int is_ordinary(const struct template_chat *c) {
    size_t first = c->messages[0].role == ROLE_SYSTEM;
    if ((c->count - first) % 2 != 1) return 0;
    for (size_t i = 0; i < c->count; i++) {
        enum gen_role want = i < first ? ROLE_SYSTEM : (i - first) % 2 ? ROLE_ASSISTANT : ROLE_USER;
        if (c->messages[i].role != want || !is_plain_text(c->messages[i].content)) return 0;
    }
    return 1;
}

int template_render_chat(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, struct ids *out,
                         struct why *why) {
    int plain = !c->tools && !c->details && !c->options && !c->no_answer;
    if (c->count == 0) return why_set(why, ERR_USAGE, "a conversation needs at least one message");
    if (c->count > GEN_MESSAGES_MAX) return why_set(why, ERR_LIMIT, "more than %d messages", GEN_MESSAGES_MAX);
    if (t->format == TEMPLATE_NONE)
        return why_set(why, ERR_UNSUPPORTED, "%s; use raw prompts",
                       t->source.n ? "this model's chat template is of a kind that is not supported"
                                   : "this model has no chat template");
    if (c->tools && t->runs && !has(t->source, "tools")) /* it would leave them out without a word */
        return why_set(why, ERR_UNSUPPORTED, "this model's chat template has no words for tools");
    if (t->format == TEMPLATE_JINJA || (t->runs && !plain)) return template_run(t, v, c, 0, out, why);
    if (t->runs && !is_ordinary(c)) {
        int r = template_run(t, v, c, 0, out, NULL);
        if (r != ERR_UNSUPPORTED && r != ERR_LIMIT) return r == 0 ? 0 : why_set(why, r, "%s", err_text(r));
    }
    if (!plain) return why_set(why, ERR_UNSUPPORTED, "this model's chat template has no words for tools and options");
    return template_write(t, v, c, out, why);
}

int template_render(const struct chat_template *t, const struct vocab *v, const struct gen_message *m, size_t count,
                    uint64_t unix_s, struct ids *out, struct why *why) {
    struct template_chat c = {.messages = m, .count = count, .unix_s = unix_s};
    return template_render_chat(t, v, &c, out, why);
}
