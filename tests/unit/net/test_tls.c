/* test_tls.c - who is refused: wrong certificate, name, pin, protocol, TLS version; and what silence and garbage do. */
#include "base/file.h"
#include "tests/unit/net/foreign.h"
#include "tests/unit/net/pair.h"

static int dialled_gone(void *arg) { return ((struct pair *)arg)->dialled.gone; }
static int accepted_gone(void *arg) { return ((struct pair *)arg)->accepted.gone; }

static void dial_with(struct pair *p, const struct tls_client_opts *o, const char *where) {
    struct why why = {""};
    CHECK_INT(tls_client_new(&p->client_tls, o, &why), 0);
    CHECK_INT(h2_dial(&p->dialled.h, p->loop, p->client_tls, where, &p->client_opts, &end_events, &p->dialled), 0);
}
static void expect_refusal(const struct tls_client_opts *o, const char *says) {
    struct pair p;
    pair_init(&p);
    dial_with(&p, o, p.where);
    pair_run_until(&p, dialled_gone, &p, 5000);
    CHECK_INT(p.dialled.gone_err, ERR_AUTH);
    CHECK(strstr(p.dialled.gone_text, says) && !p.dialled.gone_names[0]);
    CHECK(!p.dialled.ready && !p.accepted.ready);
    pair_release(&p);
}
TEST(an_unknown_certificate_is_refused) {
    struct tls_client_opts system_roots = {.proto = TLS_NODE};
    expect_refusal(&system_roots, "no issuer that is trusted");
    struct pair other;
    pair_init(&other); /* another self-signed one */
    struct tls_client_opts wrong_ca = {.proto = TLS_GATEWAY, .ca_file = other.cert};
    expect_refusal(&wrong_ca, "no issuer that is trusted");
    char pin[TLS_PIN_BYTES];
    struct why why = {""};
    CHECK_INT(tls_pin_of_file(other.cert, pin, &why), 0);
    struct tls_client_opts wrong_pin = {.proto = TLS_NODE, .pin = pin};
    expect_refusal(&wrong_pin, "not the one of --pin");
    pair_release(&other);
}
TEST(the_right_pin_is_enough) {
    struct pair p;
    char pin[TLS_PIN_BYTES];
    struct why why = {""};
    pair_init(&p);
    CHECK_INT(tls_pin_of_file(p.cert, pin, &why), 0);
    struct tls_client_opts o = {.proto = TLS_NODE, .pin = pin};
    dial_with(&p, &o, p.where);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    pair_release(&p);
    struct tls *t;
    o.pin = "sha256:12";
    CHECK_INT(tls_client_new(&t, &o, &why), ERR_USAGE);
}
TEST(localhost_by_name_is_verified_too) {
    struct pair p;
    char where[ADDR_TEXT_BYTES];
    pair_init(&p);
    snprintf(where, sizeof where, "localhost:%s", strrchr(p.where, ':') + 1);
    struct tls_client_opts o = {.proto = TLS_GATEWAY, .ca_file = p.cert};
    dial_with(&p, &o, where);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    pair_release(&p);
}
/* 127.0.0.2 reaches the same listener but is not in the certificate. */
TEST(a_name_outside_the_certificate_is_refused) {
    struct pair p;
    char where[ADDR_TEXT_BYTES];
    struct why why = {""};
    pair_init(&p);
    listener_close(p.listener);
    CHECK_INT(listener_open(&p.listener, p.loop, "0.0.0.0:0", pair_accept, &p, &why), 0);
    listener_addr(p.listener, where);
    char other[ADDR_TEXT_BYTES];
    snprintf(other, sizeof other, "127.0.0.2:%s", strrchr(where, ':') + 1);
    struct tls_client_opts o = {.proto = TLS_GATEWAY, .ca_file = p.cert};
    dial_with(&p, &o, other);
    pair_run_until(&p, dialled_gone, &p, 5000);
    CHECK_INT(p.dialled.gone_err, ERR_AUTH);
    CHECK(strstr(p.dialled.gone_text, "for other names") && strstr(p.dialled.gone_names, "localhost,127.0.0.1"));
    pair_release(&p);
}
TEST(nobody_there_is_not_found) {
    struct pair p;
    pair_init(&p);
    struct tls_client_opts o = {.proto = TLS_NODE, .ca_file = p.cert};
    listener_close(p.listener);
    p.listener = NULL;
    dial_with(&p, &o, p.where);
    pair_run_until(&p, dialled_gone, &p, 5000);
    CHECK_INT(p.dialled.gone_err, ERR_NOTFOUND);
    CHECK(strstr(p.dialled.gone_text, "connection refused"));
    pair_release(&p);
}
TEST(an_unknown_host_is_told_from_a_closed_port) {
    struct pair p;
    pair_init(&p);
    struct tls_client_opts o = {.proto = TLS_NODE, .ca_file = p.cert};
    dial_with(&p, &o, "no-such-host.invalid:7443"); /* RFC 6761: never resolves */
    pair_run_until(&p, dialled_gone, &p, 20000);
    CHECK_INT(p.dialled.gone_err, ERR_NOTFOUND);
    CHECK_STR(p.dialled.gone_text, "unknown host");
    pair_release(&p);
}
static void say_http(void *arg, int fd, const struct addr *peer) {
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)arg, (void)peer;
    CHECK_INT(write(fd, text, sizeof text - 1), sizeof text - 1);
    *(int *)arg = fd; /* stays open: an end of file would be another fault */
}
TEST(a_server_without_tls_is_told) {
    struct pair p;
    struct why why = {""};
    int fd = -1;
    pair_init(&p);
    struct tls_client_opts o = {.proto = TLS_GATEWAY, .ca_file = p.cert};
    listener_close(p.listener);
    CHECK_INT(listener_open(&p.listener, p.loop, "127.0.0.1:0", say_http, &fd, &why), 0);
    listener_addr(p.listener, p.where);
    dial_with(&p, &o, p.where);
    pair_run_until(&p, dialled_gone, &p, 5000);
    CHECK_INT(p.dialled.gone_err, ERR_AUTH);
    CHECK(strstr(p.dialled.gone_text, "does not speak TLS:"));
    close(fd);
    pair_release(&p);
}
TEST(a_missing_root_file_is_a_missing_file) {
    struct tls *t;
    struct why why = {""};
    struct tls_client_opts o = {.proto = TLS_NODE, .ca_file = "/nonexistent/tls.crt"};
    CHECK_INT(tls_client_new(&t, &o, &why), ERR_NOTFOUND);
    CHECK_STR(why.text, "/nonexistent/tls.crt: No such file or directory");
}
/* A name that comes later needs a new certificate; the key, and so every --pin, stays. */
TEST(a_new_name_reissues_with_the_same_key) {
    struct pair p;
    struct why why = {""};
    char before[TLS_PIN_BYTES], after[TLS_PIN_BYTES];
    const char *const names[] = {"localhost", "127.0.0.2", "Localhost"};
    pair_init(&p);
    CHECK_INT(tls_pin_of_file(p.cert, before, &why), 0);
    CHECK_INT(tls_files_make(p.cert, p.key, names, 1, &why), 0);
    CHECK_INT(tls_files_make(p.cert, p.key, names, 3, &why), TLS_FILES_REISSUED);
    CHECK_INT(tls_files_make(p.cert, p.key, names, 3, &why), 0);
    CHECK_INT(tls_files_make(p.cert, p.key, NULL, 0, &why), 0);
    CHECK_INT(tls_pin_of_file(p.cert, after, &why), 0);
    CHECK_STR(before, after);
    tls_free(p.server_tls);
    CHECK_INT(tls_server_new(&p.server_tls, p.cert, p.key, &why), 0);
    listener_close(p.listener);
    CHECK_INT(listener_open(&p.listener, p.loop, "127.0.0.2:0", pair_accept, &p, &why), 0);
    listener_addr(p.listener, p.where);
    pair_dial(&p, TLS_NODE);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    struct pair other;
    pair_init(&other);
    CHECK_INT(tls_files_make(p.cert, other.key, (const char *const[]){"a.example"}, 1, &why), ERR_EXISTS);
    CHECK(strstr(why.text, "a.example"));
    pair_release(&other);
    pair_release(&p);
}
TEST(certificate_files_are_made_once_with_safe_modes) {
    struct pair p;
    struct stat st;
    struct why why = {""};
    pair_init(&p);
    CHECK_INT(stat(p.key, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    ino_t before = st.st_ino;
    CHECK_INT(tls_files_make(p.cert, p.key, NULL, 0, &why), 0);
    CHECK_INT(stat(p.key, &st), 0);
    CHECK_INT(st.st_ino, before);
    const char *bad = "evil,DNS:other";
    unlink(p.cert);
    CHECK_INT(tls_files_make(p.cert, p.key, &bad, 1, &why), ERR_USAGE);
    const char *good[] = {"status.example", "192.0.2.7"};
    CHECK_INT(tls_files_make(p.cert, p.key, good, 2, &why), 0);
    struct tls *t;
    CHECK_INT(tls_server_new(&t, "/nonexistent", p.key, &why), ERR_NOTFOUND);
    CHECK(strstr(why.text, "/nonexistent") != NULL);
    pair_release(&p);
}

TEST(a_key_that_others_can_read_and_a_pipe_in_a_files_place_are_refused) {
    struct pair p;
    struct tls *t;
    struct why why = {""};
    char pipe_path[200], pin[TLS_PIN_BYTES];
    pair_init(&p);
    snprintf(pipe_path, sizeof pipe_path, "%.180s.pipe", p.key);
    CHECK_INT(mkfifo(pipe_path, 0600), 0);
    struct tls_client_opts o = {.proto = TLS_NODE, .ca_file = pipe_path};
    CHECK_INT(tls_client_new(&t, &o, &why), ERR_FORMAT);
    CHECK_INT(tls_server_new(&t, p.cert, pipe_path, &why), ERR_FORMAT);
    CHECK_INT(tls_server_new(&t, pipe_path, p.key, &why), ERR_FORMAT);
    CHECK_INT(tls_pin_of_file(pipe_path, pin, &why), ERR_FORMAT);
    CHECK(strstr(why.text, "not a regular file") != NULL);
    CHECK_INT(chmod(p.key, 0640), 0);
    CHECK_INT(tls_files_make(p.cert, p.key, NULL, 0, &why), ERR_PERM);
    CHECK(strstr(why.text, "others can read it") != NULL);
    CHECK_INT(unlink(pipe_path), 0);
    pair_release(&p);
}

/* ---- clients that are not ours ---- */
static void expect_foreign_gone(const struct foreign *f, int err, uint64_t within_ms) {
    struct pair p;
    pair_init(&p);
    pid_t pid = foreign_start(&p, f);
    pair_run_until(&p, accepted_gone, &p, within_ms);
    CHECK_INT(p.accepted.gone_err, err);
    pair_release(&p);
    (void)foreign_end(pid);
}
TEST(old_tls_and_other_protocols_are_refused) {
    expect_foreign_gone(&(struct foreign){.max_version = TLS1_2_VERSION, .alpn = "\2h2", .alpn_len = 3}, ERR_AUTH, 5000);
    expect_foreign_gone(&(struct foreign){.alpn = "\10http/1.1", .alpn_len = 9}, ERR_AUTH, 5000);
    expect_foreign_gone(&(struct foreign){.alpn = "\6lull/2", .alpn_len = 7}, ERR_AUTH, 5000);
    expect_foreign_gone(&(struct foreign){.alpn = NULL}, ERR_AUTH, 5000);
}
TEST(bytes_that_are_not_http2_end_the_link) {
    static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    expect_foreign_gone(&(struct foreign){.alpn = "\2h2", .alpn_len = 3, .text = text, .text_len = sizeof text - 1}, ERR_FORMAT,
                        5000);
    static const char frames[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x05\x07\xff\0\0\0\x01xxxxx";
    expect_foreign_gone(&(struct foreign){.alpn = "\2h2", .alpn_len = 3, .text = frames, .text_len = sizeof frames - 1},
                        ERR_FORMAT, 5000);
}
TEST(a_stopped_peer_is_lost_after_three_seconds) {
    static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    struct pair p;
    struct foreign f = {.alpn = "\2h2", .alpn_len = 3, .text = hello, .text_len = sizeof hello - 1, .then_stop = 1};
    pair_init(&p);
    pid_t pid = foreign_start(&p, &f);
    p.accepted.ready = 0;
    for (int i = 0; i < 100 && !p.accepted.ready; i++) pair_run_for(&p, 20);
    CHECK(p.accepted.ready);
    uint64_t t0 = clock_mono_ms();
    pair_run_until(&p, accepted_gone, &p, 60000);
    CHECK_INT(p.accepted.gone_err, ERR_TIME);
    CHECK(clock_mono_ms() - t0 > 2500); /* not for a pause that is no loss */
    pair_release(&p);
    (void)foreign_end(pid);
}
TEST(a_peer_that_says_nothing_has_limited_time) {
    struct pair p;
    pair_init(&p);
    p.server_opts[TLS_NODE].handshake_ms = 200;
    pid_t pid = fork();
    if (pid == 0) {
        char c;
        int fd = raw_connect(p.where);
        while (read(fd, &c, 1) > 0) continue;
        _exit(0);
    }
    pair_run_until(&p, accepted_gone, &p, 3000);
    CHECK_INT(p.accepted.gone_err, ERR_TIME);
    pair_release(&p);
    (void)foreign_end(pid);
}
TEST(quiet_links_stay_up_by_ping) {
    struct pair p;
    pair_init(&p);
    p.client_opts = (struct h2_opts){.ping_after_ms = 20, .lost_after_ms = 2000};
    pair_dial(&p, TLS_NODE);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    pair_run_for(&p, 300);
    CHECK(!p.dialled.gone && !p.accepted.gone);
    CHECK(h2_rtt_us(p.dialled.h) > 0);
    pair_release(&p);
}

TESTS_MAIN("tls", T(an_unknown_certificate_is_refused), T(the_right_pin_is_enough), T(localhost_by_name_is_verified_too),
           T(a_name_outside_the_certificate_is_refused), T(nobody_there_is_not_found),
           T(an_unknown_host_is_told_from_a_closed_port), T(a_server_without_tls_is_told),
           T(a_missing_root_file_is_a_missing_file), T(a_new_name_reissues_with_the_same_key),
           T(certificate_files_are_made_once_with_safe_modes),
           T(a_key_that_others_can_read_and_a_pipe_in_a_files_place_are_refused), T(old_tls_and_other_protocols_are_refused),
           T(bytes_that_are_not_http2_end_the_link), T(a_stopped_peer_is_lost_after_three_seconds),
           T(a_peer_that_says_nothing_has_limited_time), T(quiet_links_stay_up_by_ping))
