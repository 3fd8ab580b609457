/* model/model.c - see model.h. */
#include "model/model.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "model/model_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* general.name, printable: control characters and what is not UTF-8 become '?', as names reach terminals and logs. */
static void copy_name(char *out, size_t cap, const struct gguf *g) {
    struct gguf_str s = {"", 0};
    if (!gguf_find(g, "general.name") || gguf_text(g, "general.name", &s, NULL) != 0) s.n = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        int len = utf8_get((const uint8_t *)s.p + i, s.n - i, &cp);
        int printable = len > 0 && cp >= 0x20 && !(cp >= 0x7f && cp < 0xa0);
        size_t put = printable ? (size_t)len : 1;
        if (n + put >= cap) break;
        if (printable)
            memcpy(out + n, s.p + i, put);
        else
            out[n] = '?';
        n += put;
        i += len > 0 ? (size_t)len : 1;
    }
    out[n] = 0;
}

/* Everything after the container is parsed; m->gguf is open. */
static int open_parts(struct model *m, const struct model_opts *o, struct why *why) {
    int r = kern_select(&m->kern, o->kernels, why);
    if (r == 0) r = hparams_read(&m->hp, &m->gguf, why);
    if (r == 0) r = vocab_open(&m->vocab, &m->gguf, why);
    if (r != 0) return r;
    if (o->context && o->context < m->hp.n_context) m->hp.n_context = o->context;
    m->arith = o->arith;
    profiles_name(m);
    m->n_vocab = vocab_size(m->vocab);
    template_detect(&m->chat, &m->gguf, m->vocab);
    copy_name(m->name, sizeof m->name, &m->gguf);
    return weights_load(m, o, why);
}

static int open_rest(struct model **out, struct model *m, const char *path, const struct model_opts *o, struct why *why) {
    struct why inner = {{0}};
    struct model_opts none = {0};
    int r = open_parts(m, o ? o : &none, &inner);
    if (r != 0) {
        model_close(m);
        return why_set(why, r, "%.128s: %.160s", path, why_text(&inner, r));
    }
    *out = m;
    return 0;
}

int model_open(struct model **out, const char *path, const struct model_opts *o, struct why *why) {
    *out = NULL;
    struct model *m = mem_zalloc(1, sizeof *m);
    if (!m) return why_set(why, ERR_NOMEM, "%.200s: no memory", path);
    int r = gguf_open(&m->gguf, path, why);
    if (r == 0) return open_rest(out, m, path, o, why);
    free(m);
    return r;
}

int model_open_memory(struct model **out, const void *file, size_t n, const struct model_opts *o, struct why *why) {
    *out = NULL;
    struct model *m = mem_zalloc(1, sizeof *m);
    if (!m) return why_set(why, ERR_NOMEM, "no memory");
    int r = gguf_parse(&m->gguf, file, n, why);
    if (r == 0) return open_rest(out, m, "model", o, why);
    free(m);
    return r;
}

void model_close(struct model *m) {
    if (!m) return;
    weights_release(m);
    vocab_close(m->vocab);
    gguf_close(&m->gguf);
    free(m);
}

const struct vocab *model_vocab(const struct model *m) { return m->vocab; }
const struct chat_template *model_template(const struct model *m) { return &m->chat; }
uint32_t model_n_vocab(const struct model *m) { return m->n_vocab; }
uint32_t model_context(const struct model *m) { return m->hp.n_context; }
uint32_t model_context_usual(const struct model *m) { return model_context(m) < 8192 ? model_context(m) : 8192; }
uint64_t model_file_bytes(const struct model *m) { return m->gguf.size; }
enum model_arith model_arith(const struct model *m) { return m->arith; }
uint64_t model_weight_bytes(const struct model *m) { return m->packed_bytes; }
uint64_t model_parameters(const struct model *m) { return m->parameters; }
const char *model_name(const struct model *m) { return m->name; }
const char *model_arch(const struct model *m) { return m->hp.family->arch; }
const char *model_type(const struct model *m) { return m->type_name; }

void model_file_sha256(const struct model *m, uint8_t out[32]) {
    enum { PIECE = 1 << 24 }; /* read in pieces whose pages are given back: hashing must not double the memory in use */
    struct sha256 h;
    sha256_init(&h);
    for (size_t at = 0; at < m->gguf.size; at += PIECE) {
        size_t n = m->gguf.size - at < PIECE ? m->gguf.size - at : PIECE;
        sha256_add(&h, m->gguf.file + at, n);
        if (m->gguf.map.data) (void)madvise((void *)(uintptr_t)(m->gguf.file + at), n, MADV_DONTNEED);
    }
    sha256_done(&h, out);
}
