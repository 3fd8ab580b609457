/* cli/cmd_run.c - `lull run MODEL "PROMPT"`: one answer from the local engine, streamed to standard output. */
#include "base/file.h"
#include "base/json.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/compute_device.h"
#include "cli/input.h"
#include "cli/model_load.h"
#include "cli/terminal.h"
#include "model/answer_record.h"
#include "model/gen.h"
#include "model/ids.h"

#include <stdio.h>
#include <string.h>

enum { TOOLS_BYTES_MAX = 1 << 20, FORMAT_BYTES_MAX = 1 << 16 }; /* as the APIs take */

/* What the options fill in. */
struct run_opts {
    int raw, json;
    const char *system, *kv, *arith, *device, *schema, *grammar, *tools, *template_options;
    struct gen_format format_wanted;     /* what schema or grammar holds */
    json_t *tools_given, *options_given; /* what tools and template_options hold */
    const struct device_ops *ops;        /* what device names */
    enum kv_format format;               /* what kv names */
    enum model_arith arithmetic;         /* what arith names */
    double temp, top_p, min_p, repeat, presence, frequency;
    uint32_t top_k, max_tokens, threads, context;
    uint32_t repeat_last_n;
    uint64_t seed;
    struct opt_list stop;
};

/* The answer as it grows; only --json keeps it. */
struct answer {
    const struct run_opts *o;
    struct buf text;
    struct ids ids;
    enum gen_stop stop;
};

static int take_event(struct answer *a, const struct gen_event *ev) {
    int r = ev->err;
    if (r == 0 && ev->id >= 0) r = ids_add(&a->ids, ev->id);
    if (r == 0 && a->o->json) r = buf_add(&a->text, ev->text, ev->text_len);
    if (!a->o->json && ev->text_len) {
        (void)terminal_write((const char *)ev->text, ev->text_len); /* answer_all looks at stdout's error */
    }
    a->stop = ev->stop;
    return r;
}

static int answer_all(struct gen_pool *p, struct answer *a) {
    struct gen_event ev;
    while (a->stop == STOP_NONE) {
        int n = gen_step(p, &ev, 1);
        if (n < 0) return n;
        int r = n ? take_event(a, &ev) : 0;
        if (r != 0) return r;
        if (ferror(stdout)) return ERR_IO;
    }
    return 0;
}

static int print_json(const struct answer *a, const struct gen_request *q, const struct gen *g, const struct model *m) {
    struct answer_record rec = {.ids = a->ids.id,
                                .count = a->ids.count,
                                .has_end = a->stop == STOP_END,
                                .at_start = gen_at_start(q),
                                .stop = a->stop,
                                .text = {(const char *)a->text.data, a->text.len},
                                .sampling = q->sampling,
                                .stop_count = q->stop_count,
                                .format = q->format,
                                .model_bytes = model_file_bytes(m)};
    struct buf line;
    rec.prompt = gen_prompt_ids(g, &rec.prompt_count);
    gen_times_of(g, &rec.times);
    gen_digest_chain(g, rec.chain);
    memcpy(rec.stops, q->stop, sizeof rec.stops);
    snprintf(rec.profile, sizeof rec.profile, "%s", model_profile(m, a->o->format));
    snprintf(rec.model, sizeof rec.model, "%s", model_name(m));
    int r = answer_record_write(&line, &rec);
    if (r == 0) printf("%.*s\n", (int)line.len, (const char *)line.data);
    buf_release(&line);
    return r;
}

static int run_pool(struct model *m, const struct gen_request *req, const struct run_opts *o, struct why *why) {
    static const uint8_t zeros[DIGEST_BYTES];
    struct gen_pool_opts po = {.threads = o->threads,
                               .slots = 1,
                               .context_max = o->context ? o->context : model_context_usual(m),
                               .kv = o->format,
                               .device = o->ops};
    struct gen_pool *p = NULL;
    struct gen *g = NULL;
    struct answer a = {.o = o};
    buf_init(&a.text, (size_t)1 << 30);
    ids_init(&a.ids, (size_t)1 << 28);
    int r = gen_pool_new(&p, m, &po, why);
    if (r == 0) r = gen_start(&g, p, req, NULL, o->json ? zeros : NULL, NULL, why);
    if (r == 0) r = answer_all(p, &a);
    if (r == 0 && o->json) r = print_json(&a, req, g, m);
    if (!o->json && g) printf("\n");
    gen_pool_free(p);
    buf_release(&a.text);
    ids_release(&a.ids);
    return r;
}

static int run_model(const char *path, struct gen_text prompt, const struct run_opts *o) {
    struct model *m = NULL;
    struct model_opts mo = {.threads = o->threads, .context = o->context, .arith = o->arithmetic};
    int status = cli_model_open(&m, "run", path, &mo);
    if (status != EXIT_OK) return status;
    struct gen_message messages[2];
    size_t count = 0;
    if (o->system) messages[count++] = (struct gen_message){ROLE_SYSTEM, {o->system, strlen(o->system)}};
    messages[count++] = (struct gen_message){ROLE_USER, prompt};
    struct gen_request req = {
        .messages = messages,
        .message_count = count,
        .extras = {.tools = o->tools_given, .options = o->options_given},
        .raw = o->raw,
        .text = prompt,
        .sampling = {(float)o->temp, (int32_t)o->top_k, (float)o->top_p, (float)o->min_p, (float)o->repeat, (float)o->presence,
                     (float)o->frequency, o->repeat_last_n > INT32_MAX ? -1 : (int32_t)o->repeat_last_n, o->seed},
        .stop_count = o->stop.count,
        .max_tokens = o->max_tokens,
        .format = o->format_wanted,
    };
    for (size_t i = 0; i < o->stop.count; i++) req.stop[i] = (struct gen_text){o->stop.item[i], strlen(o->stop.item[i])};
    struct why why = {{0}};
    int r = run_pool(m, &req, o, &why);
    status = terminal_output_end("run"); /* what was said of standard output needs no second line */
    if (r != 0 && status == EXIT_OK) fprintf(stderr, "lull run: %s\n", why_text(&why, r));
    model_close(m);
    if (status != EXIT_OK) return status;
    return r == 0 ? EXIT_OK : r == ERR_USAGE || r == ERR_RANGE ? EXIT_USAGE : EXIT_FAILED;
}

/* The prompt from standard input; in a conversation the line's end is not part of what was asked. */
static int run_input(const char *path, const struct run_opts *o) {
    struct buf b;
    struct why why = {{0}};
    int r = input_read(&b, VOCAB_TEXT_BYTES_MAX, &why), status = EXIT_FAILED;
    if (r != 0) fprintf(stderr, "lull run: %s\n", why_text(&why, r));
    while (r == 0 && !o->raw && b.len && (b.data[b.len - 1] == '\n' || b.data[b.len - 1] == '\r')) b.len--;
    if (r == 0) status = run_model(path, (struct gen_text){(const char *)b.data, b.len}, o);
    buf_release(&b);
    return status;
}

/* Reads the file of --schema or --grammar into b, which must outlive the answer. */
static int read_format(struct run_opts *o, struct buf *b, struct why *why) {
    if (o->schema && o->grammar) return why_set(why, ERR_USAGE, "--schema or --grammar, not both");
    const char *path = o->schema ? o->schema : o->grammar;
    if (!path) return 0;
    int r = file_read(b, path, FORMAT_BYTES_MAX, why);
    if (r == 0) o->format_wanted = (struct gen_format){o->schema ? FORMAT_SCHEMA : FORMAT_GBNF, {(const char *)b->data, b->len}};
    return r;
}

/* Reads the JSON of --tools or --template-options. *out is the caller's. */
static int read_extra(json_t **out, const char *option, const char *text, size_t n, int is_array, struct why *why) {
    int r = json_parse(out, text, n, NULL);
    if (r == 0 && (is_array ? json_is_array(*out) : json_is_object(*out))) return 0;
    json_decref(*out);
    *out = NULL;
    return why_set(why, ERR_USAGE, "--%s: not a JSON %s", option, is_array ? "array" : "object");
}

static int read_extras(struct run_opts *o, struct why *why) {
    struct buf file;
    if ((o->tools || o->template_options) && o->raw) return why_set(why, ERR_USAGE, "--raw uses no template");
    int r = o->template_options
                ? read_extra(&o->options_given, "template-options", o->template_options, strlen(o->template_options), 0, why)
                : 0;
    if (r != 0 || !o->tools) return r;
    r = file_read(&file, o->tools, TOOLS_BYTES_MAX, why);
    if (r == 0) r = read_extra(&o->tools_given, "tools", (const char *)file.data, file.len, 1, why);
    buf_release(&file);
    return r;
}

int cmd_run(int argc, char **argv) {
    static struct run_opts o = {.top_p = 1, .repeat = 1, .repeat_last_n = 64, .kv = "f16", .arith = "c1", .device = "cpu"};
    static const struct opt opts[] = {
        {"raw", OPT_FLAG, &o.raw, NULL, "no chat template: go on from the prompt itself", 0, 0},
        {"system", OPT_TEXT, &o.system, "TEXT", "a system message before the prompt", 0, 0},
        {"temp", OPT_REAL, &o.temp, "T", "temperature, 0 to 2; 0 always takes the likeliest token (0)", 0, 2},
        {"top-k", OPT_U32, &o.top_k, "N", "draw among the N likeliest tokens; 0: all (0)", 0, INT32_MAX},
        {"top-p", OPT_REAL, &o.top_p, "P", "draw among the likeliest that make up P together (1)", 0, 1},
        {"min-p", OPT_REAL, &o.min_p, "P", "drop tokens less than P times as likely as the likeliest (0)", 0, 1},
        {"repeat-penalty", OPT_REAL, &o.repeat, "R", "divide what was said already by R; 1: off (1)", 1e-6, 1e6},
        {"presence-penalty", OPT_REAL, &o.presence, "R", "subtract R from what was said already (0)", -1e6, 1e6},
        {"frequency-penalty", OPT_REAL, &o.frequency, "R", "subtract R for each time it was said (0)", -1e6, 1e6},
        {"repeat-last-n", OPT_U32, &o.repeat_last_n, "N", "tokens that penalties look back; 4294967295: all (64)", 0, 0},
        {"seed", OPT_U64, &o.seed, "N", "seed of the draws (0)", 0, 0},
        {"stop", OPT_LIST, &o.stop, "TEXT", "end before this text; may be repeated", 0, 0},
        {"schema", OPT_TEXT, &o.schema, "FILE", "answer with JSON that fits this JSON Schema", 0, 0},
        {"grammar", OPT_TEXT, &o.grammar, "FILE", "answer with a text of this GBNF grammar", 0, 0},
        {"tools", OPT_TEXT, &o.tools, "FILE", "tools for the model's chat template: a JSON array of definitions", 0, 0},
        {"template-options", OPT_TEXT, &o.template_options, "JSON",
         "variables for the chat template, such as {\"enable_thinking\": false}", 0, 0},
        {"max-tokens", OPT_U32, &o.max_tokens, "N", "longest answer in tokens; 0: what the context holds (0)", 0, 0},
        {"context", OPT_U32, &o.context, "N", "tokens of prompt and answer; 0: the model's, at most 8192 (0)", 0, 0},
        {"arith", OPT_TEXT, &o.arith, "NAME", cli_arith_help, 0, 0},
        {"kv", OPT_TEXT, &o.kv, "FORMAT",
         "keys and values in the cache: f16 or q8, half the memory; part of the arithmetic profile (f16)", 0, 0},
        {"device", OPT_TEXT, &o.device, "DEVICE", compute_device_help, 0, 0},
        {"threads", OPT_U32, &o.threads, "N", "compute threads; 0: one per core (0)", 0, 256},
        {"json", OPT_FLAG, &o.json, NULL, "one line of JSON at the end instead of the text: what lull replay --record takes", 0,
         0},
        {0},
    };
    struct command_line c = {.command = "run",
                             .arguments = "MODEL PROMPT",
                             .opts = opts,
                             .args_min = 2,
                             .args_max = 2,
                             .about = "Answers one prompt with the local engine. PROMPT - reads it from standard input."};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = kv_format_of(&o.format, o.kv, &why);
    if (r == 0) r = model_arith_of(&o.arithmetic, o.arith, &why);
    if (r == 0) r = compute_device_of(&o.ops, o.device, &why);
    struct buf format = {0};
    if (r == 0) r = read_format(&o, &format, &why);
    if (r == 0) r = read_extras(&o, &why);
    int status = EXIT_USAGE;
    if (r != 0)
        fprintf(stderr, "lull run: %s\n", why_text(&why, r));
    else if (strcmp(c.args[1], "-") == 0)
        status = run_input(c.args[0], &o);
    else
        status = run_model(c.args[0], (struct gen_text){c.args[1], strlen(c.args[1])}, &o);
    buf_release(&format);
    json_decref(o.tools_given);
    json_decref(o.options_given);
    return status;
}
