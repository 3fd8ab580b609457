/* model/jinja.c - see jinja.h: limits, the variables of a conversation, and the output as spans. */
#include "model/jinja_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors and limits ---- */

int jinja_fail(struct jinja *j, int err, const char *fmt, ...) {
    char text[240];
    va_list args;
    if (j->err) return j->err;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    j->err = err;
    return why_set(j->why, err, "chat template, line %u: %s", j->line, text);
}

void *jinja_take(struct jinja *j, size_t count, size_t size) {
    if (j->err) return NULL;
    void *p = blocks_take(&j->memory, count, size);
    if (!p && j->memory.err == ERR_NOMEM)
        jinja_fail(j, ERR_NOMEM, "no memory");
    else if (!p)
        jinja_no_room(j);
    return p;
}

int jinja_no_room(struct jinja *j) { return jinja_fail(j, ERR_LIMIT, "more than %zu MiB of memory", j->memory.max >> 20); }

int jinja_work(struct jinja *j, size_t units) {
    if (j->err) return j->err;
    if (units >= j->steps_max - j->steps) return jinja_fail(j, ERR_LIMIT, "more than %u steps", j->steps_max);
    j->steps += (uint32_t)units;
    return 0;
}

int jinja_scan(struct jinja *j, struct jtext t) { return jinja_work(j, t.n / 1024); }
int jinja_walk(struct jinja *j, struct jtext t) { return jinja_work(j, t.n / 64); }

int jinja_enter(struct jinja *j) {
    if (jinja_work(j, 1) != 0) return j->err;
    if (j->depth >= JINJA_DEPTH_MAX) return jinja_fail(j, ERR_LIMIT, "nesting deeper than %d", JINJA_DEPTH_MAX);
    j->depth++;
    return 0;
}

void jinja_leave(struct jinja *j) { j->depth--; }

const char *jinja_own_words(struct jtext t, char out[68]) {
    size_t n = 0;
    int gap = 0;
    for (size_t i = 0; i < t.n && n < 60; i++) {
        if (t.mark ? t.mark[i] : t.input) {
            gap = 1;
            continue;
        }
        if (gap) n += (size_t)snprintf(out + n, 4, "...");
        gap = 0;
        out[n++] = t.p[i] >= ' ' && t.p[i] < 127 ? t.p[i] : '?';
    }
    if (gap) n += (size_t)snprintf(out + n, 4, "...");
    out[n] = 0;
    return out;
}

/* ---- the conversation ---- */

/* Roles are our own words, and templates build turn markers of them: trusted. */
static struct jval role_text(enum gen_role role) {
    static const char *const names[] = {
        [ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool"};
    return jval_text(jtext_of(names[role]));
}

static struct jval message_value(struct jinja *j, const struct gen_message *m, const json_t *detail) {
    struct jdict *d = jdict_new(j, json_object_size(detail) + 2);
    const char *key;
    json_t *value;
    if (!d || m->content.n > JINJA_OUTPUT_BYTES_MAX) {
        jinja_fail(j, ERR_LIMIT, "a message of more than %d MiB", JINJA_OUTPUT_BYTES_MAX >> 20);
        return jval_none();
    }
    jdict_put(j, d, "role", role_text(m->role));
    jdict_put(j, d, "content", jval_text(jtext_data(m->content.p, m->content.n)));
    json_object_foreach((json_t *)(uintptr_t)detail, key, value) {
        if (strcmp(key, "role") == 0) continue;
        if (strcmp(key, "content") == 0) /* none, or a list of parts */
            d->e[1].value = jval_from_json(j, value);
        else
            jdict_set(j, d, jval_text(jtext_data(key, strlen(key))), jval_from_json(j, value));
    }
    return jval_dict(d);
}

static void set_variable(struct jinja *j, const char *name, struct jval v) { jscope_set(j, j->scope, jtext_of(name), v); }

static void set_token(struct jinja *j, const char *name, struct gguf_str text) {
    struct jtext t = jtext_data(text.p, text.n);
    t.input = 0;
    set_variable(j, name, jval_text(t));
}

/* What the request names first, so that nothing in it can take the place of the rest. */
static void set_variables(struct jinja *j, const struct jinja_chat *c) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)c->variables, key, value) {
        struct jtext name = jtext_data(key, strlen(key));
        jscope_set(j, j->scope, name, jval_from_json(j, value));
    }
    jinja_builtins(j);
    if (!c->messages) return;
    struct jlist *all = jlist_new(j, c->message_count);
    for (size_t i = 0; i < c->message_count && !j->err; i++)
        jlist_add(j, all, message_value(j, &c->messages[i], c->details ? c->details[i] : NULL));
    set_variable(j, "messages", jval_list(all));
    set_variable(j, "tools", c->tools ? jval_from_json(j, c->tools) : jval_none());
    set_variable(j, "add_generation_prompt", jval_bool(c->add_generation_prompt));
    set_token(j, "bos_token", c->bos);
    set_token(j, "eos_token", c->eos);
}

/* ---- output ---- */

/* Stretches of one origin, as long as can be: a control token may be written in parts, but not across a seam. */
static int to_spans(struct jinja *j, const struct jpieces *p, struct jinja_text *out) {
    struct jtext t = jpieces_join(j, p);
    size_t count = 0;
    for (size_t i = 0; i < t.n; i++) count += i == 0 || (t.mark && t.mark[i] != t.mark[i - 1]);
    if (!(out->span = jinja_take(j, count + 1, sizeof *out->span))) return j->err;
    for (size_t from = 0, to; from < t.n; from = to) {
        uint8_t mark = t.mark ? t.mark[from] : t.input;
        for (to = t.mark ? from + 1 : t.n; to < t.n && t.mark[to] == mark;) to++;
        out->span[out->count++] = (struct vocab_span){t.p + from, to - from, !mark};
    }
    return 0;
}

static int set_up(struct jinja *j, const char *source, size_t n, size_t memory_max, struct why *why) {
    if (n > JINJA_SOURCE_BYTES_MAX)
        return why_set(why, ERR_LIMIT, "a chat template of more than %d KiB", JINJA_SOURCE_BYTES_MAX >> 10);
    blocks_init(&j->memory, memory_max ? memory_max : JINJA_MEMORY_BYTES_MAX);
    j->token = jinja_lex(j, source, n);
    return j->err;
}

/* Some templates look at every letter, or at all messages for each one. */
static uint32_t steps_for(const struct jinja_chat *c) {
    uint64_t steps = JINJA_STEPS;
    for (size_t i = 0; i < c->message_count && steps < JINJA_STEPS_MAX; i++)
        steps += JINJA_STEPS_PER_BYTE * (uint64_t)c->messages[i].content.n;
    return steps < JINJA_STEPS_MAX ? (uint32_t)steps : JINJA_STEPS_MAX;
}

int jinja_render(struct jinja_text *out, const char *source, size_t n, const struct jinja_chat *c, struct why *why) {
    struct jpieces written = {0};
    struct jinja j = {.why = why, .steps_max = c->steps_max ? c->steps_max : steps_for(c), .unix_s = c->unix_s};
    *out = (struct jinja_text){0};
    int r = set_up(&j, source, n, c->memory_max, why);
    const struct jnode *tree = r == 0 ? jinja_parse(&j) : NULL;
    if (r == 0 && (r = j.err) == 0) {
        j.out = &written;
        j.scope = jscope_push(&j, NULL);
        if (j.scope) set_variables(&j, c);
        jinja_run(&j, tree);
        if (!j.err) to_spans(&j, &written, out);
        r = j.err;
    }
    out->memory = j.memory;
    if (r != 0) jinja_text_release(out);
    return r;
}

int jinja_check(const char *source, size_t n, struct why *why) {
    struct jinja j = {.why = why, .steps_max = JINJA_STEPS};
    int r = set_up(&j, source, n, 0, why);
    if (r == 0) (void)jinja_parse(&j);
    blocks_release(&j.memory);
    return r ? r : j.err;
}

void jinja_text_release(struct jinja_text *t) {
    blocks_release(&t->memory);
    *t = (struct jinja_text){0};
}
