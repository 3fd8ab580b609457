/* test_http_check.c - the tables of Host and Origin, bearer keys, targets, addresses. */
#include "net/addr.h"
#include "net/http_check.h"
#include "tests/check.h"

TEST(hosts_of_this_machine_pass_and_others_do_not) {
    static const char *const good[] = {
        "localhost",     "localhost:11434", "LOCALHOST",       "localhost.",       "a.localhost", "box.local:80",
        "gw.internal",   "127.0.0.1",       "127.0.0.1:11434", "127.9.9.9",        "[::1]",       "[::1]:11434",
        "192.168.1.7:1", "10.0.0.1",        "172.16.0.1",      "172.31.255.255:9", "169.254.1.1", "[fe80::1]",
        "[fd00::1]:80",  "0.0.0.0:11434",   "myname",          "MyName:11434",     "[::]:1",      "[::ffff:127.0.0.1]"};
    static const char *const bad[] = {"",
                                      "example.com",
                                      "localhost.evil.com",
                                      "evil-localhost",
                                      "8.8.8.8",
                                      "172.32.0.1",
                                      "[2001:db8::1]",
                                      "[::1",
                                      "localhost:",
                                      "localhost:1x",
                                      ":80",
                                      "local",
                                      ".local.",
                                      "127.0.0.1.nip.io",
                                      "localhost:123456",
                                      "127.0.0.1:80:80",
                                      "[::1]x",
                                      "internal",
                                      "notlocal",
                                      "[::ffff:8.8.8.8]",
                                      "evil.com .localhost",
                                      "evil.com/x.local",
                                      "user@x.localhost",
                                      "."};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int shared = strstr(good[i], ".local:") || strcmp(good[i], "gw.internal") == 0;
        CHECK_INT(http_host_allowed(good[i], "myname", 0), 1);
        CHECK_INT(http_host_allowed(good[i], "myname", 1), !shared); /* anybody in the network may answer for these */
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (http_host_allowed(bad[i], "myname", 0) || http_host_allowed(bad[i], "myname", 1)) fail_msg("host %s passed", bad[i]);
    }
    CHECK(!http_host_allowed("myname", "", 0));
    CHECK(http_host_allowed("host.docker.internal:11434", "", 1));
}
TEST(only_pages_of_this_machine_are_origins) {
    static const char *const good[] = {
        "http://localhost", "http://localhost:3000",   "https://127.0.0.1:8443", "http://[::1]:5173",
        "app://obsidian",   "vscode-webview://abc123", "tauri://localhost",      "file://"};
    static const char *const bad[] = {"null",
                                      "",
                                      "http://evil.com",
                                      "https://localhost.evil.com",
                                      "http://192.168.1.2",
                                      "ftp://localhost",
                                      "http://",
                                      "http://localhost@evil.com",
                                      "http://box.local",
                                      "localhost"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!http_origin_allowed(good[i])) fail_msg("origin %s refused", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (http_origin_allowed(bad[i])) fail_msg("origin %s passed", bad[i]);
    }
}
TEST(bearer_keys_match_exactly) {
    CHECK(http_bearer_matches("Bearer secret", "secret"));
    CHECK(http_bearer_matches("bearer  secret", "secret"));
    CHECK(!http_bearer_matches("Bearer secre", "secret"));
    CHECK(!http_bearer_matches("Bearer secrets", "secret"));
    CHECK(!http_bearer_matches("Basic secret", "secret"));
    CHECK(!http_bearer_matches("", "secret"));
    CHECK(!http_bearer_matches("Bearer ", "secret"));
}
TEST(targets_split_or_are_refused) {
    char path[16];
    const char *q;
    CHECK(http_target_split("/a/b?x=1?2", path, sizeof path, &q));
    CHECK_STR(path, "/a/b");
    CHECK_STR(q, "x=1?2");
    CHECK(http_target_split("/", path, sizeof path, &q));
    CHECK_STR(q, "");
    CHECK(!http_target_split("http://h/", path, sizeof path, &q));
    CHECK(!http_target_split("*", path, sizeof path, &q));
    CHECK(!http_target_split("", path, sizeof path, &q));
    CHECK(!http_target_split("/0123456789abcdef", path, sizeof path, &q));
    CHECK(!http_target_split("/a b", path, sizeof path, &q));
    CHECK(!http_target_split("/a\x80", path, sizeof path, &q));
}
TEST(addresses_split_and_print) {
    char host[ADDR_HOST_BYTES], text[ADDR_TEXT_BYTES];
    uint16_t port;
    struct addr a;
    uint8_t k1[16], k2[16];
    CHECK_INT(addr_split("a.example:7443", 0, host, &port), 0);
    CHECK_STR(host, "a.example");
    CHECK_INT(port, 7443);
    CHECK_INT(addr_split("[::1]:9", 0, host, &port), 0);
    CHECK_STR(host, "::1");
    CHECK_INT(addr_split("host", 80, host, &port), 0);
    CHECK_INT(port, 80);
    static const char *const bad[] = {"",       ":80",  "host", "host:",    "host:x", "host:70000",
                                      "::1:80", "[::1", "[]:1", "host:1:2", "[::1]80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_INT(addr_split(bad[i], 0, host, &port), ERR_FORMAT);
    CHECK_INT(addr_numeric(&a, "127.0.0.1", 80), 0);
    addr_text(&a, text);
    CHECK_STR(text, "127.0.0.1:80");
    CHECK(addr_is_loopback(&a));
    CHECK_INT(addr_numeric(&a, "::1", 80), 0);
    addr_text(&a, text);
    CHECK_STR(text, "[::1]:80");
    CHECK(addr_is_loopback(&a));
    CHECK_INT(addr_numeric(&a, "2001:db8::1", 1), 0);
    CHECK(!addr_is_loopback(&a));
    addr_key(&a, k1);
    CHECK_INT(addr_numeric(&a, "2001:db8::2", 1), 0);
    addr_key(&a, k2);
    CHECK_MEM(k1, k2, 16); /* one /64 counts as one */
    CHECK_INT(addr_numeric(&a, "2001:db8:0:1::2", 1), 0);
    addr_key(&a, k2);
    CHECK(memcmp(k1, k2, 16) != 0);
    CHECK_INT(addr_numeric(&a, "example.com", 1), ERR_FORMAT);
}
TESTS_MAIN("http_check", T(hosts_of_this_machine_pass_and_others_do_not), T(only_pages_of_this_machine_are_origins),
           T(bearer_keys_match_exactly), T(targets_split_or_are_refused), T(addresses_split_and_print))
