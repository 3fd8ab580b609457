/* tests/e2e/e2e_cli.c - the commands that need no network, as a user types them: output, JSON, exit status, error sentences. */
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/e2e/tap.h"

#define MODEL "models/lull-toy-q8_0.gguf"
static char dir[64], out[1 << 20];
static size_t out_n;

/* Runs `lull ARGS` in an empty home; output in out. Returns the exit status. */
static int lull(const char *args) {
    char cmd[1200];
    const char *bin = getenv("LULL_BIN");
    snprintf(cmd, sizeof cmd, "HOME=%s %s %s", dir, bin ? bin : "build/lull", args);
    FILE *p = popen(cmd, "r");
    out_n = p ? fread(out, 1, sizeof out - 1, p) : 0;
    out[out_n] = 0;
    int status = p ? pclose(p) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int says(const char *args, int status, const char *text) {
    int got = lull(args);
    int good = got == status && strstr(out, text);
    return tap_ok(good, "lull %.80s: exit %d%s%.200s", args, status, good ? "" : " but got ", good ? "" : out);
}

static void stories(void) {
    char args[512];
    struct buf expected;
    if (file_read(&expected, "tests/data/stories260K/expected_greedy_n200.txt", 4096, NULL) != 0) {
        tap_skip("stories260K", "tests/data/stories260K is not there");
        return;
    }
    snprintf(args, sizeof args,
             "model from-llama2c tests/data/stories260K/stories260K.bin tests/data/stories260K/tok512.bin %s/s.gguf 2>&1", dir);
    says(args, 0, "");
    snprintf(args, sizeof args, "run %s/s.gguf \"\" --raw --max-tokens 200", dir);
    lull(args);
    tap_ok(out_n == expected.len + 1 && memcmp(out, expected.data, expected.len) == 0 && out[expected.len] == '\n',
           "stories260K tells its story word for word");
    buf_release(&expected);
}

static void run_in_a_form(void) {
    char args[512], path[128];
    snprintf(path, sizeof path, "%s/form", dir);
    tap_ok(file_write(path, "root ::= \"yes\" | \"no\"", 21, 0600, NULL) == 0, "a grammar is written");
    snprintf(args, sizeof args, "run " MODEL " \"What is 23 + 45?\" --grammar %s", path);
    tap_ok(lull(args) == 0 && (strcmp(out, "yes\n") == 0 || strcmp(out, "no\n") == 0), "run --grammar says %.20s", out);
    static const char schema[] = "{\"type\":\"object\",\"properties\":{\"sum\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":"
                                 "99}},\"required\":[\"sum\"]}";
    tap_ok(file_write(path, schema, sizeof schema - 1, 0600, NULL) == 0, "a schema is written");
    snprintf(args, sizeof args, "run " MODEL " \"What is 23 + 45?\" --schema %s", path);
    int status = lull(args);
    json_t *j = json_loads(out, 0, NULL), *sum = json_object_get(j, "sum");
    tap_ok(status == 0 && json_is_integer(sum) && json_integer_value(sum) >= 0 && json_integer_value(sum) <= 99,
           "run --schema says %.60s", out);
    json_decref(j);
    snprintf(args, sizeof args, "run " MODEL " hi --grammar %s 2>&1", path);
    says(args, 1, "lull run: ");
    snprintf(args, sizeof args, "run " MODEL " hi --grammar %s/none 2>&1", dir);
    says(args, 2, "none");
}

static void run_json(void) {
    static const char *const keys[] = {"text",     "tokens",      "prompt_tokens", "prompt_ids", "logits_digest",
                                       "profile",  "stop_reason", "prefill_tps",   "decode_tps", "prefill_s",
                                       "decode_s", "model",       "sampling",      "at_start"};
    char first[80] = "";
    for (int threads = 1; threads <= 2; threads++) {
        char args[200];
        snprintf(args, sizeof args, "run " MODEL " \"What is 23 + 45?\" --json --threads %d", threads);
        lull(args);
        json_t *j = json_loads(out, 0, NULL);
        int all = j != NULL;
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) all = all && json_object_get(j, keys[i]);
        const char *digest = json_string_value(json_object_get(j, "logits_digest")),
                   *text = json_string_value(json_object_get(j, "text"));
        tap_ok(all && text && strstr(text, "68") && strcmp(json_string_value(json_object_get(j, "stop_reason")), "stop") == 0,
               "run --json has its keys and the answer");
        if (threads == 1)
            snprintf(first, sizeof first, "%s", digest ? digest : "");
        else
            tap_ok(digest && strcmp(first, digest) == 0, "two threads give the digest of one");
        json_decref(j);
    }
}

static void run_with_tools(void) {
    char args[400], file[100];
    snprintf(file, sizeof file, "%s/tools", dir);
    tap_ok(file_write(file, "[{\"name\":\"f\"}]", 14, 0600, NULL) == 0, "a list of tools is written");
    snprintf(args, sizeof args, "run " MODEL " hi --tools %s 2>&1", file);
    says(args, 1, "lull run: this model's chat template has no words for tools");
    says("run " MODEL " hi --max-tokens 1 --template-options '{\"enable_thinking\":false}' 2>&1", 0, "");
    says("run " MODEL " hi --template-options '[]' 2>&1", 2, "--template-options: not a JSON object");
    snprintf(args, sizeof args, "run " MODEL " hi --tools " MODEL " 2>&1");
    says(args, 2, "larger than");
    snprintf(args, sizeof args, "run " MODEL " hi --raw --tools %s 2>&1", file);
    says(args, 2, "--raw uses no template");
}

/* Computing an answer again, from the line that run printed. */
static void replays(void) {
    char args[400], file[100];
    snprintf(file, sizeof file, "%s/record", dir);
    snprintf(args, sizeof args, "run " MODEL " \"Tell me a story.\" --json --temp 0.5 --seed 3 --max-tokens 40 --stop zzz > %s",
             file);
    says(args, 0, "");
    snprintf(args, sizeof args, "replay " MODEL " --record %s", file);
    says(args, 0, "exact: every one of ");
    tap_ok(strstr(out, "times as fast as they were generated") != NULL, "and says how fast: %.200s", out);
    snprintf(args, sizeof args, "replay " MODEL " --record - --threads 1 --json < %s", file);
    says(args, 0, "\"verdict\":\"valid\"");
    snprintf(args, sizeof args, "replay %s/tiny.gguf --record %s 2>&1", dir, file);
    says(args, 30, "another size");
    struct buf b;
    char *seed = NULL;
    if (file_read(&b, file, 1 << 20, NULL) == 0) {
        seed = memmem(b.data, b.len, "\"temperature\":0.5", 17);
        if (seed) seed[14] = '1';
        seed = seed && file_write(file, b.data, b.len, 0600, NULL) == 0 ? seed : NULL;
        snprintf(args, sizeof args, "replay " MODEL " --record %s", file);
        says(args, 10, "wrong: the model gives other tokens\nfirst difference at output position ");
        if (file_write(file, b.data, b.len - 20, 0600, NULL) != 0) seed = NULL;
        buf_release(&b);
    }
    tap_ok(seed != NULL, "the record was changed, and cut");
    snprintf(args, sizeof args, "replay " MODEL " --record %s 2>&1", file);
    says(args, 30, "not a record");
    says("replay LICENSE " MODEL " 2>&1", 30, "not a receipt");
    says("replay /nonexistent " MODEL " --json 2>/dev/null", 30, "\"verdict\":\"not judged\"");
    says("replay " MODEL " 2>&1", 2, "--record");
    says("replay a b --record c 2>&1", 2, "only MODEL is left");
}

/* The format of keys and values is part of the profile: another id, other logits, the same on any number of threads. */
static void kv_formats(void) {
    char digest[3][80] = {"", "", ""};
    static const char *const options[] = {"--kv f16", "--kv q8 --threads 1", "--kv q8 --threads 2"};
    for (int i = 0; i < 3; i++) {
        char args[200];
        snprintf(args, sizeof args, "run " MODEL " \"Tell me a story.\" --max-tokens 40 --json %s 2>/dev/null", options[i]);
        lull(args);
        json_t *j = json_loads(out, 0, NULL);
        const char *d = json_string_value(json_object_get(j, "logits_digest")),
                   *id = json_string_value(json_object_get(j, "profile"));
        tap_ok(d && id && strcmp(id, i ? "C1-q8" : "C1-f16") == 0, "run %s names its profile", options[i]);
        snprintf(digest[i], sizeof digest[i], "%s", d ? d : "");
        json_decref(j);
    }
    tap_ok(strcmp(digest[1], digest[2]) == 0 && strcmp(digest[0], digest[1]) != 0,
           "q8 has logits of its own, the same on two threads");
    says("run " MODEL " hi --kv q4 2>&1", 2, "f16 or q8");
    char args[300];
    snprintf(args, sizeof args, "node --coordinator 127.0.0.1:1 --model " MODEL " --kv int4 --data %s/node 2>&1", dir);
    says(args, 2, "f16 or q8");
}

/* So is the arithmetic of the large products, and a replay takes the one that the record names. */
static void arithmetics(void) {
    char args[400], file[100], of_two[80];
    snprintf(file, sizeof file, "%s/row8", dir);
    snprintf(args, sizeof args, "run " MODEL " \"Tell me a story.\" --max-tokens 40 --json --arith row8 --threads 1 > %s", file);
    says(args, 0, "");
    says("run " MODEL " \"Tell me a story.\" --max-tokens 40 --json --arith row8 --threads 2", 0, "\"profile\":\"C1-row8-f16\"");
    json_t *one = json_load_file(file, 0, NULL), *two = json_loads(out, 0, NULL);
    const char *a = json_string_value(json_object_get(one, "logits_digest")),
               *b = json_string_value(json_object_get(two, "logits_digest"));
    snprintf(of_two, sizeof of_two, "%s", b ? b : "");
    tap_ok(a && strcmp(a, of_two) == 0, "row8 has the same logits on two threads");
    json_decref(one), json_decref(two);
    snprintf(args, sizeof args, "replay " MODEL " --record %s", file);
    says(args, 0, "exact: every one of ");
    says("run " MODEL " hi --arith row9 2>&1", 2, "c1, row8 or row8-fold");
    says("bench " MODEL " --threads 1 --prompt 8 --gen 2 --repeat 1 --arith row8 --json", 0, "\"profile\":\"C1-row8-f16\"");
    snprintf(args, sizeof args, "model make --shape tiny-mixtral --type q8_0 %s/experts.gguf 2>&1", dir);
    says(args, 0, "");
    snprintf(args, sizeof args, "run %s/experts.gguf hi --arith row8 2>&1", dir);
    says(args, 1, "which experts are asked would reveal the tokens");
}

static void kernels(void) {
    char first[80] = "";
    static const char *const names[] = {"plain", "avx2", "avx512vnni"};
    for (int i = 0; i < 3; i++) {
        char env[64];
        setenv("LULL_KERNELS", names[i], 1);
        int status = lull("run " MODEL " \"Tell me a story.\" --max-tokens 40 --json 2>/dev/null");
        snprintf(env, sizeof env, "LULL_KERNELS=%s", names[i]);
        json_t *j = json_loads(out, 0, NULL);
        const char *digest = json_string_value(json_object_get(j, "logits_digest"));
        if (status == 2 && i)
            tap_skip(env, "this processor does not have it");
        else {
            if (i == 0) snprintf(first, sizeof first, "%s", digest ? digest : "");
            tap_ok(digest && strcmp(digest, first) == 0, "%s gives the same logits", env);
        }
        json_decref(j);
    }
    setenv("LULL_KERNELS", "sse9", 1);
    says("run " MODEL " hi 2>&1", 2, "avx512vnni");
    unsetenv("LULL_KERNELS");
}

/* A model with one matrix of a type that is known and not computed with: shown, and refused by name. */
static void foreign_type(void) {
    char args[300], path[100];
    struct buf f;
    snprintf(args, sizeof args, "model make --shape tiny --type f16 %s/odd.gguf 2>&1", dir);
    says(args, 0, "");
    says(args, 1, "--force overwrites it");
    snprintf(path, sizeof path, "%s/odd.gguf", dir);
    int patched = 0;
    if (file_read(&f, path, 256 << 20, NULL) == 0) {
        uint8_t *at = memmem(f.data, f.len, "blk.0.attn_q.weight",
                             19); /* name, dimensions (u32), two lengths (u64), type (u32) */
        patched = at && at[19] == 2 && at[39] == 1;
        if (patched) at[39] = 25; /* I16, as wide as F16 */
        patched = patched && file_write(path, f.data, f.len, 0600, NULL) == 0;
        buf_release(&f);
    }
    tap_ok(patched, "a model of another type");
    snprintf(args, sizeof args, "show %s 2>&1", path);
    says(args, 0, "I16");
    snprintf(args, sizeof args, "run %s hi 2>&1", path);
    says(args, 1, "weight type I16, which cannot be computed with; these can: F32, F16");
}

/* Daemons that do not start say which option is to blame, and nothing else before. */
static void refused_starts(void) {
    char args[400];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        return;
    snprintf(args, sizeof args, "coordinator --listen 127.0.0.1:0 --status 127.0.0.1:%u --data %s/c 2>&1", ntohs(a.sin_port),
             dir);
    says(args, 1, "--status off");
    tap_ok(strncmp(out, "lull coordinator: --status: ", 28) == 0, "and says it first");
    close(fd);
    says("coordinator --tls-cert a --tls-key b --name c 2>&1", 2, "--tls-cert has its own names");
    snprintf(args, sizeof args, "gateway --listen 127.0.0.1:0 --coordinator localhost:1 --ca /nonexistent --data %s/g 2>&1", dir);
    says(args, 1, "lull gateway: /nonexistent: No such file or directory");
}

static void pipes(void) {
    says("run " MODEL " - < /dev/null 2>&1", 0, "");
    says("run " MODEL " hi --temp 3 2>&1", 2, "from 0 to 2");
    says("show " MODEL " 2>&1 > /dev/full", 1, "lull show: standard output: No space left on device");
    says("run " MODEL " hi 2>&1 > /dev/full", 1, "lull run: standard output: No space left on device");
    const char *bin = getenv("LULL_BIN");
    char cmd[300];
    snprintf(cmd, sizeof cmd,
             "{ HOME=%s %s run " MODEL " 'Tell me a long story.' 2>&1; echo $? > %s/status; } | head -c 3 > /dev/null", dir,
             bin ? bin : "build/lull", dir);
    int ran = system(cmd);
    struct buf status = {0};
    snprintf(cmd, sizeof cmd, "%s/status", dir);
    int good = ran == 0 && file_read(&status, cmd, 16, NULL) == 0 && status.len == 4 && memcmp(status.data, "141\n", 4) == 0;
    tap_ok(good, "a reader that leaves ends it as SIGPIPE would");
    buf_release(&status);
}

int main(void) {
    snprintf(dir, sizeof dir, "/tmp/lull-cli-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    char args[300], cmd[100];
    says("version", 0, "lull 0.");
    says("--help", 0, "coordinator");
    says("-h", 0, "coordinator");
    says("help chat", 0, "lull chat [options]");
    says("help model make", 0, "lull model make [options]");
    says("node -h", 0, "lull node [options]");
    says("nonsense 2>&1", 2, "no command");
    says("help nonsense 2>&1", 2, "no command");
    says("run " MODEL " -x 2>&1", 2, "lull run: no option -x;");
    says("model -h", 0, "lull model make --help");
    says("run 2>&1", 2, "usage");
    says("run " MODEL " hi --nonsense 2>&1", 2, "--nonsense");
    says("run /nonexistent hi 2>&1", 1, "No such file");
    says("run LICENSE hi 2>&1", 1, "LICENSE");
    says("show " MODEL " --json", 0, "\"architecture\":\"llama\"");
    says("verify LICENSE 2>&1", 30, "not a receipt");
    says("verify LICENSE --json 2>/dev/null", 30, "\"verdict\":\"not judged\"");
    says("verify tests/fuzz/corpus/blind_receipt/lattice", 0, "nobody has signed it");
    says("verify tests/fuzz/corpus/blind_receipt/lattice --json", 0, "\"verdict\":\"consistent\"");
    says("verify tests/fuzz/corpus/blind_receipt/pair --replay models/lull-toy-q8_0.gguf 2>&1", 30, "no question to replay");
    says("node --coordinator nowhere --model " MODEL " 2>&1", 2, "HOST:PORT");
    says("gateway --listen 0.0.0.0:0 --coordinator 127.0.0.1:1 2>&1", 2, "--api-key-file");
    snprintf(args, sizeof args, "tokenize " MODEL " --json < LICENSE");
    says(args, 0, "\"count\"");
    snprintf(args, sizeof args, "model make --shape tiny --type q4_0 %s/tiny.gguf 2>&1", dir);
    says(args, 0, "");
    snprintf(args, sizeof args, "bench %s/tiny.gguf --threads 1 --prompt 32 --gen 4 --repeat 1 --json", dir);
    says(args, 0, "\"decode_tps\"");
    snprintf(args, sizeof args, "logits %s/tiny.gguf --tokens 1,2,3 --out %s/l", dir, dir);
    says(args, 0, "");
    foreign_type();
    refused_starts();
    pipes();
    stories();
    run_in_a_form();
    run_with_tools();
    run_json();
    replays();
    kv_formats();
    arithmetics();
    kernels();
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd) != 0 || tap_done();
}
