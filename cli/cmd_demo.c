/* cli/cmd_demo.c - `lull demo`: a coordinator, three nodes of two operators and a gateway on this machine; one question, its node
 * killed in the middle of the answer, the coordinator's memory searched, the receipt replayed. Every line it ends with was
 * measured in this run; anything that does not hold ends it with an error. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/secret.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/first_token.h"
#include "cli/terminal.h"
#include "cli/verify.h"
#include "cli/world.h"
#include "seal/transcript.h"

enum {
    KILL_AFTER = 12,
    SEARCH_AFTER = 24,
    TOKENS_WANTED = 100,
    SEEDS_TRIED = 8,
    FIRST_TOKEN_RUNS = 100,
    ANSWER_IDS_MAX = 4096,
    WINDOW = 12,
    ANSWER_SHOWN = 200
};

struct answer {
    struct buf text;
    int32_t ids[ANSWER_IDS_MAX];
    size_t id_count;
    uint32_t from; /* first position of the node that signed the receipt */
    char receipt[80];
};
struct demo {
    struct world w;
    char model_file[WORLD_PATH], word[16], prompt[160];
    const char *model_name;
    int json, deltas, killed, searched;
    uint64_t seed;
    struct answer undisturbed, answer;
    struct patterns *prompt_pattern, *answer_patterns;
    uint64_t prompt_hits, answer_hits, control_hits;
    struct first_token first;
    struct verdict verdict;
};

static void say(const struct demo *d, const char *text) {
    if (d->json) return;
    fputs(text, stdout);
    fflush(stdout);
}

/* A name that no text of ours contains, so that finding it means finding this prompt. */
static void random_word(char out[16]) {
    static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
    uint8_t r[10];
    random_bytes(r, sizeof r);
    for (int i = 0; i < 10; i++) out[i] = i % 2 ? vowels[r[i] % 5] : consonants[r[i] % 14];
    out[0] = (char)(out[0] - 'a' + 'A');
    out[10] = 0;
}

/* ---- one question ---- */

/* Ctrl-C reaches the daemons too, which leave; the demo then fails in good order and removes its folder. */
static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

static int stop_asked(void *arg) {
    (void)arg;
    return interrupted;
}

static void search(struct demo *d, const struct proc *p, const struct patterns *s, uint64_t *hits) {
    uint64_t found, read;
    if (proc_search(p, s, &found, &read) == 0 && read > 1 << 20) *hits += found, d->searched++;
}

static void search_all(struct demo *d) {
    search(d, &d->w.coordinator, d->prompt_pattern, &d->prompt_hits);
    search(d, &d->w.coordinator, d->answer_patterns, &d->answer_hits);
}

static void kill_serving_node(struct demo *d) {
    int at = world_serving(&d->w);
    if (at < 0) return;
    proc_stop(&d->w.nodes[at], SIGKILL, 2000);
    d->killed++;
    int shown = isatty(STDOUT_FILENO); /* where it happened: in the story itself, or beside it */
    if (!d->json) fputs(shown ? "\033[2m[node killed here]\033[0m" : "[node killed here]\n", shown ? stdout : stderr);
}

static void on_text(void *arg, const char *text, size_t n) {
    struct demo *d = arg;
    (void)buf_add(&d->answer.text, text, n);
    if (!d->json) (void)terminal_write(text, n);
    d->deltas++;
    if (d->deltas >= KILL_AFTER && !d->killed) kill_serving_node(d);
    if (d->deltas == SEARCH_AFTER) { /* the stream runs on another node by now */
        search_all(d);
        search(d, &d->w.gateway, d->prompt_pattern, &d->control_hits);
        search(d, &d->w.gateway, d->answer_patterns, &d->control_hits);
    }
    fflush(stdout);
}

static void on_text_quietly(void *arg, const char *text, size_t n) {
    struct demo *d = arg;
    (void)buf_add(&d->undisturbed.text, text, n);
}

static int fetch_ids(struct demo *d, struct answer *a, struct buf *file, struct why *why) {
    char path[128];
    snprintf(path, sizeof path, "/lull/receipts/%s", a->receipt);
    if (world_get(&d->w, path, file) != 0) return why_set(why, ERR_NOTFOUND, "the gateway has no receipt %.60s", a->receipt);
    struct transcript *t = malloc(sizeof *t);
    int r = t ? transcript_read(file->data, file->len, t) : ERR_NOMEM;
    if (r == 0 && t->ids.count > ANSWER_IDS_MAX) r = ERR_LIMIT;
    if (r == 0) ids_unpack(a->ids, &t->ids);
    if (r == 0) a->id_count = t->ids.count, a->from = t->receipt.from;
    free(t);
    return r == 0 ? 0 : why_set(why, r, "receipt: %s", err_text(r));
}

static int ask_once(struct demo *d, struct answer *a, void (*each)(void *, const char *, size_t), struct why *why) {
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:b, s:f, s:I, s:i}", "model", d->model_name, "messages", "role", "user",
                             "content", d->prompt, "stream", 1, "temperature", 0.8, "seed", (json_int_t)d->seed, "max_tokens",
                             400);
    if (!body) return ERR_NOMEM;
    buf_release(&a->text);
    buf_init(&a->text, 1 << 20);
    struct ask ask = {.gateway = d->w.gateway_at, .body = body, .on_text = each, .should_stop = stop_asked, .arg = d};
    int r = ask_run(&ask, why);
    snprintf(a->receipt, sizeof a->receipt, "%s", ask.receipt);
    json_decref(body);
    struct buf file;
    if (r == 0) r = fetch_ids(d, a, &file, why);
    if (r == 0) buf_release(&file);
    return r;
}

/* A seed whose undisturbed answer is long enough to be cut in the middle. */
static int ask_undisturbed(struct demo *d, struct why *why) {
    int r = 0;
    for (d->seed = 1; r == 0 && d->seed <= SEEDS_TRIED; d->seed++) {
        r = ask_once(d, &d->undisturbed, on_text_quietly, why);
        if (r == 0 && d->undisturbed.id_count >= TOKENS_WANTED) return 0;
    }
    return r ? r : why_set(why, ERR_RANGE, "no answer of %d tokens in %d tries", TOKENS_WANTED, SEEDS_TRIED);
}

static int make_patterns(struct demo *d) {
    const struct answer *a = &d->undisturbed;
    int r = patterns_new(&d->prompt_pattern, 1);
    if (r == 0) r = patterns_add(d->prompt_pattern, d->word, strlen(d->word));
    if (r == 0) r = patterns_new(&d->answer_patterns, a->text.len + 2 * a->id_count);
    if (r == 0) r = patterns_add_windows(d->answer_patterns, a->text.data, a->text.len, WINDOW);
    for (size_t i = 0; r == 0 && i + 4 <= a->id_count; i++) { /* four ids in a row, as an engine holds them and as they travel */
        uint8_t wire[16];
        ids_pack(wire, a->ids + i, 4);
        r = patterns_add(d->answer_patterns, a->ids + i, 16);
        if (r == 0) r = patterns_add(d->answer_patterns, wire, 16);
    }
    return r;
}

/* ---- what is shown, checked ---- */

static int verify_answer(struct demo *d, struct why *why) {
    struct buf file;
    int r = fetch_ids(d, &d->answer, &file, why);
    if (r != 0) return r;
    r = verify_receipt(&d->verdict, file.data, file.len, &(struct replay_how){.model = d->model_file}, NULL, why);
    buf_release(&file);
    return r;
}

static int judge(const struct demo *d, struct why *why) {
    const struct answer *a = &d->answer, *u = &d->undisturbed;
    if (d->killed != 1) return why_set(why, ERR_INTERNAL, "the serving node was not found in time to be killed");
    if (a->from == 0) return why_set(why, ERR_INTERNAL, "the answer ended before the kill took effect: nothing was resumed");
    if (a->id_count != u->id_count || memcmp(a->ids, u->ids, a->id_count * sizeof a->ids[0]) != 0 || a->text.len != u->text.len ||
        memcmp(a->text.data, u->text.data, a->text.len) != 0)
        return why_set(why, ERR_AUTH, "failover: the tokens are NOT those of the undisturbed answer");
    if (d->searched != 6) return why_set(why, ERR_IO, "memory could not be searched");
    if (d->prompt_hits || d->answer_hits)
        return why_set(why, ERR_AUTH, "coordinator memory: prompt %llu hits, answer %llu hits",
                       (unsigned long long)d->prompt_hits, (unsigned long long)d->answer_hits);
    if (!d->control_hits)
        return why_set(why, ERR_INTERNAL, "the control found nothing in the gateway: the search proves nothing");
    if (d->verdict.err != 0 || !d->verdict.replayed) return why_set(why, ERR_AUTH, "receipt: %s", err_text(d->verdict.err));
    return 0;
}

static int show(struct demo *d, struct why *why) {
    say(d, "asking once, undisturbed, to know what the answer must be ...\n");
    int r = ask_undisturbed(d, why);
    if (r == 0) r = make_patterns(d);
    if (r != 0) return r;
    say(d, "asking again; the node that answers will be killed. The fox's odd name is what the memory is searched for:\n\n> ");
    say(d, d->prompt);
    say(d, "\n");
    r = ask_once(d, &d->answer, on_text, why);
    say(d, "\n\n");
    if (r == 0) search_all(d);
    if (r == 0) r = verify_answer(d, why);
    if (r == 0) r = judge(d, why);
    if (r != 0) return r;
    d->first = (struct first_token){.gateway = d->w.gateway_at,
                                    .model_name = d->model_name,
                                    .model_file = d->model_file,
                                    .runs = FIRST_TOKEN_RUNS,
                                    .threads = 1};
    return first_token_measure(&d->first, why);
}

/* On one line, its beginning when it is long: the whole of it was shown as it came. */
static void print_answer_escaped(const struct buf *t) {
    size_t cut = 0, chars = 0;
    for (; cut < t->len && chars < ANSWER_SHOWN; cut++) chars += (t->data[cut] & 0xc0) != 0x80;
    while (cut < t->len && (t->data[cut] & 0xc0) == 0x80) cut++;
    struct buf q;
    buf_init(&q, 8 << 20);
    if (json_quote(&q, (const char *)t->data, cut) == 0 && q.len >= 2)
        printf("answer: %.*s%s\n", (int)(q.len - 2), (char *)q.data + 1, cut < t->len ? "\xe2\x80\xa6" : "");
    buf_release(&q);
}

static void print_lines(const struct demo *d) {
    print_answer_escaped(&d->answer.text);
    printf("failover: 1 node killed mid-answer, tokens identical: yes\n");
    printf("coordinator memory: prompt %llu hits, answer %llu hits (control in gateway: %llu hits)\n",
           (unsigned long long)d->prompt_hits, (unsigned long long)d->answer_hits, (unsigned long long)d->control_hits);
    printf("receipt: valid, replay exact (%u tokens)\n", d->verdict.tokens);
    printf("added to first token: p50 %.2f ms, p99 %.2f ms over the local engine\n", d->first.added_p50, d->first.added_p99);
    printf("demo: ok\n");
}

static void print_json(const struct demo *d) {
    json_t *j = json_pack("{s:s%, s:I, s:i, s:b, s:i, s:I, s:I, s:I, s:b, s:i, s:f, s:f, s:b}", "answer",
                          (char *)d->answer.text.data, d->answer.text.len, "tokens", (json_int_t)d->answer.id_count,
                          "nodes_killed", d->killed, "tokens_identical", 1, "resumed_at", (int)d->answer.from,
                          "coordinator_prompt_hits", (json_int_t)d->prompt_hits, "coordinator_answer_hits",
                          (json_int_t)d->answer_hits, "gateway_control_hits", (json_int_t)d->control_hits, "receipt_valid", 1,
                          "replayed_tokens", (int)d->verdict.tokens, "added_first_token_p50_ms", d->first.added_p50,
                          "added_first_token_p99_ms", d->first.added_p99, "ok", 1);
    struct buf b;
    if (j && json_print(&b, j, 8 << 20) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

static int run_demo(struct demo *d, struct why *why) {
    char program[WORLD_PATH];
    int r = world_own_program(program);
    if (r == 0 && !d->model_file[0] && world_shipped_model(d->model_file) != 0)
        r = why_set(why, ERR_NOTFOUND, "models/lull-toy-q8_0.gguf not found: run it in the source folder, or after make install");
    struct world_opts o = {.lull = program, .model = d->model_file, .nodes = 3, .operators = 2, .how = PROC_SEARCHABLE};
    random_word(d->word);
    snprintf(d->prompt, sizeof d->prompt, "Tell me a long story about a fox named %s and a lantern.", d->word);
    if (r == 0) {
        say(d, "starting one coordinator, three nodes of two operators and one gateway on loopback ...\n");
        r = world_start(&d->w, &o, why);
    }
    if (r == 0) r = show(d, why);
    world_stop(&d->w);
    return r;
}

int cmd_demo(int argc, char **argv) {
    static struct demo d;
    const struct opt rows[] = {{"json", OPT_FLAG, &d.json, NULL, "one JSON line instead of the story", 0, 0}, {0}};
    struct command_line line = {
        .command = "demo",
        .arguments = "",
        .opts = rows,
        .about = "Shows the whole system on this machine: sealed question, killed node, searched memory, replayed receipt."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    d.model_name = "lull-toy:q8_0";
    if (r == 0) r = run_demo(&d, &why);
    if (r == 0 && d.json)
        print_json(&d);
    else if (r == 0)
        print_lines(&d);
    else if (interrupted)
        fprintf(stderr, "lull demo: interrupted\n");
    else
        fprintf(stderr, "lull demo: %s\n", why_text(&why, r));
    buf_release(&d.undisturbed.text);
    buf_release(&d.answer.text);
    patterns_free(d.prompt_pattern);
    patterns_free(d.answer_patterns);
    return r == 0 ? EXIT_OK : interrupted ? EXIT_INTERRUPTED : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
