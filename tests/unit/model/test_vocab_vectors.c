/* Every published vector: text to ids equal to llama.cpp's, ids back to the same text. */
#include "tests/unit/model/vocab_vectors.h"

static int check_case(const struct vocab *v, const char *text, size_t n, const char *line, const char *end) {
    struct ids l;
    ids_init(&l, n * 4 + 16);
    int ok = vocab_encode(v, text, n, 0, &l, NULL) == 0;
    size_t i = 0;
    for (char *at; line < end; line = at, i++) {
        long want = strtol(line, &at, 10);
        if (at == line) break;
        ok &= i < l.count && l.id[i] == want;
    }
    ok &= i == l.count;
    ids_release(&l);
    return ok;
}

/* The pieces of the ids spell the text, after SentencePiece's blank. */
static int check_back(const struct vocab *v, const char *text, size_t n) {
    struct ids l;
    struct buf b;
    ids_init(&l, n * 4 + 16);
    buf_init(&b, 1 << 20);
    int ok = vocab_encode(v, text, n, 0, &l, NULL) == 0;
    for (size_t i = 0; i < l.count; i++) {
        struct gguf_str p = vocab_piece(v, l.id[i], 0);
        ok &= buf_add(&b, p.p, p.n) == 0;
    }
    size_t skip = vocab_adds_space(v) && n ? 1 : 0;
    ok &= b.len == n + skip && (n == 0 || memcmp(b.data + skip, text, n) == 0);
    ids_release(&l);
    buf_release(&b);
    return ok;
}

static void run_vectors(const struct vocab *v, const char *inp, const char *out, int lossless) {
    static const char sep[] = "\n__ggml_vocab_test__\n";
    struct buf in, want;
    struct why why = {{0}};
    CHECK(file_read(&in, inp, 1 << 20, &why) == 0 && file_read(&want, out, 1 << 20, &why) == 0);
    const char *text = (char *)in.data, *text_end = text + in.len, *line = (char *)want.data;
    int cases = 0;
    for (const char *cut; (cut = memmem(text, (size_t)(text_end - text), sep, sizeof sep - 1));
         text = cut + sizeof sep - 1, cases++) {
        const char *end = strchr(line, '\n');
        CHECK(end != NULL);
        int ok = check_case(v, text, (size_t)(cut - text), line, end);
        if (!ok) printf("# case %d differs\n", cases);
        CHECK(ok);
        if (lossless) CHECK(check_back(v, text, (size_t)(cut - text)));
        line = end + 1;
    }
    CHECK_INT(cases, 46);
    buf_release(&in);
    buf_release(&want);
}

static void run_shared(const char *name, int lossless) {
    char path[200], inp[208], out[208];
    struct opened o;
    snprintf(path, sizeof path, TOKENIZER_SHARED "ggml-vocab-%s.gguf", name);
    snprintf(inp, sizeof inp, "%s.inp", path);
    snprintf(out, sizeof out, "%s.out", path);
    if (access(path, R_OK) != 0) SKIP("no vocabulary beside the checkout");
    CHECK_INT(opened_file(&o, path), 0);
    run_vectors(o.v, inp, out, lossless);
    opened_close(&o);
}

TEST(gpt_2_vectors) {
    struct opened o;
    CHECK_INT(opened_file(&o, TOKENIZER_DATA "ggml-vocab-gpt-2.gguf"), 0);
    run_vectors(o.v, TOKENIZER_DATA "cases.inp", TOKENIZER_DATA "ggml-vocab-gpt-2.gguf.out", 1);
    opened_close(&o);
}
TEST(qwen2_vectors) {
    struct opened o;
    CHECK_INT(opened_ranks(&o, TOKENIZER_DATA "qwen.tiktoken", "qwen2", qwen_specials), 0);
    run_vectors(o.v, TOKENIZER_DATA "cases.inp", TOKENIZER_DATA "ggml-vocab-qwen2.gguf.out", 1);
    opened_close(&o);
}
TEST(llama_bpe_vectors) {
    struct opened o;
    int r = opened_ranks(&o, TOKENIZER_SHARED "llama3-tokenizer.model", "llama-bpe", llama3_specials);
    if (r == ERR_NOTFOUND) SKIP("no vocabulary beside the checkout");
    CHECK_INT(r, 0);
    run_vectors(o.v, TOKENIZER_DATA "cases.inp", TOKENIZER_SHARED "ggml-vocab-llama-bpe.gguf.out", 1);
    opened_close(&o);
}
TEST(llama_spm_vectors) { run_shared("llama-spm", 1); }
TEST(starcoder_vectors) { run_shared("starcoder", 0); } /* lacks tokens for some bytes, as the next two */
TEST(falcon_vectors) { run_shared("falcon", 0); }
TEST(deepseek_coder_vectors) { run_shared("deepseek-coder", 0); }
TEST(bert_bge_vectors) { SKIP("WordPiece is not supported"); }
TEST(command_r_vectors) { SKIP("no vocabulary is published with these vectors"); }

TESTS_MAIN("vocab_vectors", T(gpt_2_vectors), T(qwen2_vectors), T(llama_bpe_vectors), T(llama_spm_vectors), T(starcoder_vectors),
           T(falcon_vectors), T(deepseek_coder_vectors), T(bert_bge_vectors), T(command_r_vectors))
