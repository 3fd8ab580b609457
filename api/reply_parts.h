/* api/reply_parts.h - the dialects behind reply.h's calls (inside api/ only). Same contracts. */
#ifndef API_REPLY_PARTS_H
#define API_REPLY_PARTS_H

#include "api/reply.h"

int openai_head(struct buf *out, const struct api_reply *r);
int openai_text(struct buf *out, const struct api_reply *r, const char *text, size_t n);
int openai_end(struct buf *out, const struct api_reply *r, const char *finish, const struct api_usage *u);
int openai_whole(struct buf *out, const struct api_reply *r, const char *text, size_t n, const char *finish,
                 const struct api_usage *u);

int ollama_text(struct buf *out, const struct api_reply *r, const char *text, size_t n);
/* The last line, or the only one: text is "" in a stream. u NULL: nothing was computed, so no counts. */
int ollama_last(struct buf *out, const struct api_reply *r, const char *text, size_t n, const char *reason,
                const struct api_usage *u);

#endif
