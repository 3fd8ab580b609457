/* base: arenas, buffers, UTF-8, hex, SHA-256, JSON glue, files, options. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blocks.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/utf8.h"
#include "tests/check.h"

static char folder[64];
static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%.60s/%.60s", folder, name);
    return path;
}

TEST(an_arena_is_aligned_zeroed_and_bounded) {
    struct arena a;
    CHECK_INT(arena_init(&a, 100), 0);
    uint8_t *x = arena_take(&a, 3, 1), *y = arena_take(&a, 2, 8);
    CHECK(x && y && (uintptr_t)y % 16 == 0 && y[15] == 0);
    CHECK(!arena_take(&a, SIZE_MAX, 2) && !arena_take(&a, 1, 200));
    memset(x, 5, 3);
    arena_reset(&a);
    CHECK(x[0] == 0 && arena_take(&a, 1, 100));
    arena_release(&a);
    arena_release(&a);
}

TEST(blocks_grow_to_their_maximum_and_pieces_stay) {
    enum { PIECES = 1000, MAX = 1 << 20 };
    struct blocks b;
    uint8_t *piece[PIECES];
    blocks_init(&b, MAX);
    CHECK_INT(b.held, 0);
    size_t total = 0;
    for (size_t i = 0; i < PIECES; i++) { /* half of the maximum, in pieces of all sizes */
        size_t n = i % 97 ? i % 97 : 5000;
        CHECK((piece[i] = blocks_take(&b, n, 7)) != NULL && (uintptr_t)piece[i] % 16 == 0 && b.held <= MAX);
        for (size_t k = 0; k < n * 7; k++) CHECK_INT(piece[i][k], 0);
        memset(piece[i], (int)(i % 251), n * 7);
        if ((total += n * 7) > MAX / 2 - 40000) break;
    }
    for (size_t i = 0; i < PIECES / 10; i++) CHECK_INT(piece[i][0], i % 251);
    CHECK(!blocks_take(&b, SIZE_MAX, 2) && b.err == ERR_LIMIT && !blocks_take(&b, 1, MAX + 1));
    while (blocks_take(&b, 1, 999)) CHECK(b.held <= MAX);
    CHECK_INT(b.err, ERR_LIMIT);
    CHECK(b.held > MAX - 4096);
    blocks_release(&b);
    blocks_release(&b);
    CHECK(!blocks_take(&b, 1, 1)); /* none may be held */
}

TEST(a_buffer_grows_to_its_maximum_and_no_further) {
    struct buf b;
    buf_init(&b, 100);
    CHECK_INT(buf_add(&b, "x", 0), 0); /* nothing added to an empty buffer is no failure */
    for (int i = 0; i < 100; i++) CHECK_INT(buf_add(&b, "x", 1), 0);
    CHECK_INT(buf_add(&b, "x", 1), ERR_NOMEM);
    CHECK_INT(b.len, 100);
    buf_drop(&b, 90);
    CHECK_INT(b.len, 10);
    CHECK_INT(buf_addf(&b, "%d", 42), 0);
    CHECK_MEM(b.data + 10, "42", 2);
    buf_release(&b);
}

TEST(utf8_accepts_exactly_the_scalar_values) {
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        if (cp >= 0xd800 && cp < 0xe000) continue;
        uint8_t s[4];
        uint32_t back = 0;
        size_t n = utf8_put(s, cp);
        CHECK(utf8_get(s, n, &back) == (int)n && back == cp);
        for (size_t cut = 0; cut < n; cut++) CHECK_INT(utf8_get(s, cut, &back), UTF8_CUT);
    }
    const char *bad[] = {"\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                         "\xf4\x90\x80\x80", "\xff",         "\x80",         "\xc3("};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(!utf8_valid(bad[i], strlen(bad[i])));
}

TEST(sha256_and_hex) {
    uint8_t h[32], back[32];
    char hex[65];
    sha256_of(h, "abc", 3); /* FIPS 180-4 example */
    hex_encode(hex, h, 32);
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_INT(hex_decode(back, 32, hex, 64), 0);
    CHECK_MEM(back, h, 32);
    CHECK_INT(hex_decode(back, 32, hex, 63), ERR_FORMAT);
    hex[5] = 'g';
    CHECK_INT(hex_decode(back, 32, hex, 64), ERR_FORMAT);
    sha256_joined(back, "a", "b", 1, "c", 1);
    CHECK_MEM(back, h, 32);
}

TEST(json_is_strict_and_typed) {
    json_t *j;
    const char *bad[] = {"{\"a\":1,\"a\":2}", "{} x", "[", "\"\\ud800\"", "{\"a\":99999999999999999999}", "", "nul"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_INT(json_parse(&j, bad[i], strlen(bad[i]), NULL), ERR_FORMAT);
    char deep[2 * JSON_DEPTH_MAX + 4] = "";
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) deep[i] = '[', deep[2 * JSON_DEPTH_MAX + 1 - i] = ']';
    CHECK_INT(json_parse(&j, deep, strlen(deep), NULL), ERR_FORMAT);
    const char *good = "{\"n\":5,\"r\":0.5,\"s\":\"a\\u0000b\",\"t\":true,\"z\":null}";
    CHECK_INT(json_parse(&j, good, strlen(good), NULL), 0);
    int64_t n;
    double r;
    int t;
    const char *s;
    size_t len;
    CHECK_INT(json_get_int(j, "n", 0, 5, &n), JSON_OK);
    CHECK_INT(json_get_int(j, "n", 0, 4, &n), JSON_WRONG);
    CHECK_INT(json_get_int(j, "r", 0, 4, &n), JSON_WRONG);
    CHECK_INT(json_get_int(j, "z", 0, 4, &n), JSON_ABSENT);
    CHECK_INT(json_get_real(j, "n", 0, 9, &r), JSON_OK);
    CHECK_INT(json_get_bool(j, "t", &t), JSON_OK);
    CHECK_INT(json_get_bool(j, "s", &t), JSON_WRONG);
    CHECK(json_get_str(j, "s", &s, &len) == JSON_OK && len == 3 && memcmp(s, "a\0b", 3) == 0);
    json_decref(j);
}

TEST(json_quote_escapes_everything_a_reader_would_trip_on) {
    struct buf b;
    buf_init(&b, 200);
    CHECK_INT(json_quote(&b, "a\"\\\n\x01\xff\xc3\xa9\0z", 10), 0);
    CHECK_INT(buf_add(&b, "", 1), 0);
    CHECK_STR((char *)b.data, "\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\\u0000z\"");
    buf_release(&b);
}

TEST(files_are_written_whole_and_read_within_bounds) {
    struct buf b;
    struct why why = {{0}};
    CHECK_INT(file_write(in_folder("f"), "hello", 5, 0600, &why), 0);
    CHECK_INT(file_write(in_folder("f"), "hello again", 11, 0600, &why), 0);
    struct stat st;
    CHECK(stat(in_folder("f"), &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(file_read(&b, in_folder("f"), 11, &why), 0);
    CHECK(b.len == 11 && memcmp(b.data, "hello again", 11) == 0);
    buf_release(&b);
    CHECK_INT(file_read(&b, in_folder("f"), 10, &why), ERR_LIMIT);
    CHECK_INT(file_read(&b, in_folder("none"), 10, &why), ERR_NOTFOUND);
    CHECK_INT(file_read(&b, folder, 10, &why), ERR_FORMAT);
    CHECK_INT(file_write(in_folder("no/where"), "x", 1, 0600, &why), ERR_IO);
    /* what a killed process left behind, or somebody put there, is in nobody's way */
    char left[600];
    snprintf(left, sizeof left, "f.%ld.tmp", (long)getpid());
    CHECK_INT(symlink("/nonexistent", in_folder(left)), 0);
    CHECK_INT(file_write(in_folder("f"), "again", 5, 0600, &why), 0);
    CHECK_INT(unlink(in_folder(left)), 0);
    CHECK_INT(file_read_private(&b, in_folder("f"), 10, &why), 0);
    buf_release(&b);
    CHECK_INT(chmod(in_folder("f"), 0604), 0);
    CHECK_INT(file_read_private(&b, in_folder("f"), 10, &why), ERR_PERM);
    CHECK_INT(file_check(in_folder("f"), 0, &why), 0);
    CHECK_INT(file_check(in_folder("f"), 077, &why), ERR_PERM);
    CHECK_INT(mkfifo(in_folder("pipe"), 0600), 0);
    CHECK_INT(file_check(in_folder("pipe"), 0, &why), ERR_FORMAT); /* at once */
    CHECK_INT(unlink(in_folder("pipe")), 0);
}

TEST(a_data_folder_has_one_user_at_a_time) {
    struct data_dir one, two;
    struct why why = {{0}};
    char path[128];
    snprintf(path, sizeof path, "%s", in_folder("deep/er"));
    CHECK_INT(data_dir_open(&one, path, "node", &why), 0);
    CHECK_INT(data_dir_open(&two, path, "node", &why), ERR_BUSY);
    data_dir_close(&one);
    CHECK_INT(data_dir_open(&two, path, "node", &why), 0);
    data_dir_close(&two);
    char real[512], link_path[600];
    snprintf(real, sizeof real, "%s", two.path);
    snprintf(link_path, sizeof link_path, "%.500s-link", path);
    CHECK_INT(symlink(path, link_path), 0);
    CHECK_INT(data_dir_open(&two, link_path, "node", &why), 0);
    CHECK_STR(two.path, real);
    data_dir_close(&two);
    CHECK_INT(unlink(link_path), 0);
}

static int flag;
static uint32_t count;
static const char *text;
static struct opt_list list;
static const struct opt rows[] = {{"flag", OPT_FLAG, &flag, NULL, "a flag", 0, 0},
                                  {"count", OPT_U32, &count, "N", "a number", 1, 10},
                                  {"text", OPT_TEXT, &text, "T", "a text", 0, 0},
                                  {"item", OPT_LIST, &list, "I", "items", 0, 0},
                                  {0}};
static int parse(struct command_line *c, struct why *why, const char *const *args, int argc) {
    char *argv[16];
    for (int i = 0; i < argc; i++) argv[i] = (char *)(uintptr_t)args[i];
    flag = 0, count = 3, text = "none", list.count = 0;
    *c = (struct command_line){.command = "thing", .arguments = "A", .about = "", .opts = rows, .args_min = 0, .args_max = 2};
    return opt_parse(c, argc, argv, why);
}
#define PARSE(...)                                               \
    parse(&c, &why, (const char *const[]){"thing", __VA_ARGS__}, \
          (int)(sizeof((const char *const[]){"thing", __VA_ARGS__}) / sizeof(char *)))

TEST(options_come_from_flags_then_files_then_defaults) {
    struct command_line c;
    struct why why = {{0}};
    setenv("XDG_CONFIG_HOME", folder, 1);
    CHECK_INT(PARSE("--flag", "a", "--count=4", "--", "--b"), 0);
    CHECK(flag == 1 && count == 4 && c.arg_count == 2);
    CHECK_STR(c.args[1], "--b");
    CHECK_INT(PARSE("--count", "11"), ERR_USAGE);
    CHECK_INT(PARSE("--count", "-1"), ERR_USAGE);
    CHECK_INT(PARSE("--count"), ERR_USAGE);
    CHECK_INT(PARSE("--nothing"), ERR_USAGE);
    CHECK_INT(PARSE("a", "b", "c"), ERR_USAGE);
    const char *file = "# comment\n[other]\nzzz = 1\n[thing]\ncount = 7\ntext = from file \nitem = x\n";
    CHECK_INT(file_write(in_folder("cfg"), file, strlen(file), 0600, &why), 0);
    CHECK_INT(PARSE("--config", in_folder("cfg"), "--text", "own"), 0);
    CHECK(count == 7 && list.count == 1);
    CHECK_STR(text, "own");
    CHECK_INT(PARSE("--config", in_folder("cfg"), "--item", "a", "--item", "b"), 0);
    CHECK(list.count == 2);
    CHECK_STR(list.item[0], "a");
    const char *wrong = "[thing]\n\nbad = 7\n";
    CHECK_INT(file_write(in_folder("cfg"), wrong, strlen(wrong), 0600, &why), 0);
    CHECK_INT(PARSE("--config", in_folder("cfg")), ERR_USAGE);
    CHECK(strstr(why.text, "cfg:3:") && strstr(why.text, "\"bad\""));
    const char *early = "count = 7\n[thing]\n";
    CHECK_INT(file_write(in_folder("cfg"), early, strlen(early), 0600, &why), 0);
    CHECK_INT(PARSE("--config", in_folder("cfg")), ERR_USAGE);
    static const char *const known[] = {"other", NULL};
    opt_sections = known;
    const char *misspelt = "[other]\n[thingy]\n";
    CHECK_INT(file_write(in_folder("cfg"), misspelt, strlen(misspelt), 0600, &why), 0);
    CHECK_INT(PARSE("--config", in_folder("cfg")), ERR_USAGE);
    CHECK(strstr(why.text, "cfg:2:") && strstr(why.text, "\"thingy\""));
    opt_sections = NULL;
}

TEST(what_begins_with_a_dash_is_an_option) {
    struct command_line c;
    struct why why = {{0}};
    CHECK_INT(PARSE("text", "-h"), OPT_HELP_SHOWN);
    CHECK_INT(PARSE("--help"), OPT_HELP_SHOWN);
    CHECK_INT(PARSE("text", "-x"), ERR_USAGE);
    CHECK(strstr(why.text, "-x") && !strstr(why.text, "lull thing: "));
    CHECK_INT(PARSE("text", "-5 and 3"), ERR_USAGE);
    CHECK_INT(PARSE("-", "--", "-h"), 0);
    CHECK_INT(c.arg_count, 2);
    CHECK_STR(c.args[0], "-");
    CHECK_STR(c.args[1], "-h");
}

TEST(times_are_rfc3339_in_utc) {
    char s[CLOCK_TEXT_BYTES];
    clock_text(s, 1700000000123456789u, 9);
    CHECK_STR(s, "2023-11-14T22:13:20.123456789Z");
    clock_text(s, 1700000000123456789u, 3);
    CHECK_STR(s, "2023-11-14T22:13:20.123Z");
}

int main(void) {
    const struct CMUnitTest all[] = {T(an_arena_is_aligned_zeroed_and_bounded),
                                     T(blocks_grow_to_their_maximum_and_pieces_stay),
                                     T(a_buffer_grows_to_its_maximum_and_no_further),
                                     T(utf8_accepts_exactly_the_scalar_values),
                                     T(sha256_and_hex),
                                     T(json_is_strict_and_typed),
                                     T(json_quote_escapes_everything_a_reader_would_trip_on),
                                     T(files_are_written_whole_and_read_within_bounds),
                                     T(a_data_folder_has_one_user_at_a_time),
                                     T(options_come_from_flags_then_files_then_defaults),
                                     T(what_begins_with_a_dash_is_an_option),
                                     T(times_are_rfc3339_in_utc)};
    snprintf(folder, sizeof folder, "/tmp/lull-base-XXXXXX");
    if (secret_setup() != 0 || !mkdtemp(folder)) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("base", all, NULL, NULL);
    char cmd[96];
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd) != 0 || failed != 0;
}
