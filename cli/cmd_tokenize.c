/* cli/cmd_tokenize.c - `lull tokenize MODEL`: token ids of the text on standard input. */
#include "base/opt.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "model/vocab.h"

#include <stdio.h>

static void print_ids(const struct ids *l, int json) {
    printf(json ? "{\"tokens\":[" : "");
    for (size_t i = 0; i < l->count; i++) printf("%s%d", i == 0 ? "" : json ? "," : " ", (int)l->id[i]);
    printf(json ? "],\"count\":%zu}\n" : "\n", l->count);
}

static int tokenize(const char *path, unsigned flags, int json, struct why *why) {
    struct gguf g = {0};
    struct vocab *v = NULL;
    struct buf text = {0};
    struct ids l;
    struct why inner = {{0}};
    ids_init(&l, VOCAB_TEXT_BYTES_MAX + 1);
    int r = gguf_open(&g, path, why);
    if (r == 0) {
        r = vocab_open(&v, &g, &inner);
        if (r != 0) why_set(why, r, "%.100s: %.200s", path, why_text(&inner, r));
    }
    if (r == 0) r = input_read(&text, VOCAB_TEXT_BYTES_MAX, why);
    if (r == 0) r = vocab_encode(v, (const char *)text.data, text.len, flags, &l, why);
    if (r == 0) print_ids(&l, json);
    ids_release(&l);
    buf_release(&text);
    vocab_close(v);
    gguf_close(&g);
    return r;
}

int cmd_tokenize(int argc, char **argv) {
    int bos = 0, special = 0, json = 0;
    const struct opt opts[] = {
        {"bos", OPT_FLAG, &bos, NULL, "begin with the BOS token, if the vocabulary wants one", 0, 0},
        {"special", OPT_FLAG, &special, NULL, "texts of special tokens become those tokens", 0, 0},
        {"json", OPT_FLAG, &json, NULL, "one JSON object: tokens, count", 0, 0},
        {0},
    };
    struct command_line c = {.command = "tokenize",
                             .arguments = "MODEL",
                             .about = "Prints the token ids of the text on standard input.",
                             .opts = opts,
                             .args_min = 1,
                             .args_max = 1};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = tokenize(c.args[0], (bos ? VOCAB_BOS : 0u) | (special ? VOCAB_SPECIAL : 0u), json, &why);
    if (r != 0) fprintf(stderr, "lull tokenize: %s\n", why_text(&why, r));
    return r == 0 ? terminal_output_end("tokenize") : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
