/* cli/cmd_show.c - `lull show MODEL`: what a model file holds, without loading its weights. */
#include "base/hash.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/model_load.h"
#include "cli/terminal.h"
#include "math/weight.h"
#include "model/template.h"
#include "model/vocab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_STEP = 16 << 20, TYPES_MAX = 16, SHOWN_MAX = 200 };

struct shown_type {
    const char *name;
    int computed; /* 0: no model with it in a place that counts can be run */
    uint64_t tensors, bytes;
};
struct shown {
    struct gguf g;
    struct vocab *v; /* NULL: no_vocab says why */
    struct why no_vocab;
    struct chat_template chat;
    struct shown_type type[TYPES_MAX];
    size_t type_count;
    uint64_t parameters;
    char sha256[2 * SHA256_BYTES + 1];
};

static void count_types(struct shown *s) {
    for (size_t i = 0; i < s->g.tensor_count; i++) {
        const struct gguf_tensor *t = &s->g.tensor[i];
        const char *name = gguf_tensor_type(t->type)->name;
        size_t k = 0;
        while (k < s->type_count && strcmp(s->type[k].name, name) != 0) k++;
        if (k == TYPES_MAX) continue;
        if (k == s->type_count)
            s->type[s->type_count++] = (struct shown_type){.name = name, .computed = weight_type_of(t->type) != NULL};
        s->type[k].tensors++;
        s->type[k].bytes += t->bytes;
        s->parameters += t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
    }
}

static void hash_file(struct shown *s) {
    struct sha256 h;
    uint8_t digest[SHA256_BYTES];
    struct cli_progress progress;
    sha256_init(&h);
    cli_progress_start(&progress, "hashing");
    for (size_t at = 0; at < s->g.size;) {
        size_t n = s->g.size - at < HASH_STEP ? s->g.size - at : HASH_STEP;
        sha256_add(&h, s->g.file + at, n);
        at += n;
        cli_progress_show(&progress, at, s->g.size);
    }
    cli_progress_end(&progress);
    sha256_done(&h, digest);
    hex_encode(s->sha256, digest, sizeof digest);
}

static int look(struct shown *s, const char *path, struct why *why) {
    int r = gguf_open(&s->g, path, why);
    if (r != 0) return r;
    count_types(s);
    if (vocab_open(&s->v, &s->g, &s->no_vocab) != 0) s->v = NULL;
    if (s->v) template_detect(&s->chat, &s->g, s->v);
    hash_file(s);
    return 0;
}

/* ---- values as JSON; text output uses the same spelling ---- */

static json_t *json_text(struct gguf_str s) { return utf8_valid(s.p, s.n) ? json_stringn(s.p, s.n) : json_string("(not UTF-8)"); }

static json_t *json_value(const struct gguf *g, const struct gguf_kv *kv) {
    char key[GGUF_KEY_BYTES_MAX + 1];
    struct gguf_str text;
    uint32_t count;
    float real;
    int flag;
    memcpy(key, kv->key.p, kv->key.n);
    key[kv->key.n] = 0;
    if (kv->type == GGUF_ARRAY) {
        char about[64];
        snprintf(about, sizeof about, "%" PRIu64 " x %s", kv->count, gguf_type_name(kv->elem));
        return json_string(about);
    }
    if (gguf_text(g, key, &text, NULL) == 0) return json_text(text);
    if (gguf_bool(g, key, &flag, NULL) == 0) return json_boolean(flag);
    if (gguf_u32(g, key, 0, UINT32_MAX, &count, NULL) == 0) return json_integer(count);
    if (gguf_f32(g, key, -3.4e38f, 3.4e38f, &real, NULL) == 0) return json_real((double)real);
    return json_string(gguf_type_name(kv->type)); /* negative, very large or infinite */
}

static json_t *metadata(const struct gguf *g) {
    json_t *all = json_object();
    for (size_t i = 0; i < g->kv_count; i++) {
        char key[GGUF_KEY_BYTES_MAX + 1];
        memcpy(key, g->kv[i].key.p, g->kv[i].key.n);
        key[g->kv[i].key.n] = 0;
        json_object_set_new(all, key, json_value(g, &g->kv[i]));
    }
    return all;
}

static json_t *tokenizer(const struct shown *s) {
    if (!s->v) return json_pack("{s:s}", "unsupported", why_text(&s->no_vocab, ERR_UNSUPPORTED));
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:b}", "kind", vocab_kind(s->v) == VOCAB_SPM ? "spm" : "bpe", "pre",
                     vocab_pre(s->v), "tokens", (int)vocab_size(s->v), "bos", vocab_bos(s->v), "eos", vocab_eos(s->v), "adds_bos",
                     vocab_adds_bos(s->v));
}

static json_t *report(const struct shown *s, const char *path) {
    struct gguf_str arch = {"", 0}, name = {"", 0};
    json_t *types = json_object(), *all = json_object();
    (void)gguf_text(&s->g, "general.architecture", &arch, NULL);
    (void)gguf_text(&s->g, "general.name", &name, NULL);
    for (size_t i = 0; i < s->type_count; i++)
        json_object_set_new(types, s->type[i].name,
                            json_pack("{s:I, s:I, s:b}", "tensors", (json_int_t)s->type[i].tensors, "bytes",
                                      (json_int_t)s->type[i].bytes, "computed", s->type[i].computed));
    json_object_set_new(all, "file", utf8_valid(path, strlen(path)) ? json_string(path) : json_null());
    json_object_set_new(all, "bytes", json_integer((json_int_t)s->g.size));
    json_object_set_new(all, "sha256", json_string(s->sha256));
    json_object_set_new(all, "version", json_integer(s->g.version));
    json_object_set_new(all, "name", json_text(name));
    json_object_set_new(all, "architecture", json_text(arch));
    json_object_set_new(all, "parameters", json_integer((json_int_t)s->parameters));
    json_object_set_new(all, "tensors", json_integer((json_int_t)s->g.tensor_count));
    json_object_set_new(all, "types", types);
    json_object_set_new(all, "tokenizer", tokenizer(s));
    json_object_set_new(all, "template", json_string(template_name(s->chat.format)));
    json_object_set_new(all, "metadata", metadata(&s->g));
    return all;
}

/* One line per value; long texts are cut. json_dumps escapes control characters, so a file cannot write to the terminal. */
static void print_value(const char *indent, const char *key, const json_t *value) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    if (text)
        printf("%s%-*s %.*s%s\n", indent, (int)(24 - strlen(indent)), key, SHOWN_MAX, text,
               strlen(text) > SHOWN_MAX ? "..." : "");
    free(text);
}

static void print_plain(json_t *all) {
    const char *key, *inner;
    json_t *value, *part;
    json_object_foreach(all, key, value) {
        if (!json_is_object(value)) {
            print_value("", key, value);
            continue;
        }
        printf("%s\n", key);
        json_object_foreach(value, inner, part) print_value("  ", inner, part);
    }
}

int cmd_show(int argc, char **argv) {
    int json = 0;
    const struct opt opts[] = {
        {"json", OPT_FLAG, &json, NULL, "one JSON object", 0, 0},
        {0},
    };
    struct command_line c = {
        .command = "show",
        .arguments = "MODEL",
        .about = "Shows what a model file holds: metadata, sizes, tensor types, tokenizer, chat template, SHA-256.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct why why = {{0}};
    struct shown s = {0};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = look(&s, c.args[0], &why);
    if (r == 0) {
        json_t *all = report(&s, c.args[0]);
        if (json)
            json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)), printf("\n");
        else
            print_plain(all);
        json_decref(all);
    }
    vocab_close(s.v);
    gguf_close(&s.g);
    if (r != 0) fprintf(stderr, "lull show: %s\n", why_text(&why, r));
    return r == 0 ? terminal_output_end("show") : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
