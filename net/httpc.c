/* net/httpc.c - see httpc.h. libcurl's own buffers hold prompts and answers: it gets the wiping allocator too. */
#include "net/httpc.h"
#include "base/mem.h"
#include "base/secret.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct run {
    const struct httpc_call *call;
    struct httpc_reply *reply;
    CURL *curl;
    int cancelled;
};

static void *wiped_calloc(size_t count, size_t size) { return calloc(count, size); }
static char *plain_strdup(const char *s) { return strdup(s); }
static void start_curl(void) {
    (void)curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_malloc, wiped_free, wiped_realloc, plain_strdup, wiped_calloc);
}

static size_t on_body(char *p, size_t size, size_t count, void *arg) {
    struct run *r = arg;
    size_t n = size * count;
    if (!r->call->on_data || r->call->on_data(r->call->arg, (const uint8_t *)p, n) == 0) return n;
    r->cancelled = 1;
    return 0;
}

/* value of "Name: value\r\n" into out when the name is the one wanted. */
static void take_header(const char *p, size_t n, const char *name, char *out, size_t cap) {
    size_t at = strlen(name);
    if (n <= at || strncasecmp(p, name, at) != 0 || p[at] != ':') return;
    at++;
    while (at < n && p[at] == ' ') at++;
    while (n > at && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' ')) n--;
    if (n - at >= cap) return;
    memcpy(out, p + at, n - at);
    out[n - at] = 0;
}

static size_t on_header(char *p, size_t size, size_t count, void *arg) {
    struct run *r = arg;
    take_header(p, size * count, "content-type", r->reply->content_type, sizeof r->reply->content_type);
    take_header(p, size * count, "lull-receipt", r->reply->receipt, sizeof r->reply->receipt);
    if (size * count > 5 && memcmp(p, "HTTP/", 5) == 0) { /* known before the body comes: a caller may want to look */
        long status = 0;
        curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
        r->reply->status = (int)status;
    }
    return size * count;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct run *r = arg;
    (void)a, (void)b, (void)c, (void)d;
    if (!r->call->should_stop || !r->call->should_stop(r->call->arg)) return 0;
    r->cancelled = 1;
    return 1;
}

static int add_text(struct curl_slist **list, const char *name, const char *value) {
    char line[1200];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    if (n < 0 || (size_t)n >= sizeof line) return ERR_LIMIT;
    struct curl_slist *more = curl_slist_append(*list, line);
    mem_wipe(line, sizeof line);
    if (!more) return ERR_NOMEM;
    *list = more;
    return 0;
}

static int add_headers(struct curl_slist **list, const struct httpc_call *c) {
    char bearer[1024];
    int r = add_text(list, "Expect", ""); /* no 100-continue round trip */
    if (r == 0 && c->content_type) r = add_text(list, "Content-Type", c->content_type);
    if (r == 0 && c->min_tier) r = add_text(list, "lull-min-tier", c->min_tier);
    if (r == 0 && c->blind_mode) r = add_text(list, "lull-blind-mode", c->blind_mode);
    if (r == 0 && c->bearer) {
        if (snprintf(bearer, sizeof bearer, "Bearer %s", c->bearer) >= (int)sizeof bearer) return ERR_LIMIT;
        r = add_text(list, "Authorization", bearer);
        mem_wipe(bearer, sizeof bearer);
    }
    return r;
}

static void set_options(struct run *r, struct curl_slist *headers) {
    const struct httpc_call *c = r->call;
    CURL *k = r->curl;
    uint32_t silence_ms = c->silence_ms ? c->silence_ms : 60000;
    curl_easy_setopt(k, CURLOPT_URL, c->url);
    curl_easy_setopt(k, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(k, CURLOPT_PROXY, ""); /* a gateway is beside us: no proxy of the environment sees the prompt */
    curl_easy_setopt(k, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(k, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(k, CURLOPT_CUSTOMREQUEST, c->method);
    if (c->body) {
        curl_easy_setopt(k, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
        curl_easy_setopt(k, CURLOPT_POSTFIELDS, c->body);
    }
    curl_easy_setopt(k, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(k, CURLOPT_CONNECTTIMEOUT_MS, (long)(c->connect_ms ? c->connect_ms : 5000));
    curl_easy_setopt(k, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(k, CURLOPT_LOW_SPEED_TIME, (long)(silence_ms + 999) / 1000);
    curl_easy_setopt(k, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(k, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(k, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(k, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(k, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(k, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(k, CURLOPT_NOPROGRESS, 0L);
}

/* curl asks for progress about once a second when nothing moves: too slow for Ctrl-C. So the transfer is driven here, a tenth
 * of a second at a time. */
static CURLcode perform(struct run *r) {
    CURLM *m = curl_multi_init();
    CURLcode code = CURLE_FAILED_INIT;
    int running = 1, left;
    if (!m) return code;
    if (curl_multi_add_handle(m, r->curl) == CURLM_OK) {
        while (running && !r->cancelled) {
            if (curl_multi_perform(m, &running) != CURLM_OK || !running) break;
            if (curl_multi_poll(m, NULL, 0, 100, NULL) != CURLM_OK) break;
            if (r->call->should_stop && r->call->should_stop(r->call->arg)) r->cancelled = 1;
        }
        for (CURLMsg *msg; (msg = curl_multi_info_read(m, &left));)
            if (msg->msg == CURLMSG_DONE) code = msg->data.result;
        curl_multi_remove_handle(m, r->curl);
    }
    curl_multi_cleanup(m);
    return code;
}

static int error_of(const struct run *r, CURLcode code, struct why *why) {
    if (r->cancelled) return ERR_CANCELLED;
    switch (code) {
    case CURLE_OK: return 0;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return why_set(why, ERR_USAGE, "%.200s: not an http or https address", r->call->url);
    case CURLE_OPERATION_TIMEDOUT: return why_set(why, ERR_TIME, "%.200s: no answer in time", r->call->url);
    case CURLE_OUT_OF_MEMORY: return ERR_NOMEM;
    default: return why_set(why, ERR_LOST, "%.200s: %s", r->call->url, curl_easy_strerror(code));
    }
}

int httpc_run(const struct httpc_call *c, struct httpc_reply *reply, struct why *why) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    memset(reply, 0, sizeof *reply);
    struct run r = {.call = c, .reply = reply, .curl = curl_easy_init()};
    struct curl_slist *headers = NULL;
    int e = r.curl ? add_headers(&headers, c) : ERR_NOMEM;
    if (e == 0) {
        set_options(&r, headers);
        e = error_of(&r, perform(&r), why);
    }
    for (struct curl_slist *h = headers; h; h = h->next) mem_wipe(h->data, strlen(h->data));
    curl_slist_free_all(headers);
    if (r.curl) curl_easy_cleanup(r.curl);
    return e;
}
