/* model/template_formats.c - the formats, one writer each. Every one ends with the words that open the assistant's answer. */
#include "model/template_parts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void refuse(struct script *s, const char *complaint) {
    if (s->err) return;
    s->err = ERR_UNSUPPORTED;
    s->complaint = complaint;
}

static const char *role_word(struct script *s, enum gen_role role) {
    if (role == ROLE_TOOL) refuse(s, "this model's chat template has no words for tool messages");
    return role == ROLE_SYSTEM ? "system" : role == ROLE_ASSISTANT ? "assistant" : "user";
}

/* ---- ChatML and Qwen ---- */

static void chatml_turn(struct script *s, const char *role, struct gen_text text) {
    say(s, "<|im_start|>");
    say(s, role);
    say(s, "\n");
    quote(s, text);
    say(s, "<|im_end|>\n");
}

void write_chatml(struct script *s) {
    for (size_t i = 0; i < s->message_count; i++) chatml_turn(s, role_word(s, s->message[i].role), s->message[i].content);
    say(s, "<|im_start|>assistant\n");
}

/* Results of tools, gathered into one user turn. */
static void qwen_tool(struct script *s, size_t i) {
    const struct gen_message *m = &s->message[i];
    if (i == 0 || m[-1].role != ROLE_TOOL) say(s, "<|im_start|>user");
    say(s, "\n<tool_response>\n");
    quote(s, m->content);
    say(s, "\n</tool_response>");
    if (i + 1 == s->message_count || m[1].role != ROLE_TOOL) say(s, "<|im_end|>\n");
}

void write_qwen25(struct script *s) {
    if (s->message[0].role != ROLE_SYSTEM)
        say(s, "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n");
    for (size_t i = 0; i < s->message_count; i++) {
        if (s->message[i].role == ROLE_TOOL)
            qwen_tool(s, i);
        else
            chatml_turn(s, role_word(s, s->message[i].role), s->message[i].content);
    }
    say(s, "<|im_start|>assistant\n");
}

/* What follows the last </think>, and in *thought what stands between <think> and it. */
static struct gen_text after_thought(struct gen_text t, struct gen_text *thought) {
    static const char open[] = "<think>", close[] = "</think>";
    size_t n_close = sizeof close - 1, n_open = sizeof open - 1;
    *thought = (struct gen_text){t.p, 0};
    for (size_t at = t.n; at >= n_close; at--) {
        if (memcmp(t.p + at - n_close, close, n_close) != 0) continue;
        struct gen_text before = {t.p, at - n_close}, rest = {t.p + at, t.n - at};
        for (size_t i = before.n; i >= n_open; i--)
            if (memcmp(before.p + i - n_open, open, n_open) == 0) {
                before = (struct gen_text){before.p + i, before.n - i};
                break;
            }
        while (before.n && before.p[0] == '\n') before.p++, before.n--;
        while (before.n && before.p[before.n - 1] == '\n') before.n--;
        while (rest.n && rest.p[0] == '\n') rest.p++, rest.n--;
        *thought = before;
        return rest;
    }
    return t;
}

/* Earlier answers lose their thoughts; those after the last question keep them. */
void write_qwen3(struct script *s) {
    size_t last_question = 0;
    for (size_t i = 0; i < s->message_count; i++)
        if (s->message[i].role == ROLE_USER) last_question = i;
    for (size_t i = 0; i < s->message_count; i++) {
        const struct gen_message *m = &s->message[i];
        struct gen_text thought, text = m->role == ROLE_ASSISTANT ? after_thought(m->content, &thought) : m->content;
        if (m->role == ROLE_TOOL) {
            qwen_tool(s, i);
            continue;
        }
        say(s, "<|im_start|>");
        say(s, role_word(s, m->role));
        say(s, "\n");
        if (m->role == ROLE_ASSISTANT && i > last_question && (i + 1 == s->message_count || thought.n)) {
            say(s, "<think>\n");
            quote(s, thought);
            say(s, "\n</think>\n\n");
        }
        quote(s, text);
        say(s, "<|im_end|>\n");
    }
    say(s, "<|im_start|>assistant\n");
}

/* ---- Llama 3 ---- */

static void llama3_turn(struct script *s, const char *role, struct gen_text text) {
    say(s, "<|start_header_id|>");
    say(s, role);
    say(s, "<|end_header_id|>\n\n");
    quote_trimmed(s, text);
    say(s, "<|eot_id|>");
}

static void llama3_date(struct script *s) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t at = s->unix_s > 253402300799u ? 0 : (time_t)s->unix_s; /* up to the year 9999 */
    struct tm tm;
    if (!gmtime_r(&at, &tm)) memset(&tm, 0, sizeof tm);
    snprintf(s->date, sizeof s->date, "%02d %s %d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
    say(s, "Cutting Knowledge Date: December 2023\nToday Date: ");
    say(s, s->date);
    say(s, "\n\n");
}

/* Llama 3.1 and later always have a system turn, which begins with the dates. */
void write_llama3(struct script *s) {
    size_t i = 0;
    say_token(s, s->v, vocab_bos(s->v));
    if (s->prints_date) {
        say(s, "<|start_header_id|>system<|end_header_id|>\n\n");
        llama3_date(s);
        if (s->message[0].role == ROLE_SYSTEM) quote_trimmed(s, s->message[i++].content);
        say(s, "<|eot_id|>");
    }
    for (; i < s->message_count; i++) {
        enum gen_role role = s->message[i].role;
        llama3_turn(s, role == ROLE_TOOL ? "ipython" : role_word(s, role), s->message[i].content);
    }
    say(s, "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

/* ---- [INST] ---- */

/* What differs between Llama-2 and the versions of Mistral's format. */
struct inst_style {
    const char *open, *close;               /* around a question */
    const char *system_open, *system_close; /* around the system text, inside the first question or before it */
    int system_apart;                       /* it has a turn of its own */
    const char *answer, *answer_end;        /* around an answer, before the end token */
    int bos_each;                           /* BOS before every question, not only the first */
    int trim;
};

static void write_inst(struct script *s, const struct inst_style *st) {
    int open = 0;
    say_token(s, s->v, vocab_bos(s->v));
    for (size_t i = 0; i < s->message_count; i++) {
        const struct gen_message *m = &s->message[i];
        (void)role_word(s, m->role);
        if (m->role == ROLE_SYSTEM && st->system_apart) {
            say(s, st->system_open);
            quote(s, m->content);
            say(s, st->system_close);
        } else if (m->role == ROLE_ASSISTANT) {
            if (open) say(s, st->close);
            open = 0;
            say(s, st->answer);
            (st->trim ? quote_trimmed : quote)(s, m->content);
            say(s, st->answer_end);
            say_token(s, s->v, vocab_eos(s->v));
        } else {
            if (!open && i && st->bos_each && s->message[i - 1].role == ROLE_ASSISTANT) say_token(s, s->v, vocab_bos(s->v));
            if (!open)
                say(s, st->open);
            else if (s->message[i - 1].role != ROLE_SYSTEM)
                say(s, "\n\n"); /* two questions in a row are one */
            open = 1;
            if (m->role == ROLE_SYSTEM) say(s, st->system_open);
            (st->trim ? quote_trimmed : quote)(s, m->content);
            if (m->role == ROLE_SYSTEM) say(s, st->system_close);
        }
    }
    if (open) say(s, st->close);
}

void write_llama2(struct script *s) {
    static const struct inst_style st = {"[INST] ", " [/INST]", "<<SYS>>\n", "\n<</SYS>>\n\n", 0, " ", " ", 1, 1};
    write_inst(s, &st);
}
void write_mistral_v1(struct script *s) {
    static const struct inst_style st = {" [INST] ", " [/INST]", "", "\n\n", 0, " ", "", 0, 0};
    write_inst(s, &st);
}
void write_mistral_v3(struct script *s) {
    static const struct inst_style st = {"[INST] ", "[/INST]", "", "\n\n", 0, " ", "", 0, 0};
    write_inst(s, &st);
}
void write_mistral_tekken(struct script *s) {
    static const struct inst_style st = {"[INST]", "[/INST]", "", "\n\n", 0, "", "", 0, 0};
    write_inst(s, &st);
}
void write_mistral_v7(struct script *s) {
    static const struct inst_style st = {"[INST] ", "[/INST]", "[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]", 1, " ", "", 0, 0};
    write_inst(s, &st);
}

/* ---- Gemma, Phi-3, Zephyr ---- */

/* Gemma has no system turn: its text opens the first question. */
void write_gemma(struct script *s) {
    struct gen_text system = {NULL, 0};
    say_token(s, s->v, vocab_bos(s->v));
    for (size_t i = 0; i < s->message_count; i++) {
        const struct gen_message *m = &s->message[i];
        (void)role_word(s, m->role);
        if (m->role == ROLE_SYSTEM) {
            if (i != 0) refuse(s, "this model's chat template takes a system message only as the first one");
            system = m->content;
            continue;
        }
        say(s, m->role == ROLE_ASSISTANT ? "<start_of_turn>model\n" : "<start_of_turn>user\n");
        if (system.n && m->role == ROLE_USER) {
            quote_trimmed(s, system);
            say(s, "\n\n");
            system.n = 0;
        }
        quote_trimmed(s, m->content);
        say(s, "<end_of_turn>\n");
    }
    say(s, "<start_of_turn>model\n");
}

static const char *const bar_roles[] = {
    [ROLE_SYSTEM] = "<|system|>\n", [ROLE_USER] = "<|user|>\n", [ROLE_ASSISTANT] = "<|assistant|>\n"};

void write_phi3(struct script *s) {
    for (size_t i = 0; i < s->message_count; i++) {
        (void)role_word(s, s->message[i].role);
        if (s->err) return;
        say(s, bar_roles[s->message[i].role]);
        quote(s, s->message[i].content);
        say(s, "<|end|>\n");
    }
    say(s, "<|assistant|>\n");
}

void write_zephyr(struct script *s) {
    for (size_t i = 0; i < s->message_count; i++) {
        (void)role_word(s, s->message[i].role);
        if (s->err) return;
        say(s, bar_roles[s->message[i].role]);
        quote(s, s->message[i].content);
        say_token(s, s->v, vocab_eos(s->v));
        say(s, "\n");
    }
    say(s, "<|assistant|>\n");
}
