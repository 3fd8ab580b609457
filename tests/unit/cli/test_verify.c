/* A RECEIPT file of a real answer of the shipped model, honest and false: what is found without the model, and with it. Every
 * false one is signed by the node itself, so that only what it says can give it away. */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/verify.h"
#include "model/gen.h"
#include "model/model.h"
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

#include "api/request.h"

#include <unistd.h>

static const char model_file[] = "models/lull-toy-q8_0.gguf";
enum { TOKENS_MAX = 64 };
static struct {
    struct model *m;
    struct gen_pool *pool;
    struct fix_node node;
    /* the answer */
    struct api_request q;
    char body[512];
    int32_t id[TOKENS_MAX];
    uint8_t ids[4 * TOKENS_MAX], digests[32 * TOKENS_MAX], prompt_hash[32];
    uint32_t count, prompt_tokens;
    char text[4096];
    size_t text_n;
    enum gen_stop stop;
    uint8_t salt[32];
    struct transcript t;
} x;

static int begin(void) {
    struct gen_pool_opts o = {.threads = 1, .slots = 1, .context_max = 512};
    if (access(model_file, R_OK) != 0) return 0;
    memset(&x, 0, sizeof x);
    CHECK_INT(model_open(&x.m, model_file, NULL, NULL), 0);
    CHECK_INT(gen_pool_new(&x.pool, x.m, &o, NULL), 0);
    fix_node(&x.node, 1);
    struct manifest *mf = &x.node.record.models[0];
    model_file_sha256(x.m, mf->file_sha256);
    mf->file_bytes = model_file_bytes(x.m);
    mf->context = 512;
    snprintf(mf->profile, sizeof mf->profile, "%s", model_profile(x.m, KV_F16));
    CHECK_INT(record_sign(&x.node.record, x.node.identity_secret), 0);
    manifest_hash(x.node.model.manifest_hash, mf);
    memset(x.salt, 0x11, sizeof x.salt);
    return 1;
}
static void end(void) {
    api_request_free(&x.q);
    gen_pool_free(x.pool);
    model_close(x.m);
    fix_node_done(&x.node);
}

/* Lets the model answer; more: fields of the request besides model and messages. */
static void answer(const char *more) {
    struct api_error err;
    struct gen *g;
    struct gen_event ev;
    size_t prompt_n;
    api_request_free(&x.q);
    snprintf(x.body, sizeof x.body,
             "{\"model\":\"lull-toy:q8_0\",\"temperature\":0.7,\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky "
             "blue?\"}],%s}",
             more);
    CHECK_INT(api_request_parse(&x.q, API_V1_CHAT, x.body, strlen(x.body), &err), 0);
    x.q.gen.sampling.seed = 42;
    x.q.gen.template_time = FIX_NOW;
    CHECK_INT(gen_start(&g, x.pool, &x.q.gen, NULL, x.salt, NULL, NULL), 0);
    const int32_t *prompt = gen_prompt_ids(g, &prompt_n);
    x.prompt_tokens = (uint32_t)prompt_n;
    prompt_ids_hash(x.prompt_hash, prompt, prompt_n);
    x.count = 0, x.text_n = 0, x.stop = STOP_NONE;
    while (x.stop == STOP_NONE) {
        if (gen_step(x.pool, &ev, 1) != 1) continue;
        CHECK(ev.err == 0 && x.count < TOKENS_MAX && x.text_n + ev.text_len < sizeof x.text);
        memcpy(x.digests + 32 * (size_t)x.count, ev.logits_digest, 32);
        x.id[x.count++] = ev.id;
        if (ev.text_len) memcpy(x.text + x.text_n, ev.text, ev.text_len);
        x.text_n += ev.text_len;
        x.stop = ev.stop;
    }
    x.text[x.text_n] = 0;
    ids_pack(x.ids, x.id, x.count);
    gen_free(g);
}

/* The transcript of the first `count` ids with `text`; its receipt is what an honest node would sign for these. */
static void tell(uint32_t count, const char *text, uint8_t stop) {
    static uint8_t plain[4096];
    struct content c;
    struct opened o;
    struct envelope_secrets s;
    struct buf env;
    struct transcript *t = &x.t;
    fix_content(&c);
    c.body = (const uint8_t *)x.body;
    c.body_n = (uint32_t)strlen(x.body);
    c.so_far.count = 0;
    c.text_delivered = 0;
    memcpy(c.prompt_hash, x.prompt_hash, 32);
    CHECK_INT(fix_seal(&env, &s, &x.node, 1, &c), 0);
    CHECK_INT(fix_open(&x.node, env.data, env.len, plain, sizeof plain, &o), 0);
    buf_release(&env);
    *t = (struct transcript){.head = s.head,
                             .body = c.body,
                             .body_n = c.body_n,
                             .seed = c.seed,
                             .template_time = c.template_time,
                             .ids = {x.ids, count},
                             .digests = x.digests,
                             .text = (const uint8_t *)text,
                             .text_n = (uint32_t)strlen(text)};
    t->record = x.node.record;
    strcpy(t->method, c.method);
    strcpy(t->path, c.path);
    strcpy(t->type, c.type);
    memcpy(t->salt, c.salt, 32);
    memcpy(t->prompt_hash, c.prompt_hash, 32);
    fix_receipt(&t->receipt, &x.node, &o, &t->ids, x.digests, text);
    snprintf(t->receipt.profile, sizeof t->receipt.profile, "%s", x.node.record.models[0].profile);
    t->receipt.sampler = RECEIPT_SAMPLER(&x.q.gen.sampling);
    t->receipt.prompt_tokens = x.prompt_tokens;
    t->receipt.stop = stop;
    CHECK_INT(receipt_sign(&t->receipt, x.node.receipt_secret), 0);
}
static int judged(const char *model) {
    struct verdict v;
    struct buf file;
    buf_init(&file, TRANSCRIPT_BYTES_MAX);
    CHECK_INT(transcript_write(&file, &x.t), 0);
    CHECK_INT(verify_receipt(&v, file.data, file.len, model ? &(struct replay_how){.model = model} : NULL, NULL, NULL), 0);
    CHECK(v.readable);
    CHECK_INT(v.replayed, v.err == 0 ? model != NULL : v.replayed);
    buf_release(&file);
    return v.err;
}
/* Nothing is wrong with it that can be seen without the model; with it, `want` is. */
static void replays_to(int want) {
    CHECK_INT(judged(NULL), 0);
    CHECK_INT(judged(model_file), want);
}

TEST(a_text_that_its_ids_do_not_say_does_not_replay) {
    char text[sizeof x.text + 16];
    if (!begin()) SKIP("models/lull-toy-q8_0.gguf is not here");
    answer("\"max_tokens\":12");
    CHECK(x.stop == STOP_LENGTH && x.text_n > 10);
    tell(x.count, x.text, SEAL_STOP_LENGTH);
    replays_to(0);
    snprintf(text, sizeof text, "%s", x.text);
    text[3] ^= 1;
    tell(x.count, text, SEAL_STOP_LENGTH);
    replays_to(BAD_TEXT);
    snprintf(text, sizeof text, "%s and more", x.text);
    tell(x.count, text, SEAL_STOP_LENGTH);
    replays_to(BAD_TEXT);
    tell(x.count, "", SEAL_STOP_LENGTH);
    replays_to(BAD_TEXT);
    tell(x.count, x.text, SEAL_STOP_LENGTH); /* what is shown beside it must be what was signed for */
    text[0] ^= 1;
    x.t.text = (const uint8_t *)text;
    CHECK_INT(judged(NULL), BAD_TEXT);
    end();
}

/* The text of the first so many ids, as a node that cuts short would show it. */
static const char *text_of(uint32_t count) {
    static char out[sizeof x.text];
    struct gen *g;
    struct gen_resume res = {.ids = x.id, .count = count};
    size_t n;
    CHECK_INT(gen_start(&g, x.pool, &x.q.gen, &res, NULL, NULL, NULL), 0);
    const uint8_t *text = gen_resumed_text(g, &n);
    memcpy(out, text, n);
    out[n] = 0;
    gen_free(g);
    return out;
}

TEST(an_answer_cut_short_does_not_replay) {
    char stop[128];
    if (!begin()) SKIP("models/lull-toy-q8_0.gguf is not here");
    answer("\"max_tokens\":12");
    for (uint8_t why = SEAL_STOP_END; why <= SEAL_STOP_LAST; why++) {
        tell(7, text_of(7), why);
        replays_to(BAD_STOP);
        tell(12, x.text, why);
        replays_to(why == SEAL_STOP_LENGTH ? 0 : BAD_STOP);
    }
    char word[8] = {0};
    memcpy(word, x.text + x.text_n / 2, 4);
    for (char *c = word; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) *c = 'e';
    snprintf(stop, sizeof stop, "\"max_tokens\":12,\"stop\":[\"%s\"]", word);
    answer(stop);
    uint8_t honest = x.stop == STOP_STRING ? SEAL_STOP_STRING : SEAL_STOP_LENGTH;
    CHECK_INT(x.stop, STOP_STRING);
    for (uint8_t why = SEAL_STOP_END; why <= SEAL_STOP_LAST; why++) {
        tell(x.count, x.text, why);
        replays_to(why == honest ? 0 : BAD_STOP);
    }
    tell(x.count - 1, text_of(x.count - 1), SEAL_STOP_STRING);
    replays_to(BAD_STOP);
    end();
}

TEST(parameters_that_the_request_does_not_ask_for_are_found_without_the_model) {
    if (!begin()) SKIP("models/lull-toy-q8_0.gguf is not here");
    answer("\"max_tokens\":3");
#define SAMPLED(change)                                                  \
    do {                                                                 \
        tell(x.count, x.text, SEAL_STOP_LENGTH);                         \
        x.t.receipt.sampler.change;                                      \
        CHECK_INT(receipt_sign(&x.t.receipt, x.node.receipt_secret), 0); \
        CHECK_INT(judged(NULL), BAD_SAMPLER);                            \
    } while (0)
    SAMPLED(temperature = 0);
    SAMPLED(top_p = 0.5f);
    SAMPLED(min_p = 0.5f);
    SAMPLED(repeat_penalty = 1.5f);
    SAMPLED(presence_penalty = 1);
    SAMPLED(frequency_penalty = 1);
    SAMPLED(top_k = 1);
    SAMPLED(repeat_last_n = 3);
    SAMPLED(seed = 41);
#undef SAMPLED
    tell(x.count, x.text, SEAL_STOP_LENGTH);
    x.t.receipt.prompt_tokens++;
    CHECK_INT(receipt_sign(&x.t.receipt, x.node.receipt_secret), 0);
    replays_to(BAD_COUNTS);
    end();
}

/* `lull replay RECEIPT MODEL` on what x.t holds now. */
static int replay_command(const char *model) {
    char path[128], program[] = "replay", json[] = "--json", file_arg[128], model_arg[128];
    struct buf file;
    buf_init(&file, TRANSCRIPT_BYTES_MAX);
    CHECK_INT(transcript_write(&file, &x.t), 0);
    snprintf(path, sizeof path, "/tmp/lull-receipt-%d", (int)getpid());
    CHECK_INT(file_write(path, file.data, file.len, 0600, NULL), 0);
    buf_release(&file);
    snprintf(file_arg, sizeof file_arg, "%s", path);
    snprintf(model_arg, sizeof model_arg, "%s", model);
    char *argv[] = {program, file_arg, model_arg, json, NULL};
    int status = cmd_replay(4, argv);
    unlink(path);
    return status;
}

TEST(the_command_replay_judges_receipts_as_verify_does) {
    char text[sizeof x.text];
    if (!begin()) SKIP("models/lull-toy-q8_0.gguf is not here");
    answer("\"max_tokens\":12");
    tell(x.count, x.text, SEAL_STOP_LENGTH);
    CHECK_INT(replay_command(model_file), EXIT_OK);
    CHECK_INT(replay_command("/nonexistent"), EXIT_MALFORMED);
    CHECK_INT(replay_command("LICENSE"), EXIT_MALFORMED);
    snprintf(text, sizeof text, "%s", x.text);
    text[3] ^= 1;
    tell(x.count, text, SEAL_STOP_LENGTH);
    CHECK_INT(replay_command(model_file), EXIT_INVALID);
    end();
}

TESTS_MAIN("verify", T(a_text_that_its_ids_do_not_say_does_not_replay), T(an_answer_cut_short_does_not_replay),
           T(parameters_that_the_request_does_not_ask_for_are_found_without_the_model),
           T(the_command_replay_judges_receipts_as_verify_does))
