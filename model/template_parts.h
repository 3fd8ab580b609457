/* model/template_parts.h - what the writers of template_formats.c share with template.c. */
#ifndef MODEL_TEMPLATE_PARTS_H
#define MODEL_TEMPLATE_PARTS_H

#include "model/template.h"

/* A conversation being written: spans point at literals, at the vocabulary and at the caller's messages. */
struct script {
    const struct vocab *v;
    const struct gen_message *message;
    size_t message_count;
    uint64_t unix_s;
    int prints_date;
    char date[40]; /* "26 Jul 2024" */
    struct vocab_span *span;
    size_t count, cap;
    int err;               /* 0, ERR_NOMEM, ERR_UNSUPPORTED with a complaint */
    const char *complaint; /* a literal */
};
typedef void template_writer(struct script *s);

void say(struct script *s, const char *words); /* the template's own words; must outlive s */
void say_token(struct script *s, const struct vocab *v, int32_t id);
void quote(struct script *s, struct gen_text text); /* a message's words */
void quote_trimmed(struct script *s, struct gen_text text);

template_writer write_chatml, write_qwen25, write_qwen3, write_llama3, write_llama2, write_mistral_v1, write_mistral_v3;
template_writer write_mistral_tekken, write_mistral_v7, write_gemma, write_phi3, write_zephyr;

/* template.c: t->format's writer. template_run.c: the template itself. Both append to out, or fail and leave it.
 * Probing: with tighter limits. */
int template_write(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, struct ids *out,
                   struct why *why);
int template_run(const struct chat_template *t, const struct vocab *v, const struct template_chat *c, int probing,
                 struct ids *out, struct why *why);
/* 1: for every conversation of a set that the template does not refuse, its writer gives the same tokens. */
int template_agrees(const struct chat_template *t, const struct vocab *v);

#endif
