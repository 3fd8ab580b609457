/* net/http_conn.c - one connection of the server: heads and bodies in, one request at a time, until either side has enough.
 *
 * Reading goes on while a request is with its owner, so that a client's leaving is seen at once; what it pipelines meanwhile
 * waits in the input buffer, up to READ_AHEAD. */
#include "base/log.h"
#include "net/httpd_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
    HEAD_MS = 10000,  /* for a head, from its first byte */
    BODY_MS = 60000,  /* for a body */
    IDLE_MS = 120000, /* for the next request of a connection to begin */
    LINGER_MS = 2000,
    READ_AHEAD = 131072 /* more than a head may have */
};

static uint32_t head_ms(const struct http_conn *c) { return c->d->o.head_ms ? c->d->o.head_ms : HEAD_MS; }
static uint32_t body_ms(const struct http_conn *c) { return c->d->o.body_ms ? c->d->o.body_ms : BODY_MS; }
static struct evbuffer *input(const struct http_conn *c) { return bufferevent_get_input(c->bev); }

static void drop_request(struct http_conn *c) {
    c->d->buffered -= c->body.len;
    if (c->head_text) mem_wipe(c->head_text, c->head_n); /* a key may be in it */
    free(c->head_text);
    c->head_text = NULL;
    c->looked = 0;
    buf_release(&c->body);
}

void http_conn_free(struct http_conn *c, int reset) {
    struct http_req *r = c->req;
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    c->req = NULL;
    if (c->prev)
        c->prev->next = c->next;
    else
        c->d->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    c->d->conn_count--;
    if (reset) (void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    bufferevent_free(c->bev); /* and closes */
    timer_free(c->timer);
    drop_request(c);
    free(c);
    if (r) http_req_gone(r);
}

/* ---- requests ---- */

/* Refused before it could be read on: answered at once, and nothing that follows is read as a request. */
static void refuse(struct http_conn *c, struct http_req *r, enum http_problem p) {
    c->close = 1;
    c->state = CONN_OWNED;
    timer_stop(c->timer);
    httpd_dispatch(r, (int)p);
}

static void body_is_whole(struct http_conn *c) {
    timer_stop(c->timer);
    c->state = CONN_OWNED;
    httpd_dispatch(c->req, -1);
}

static int take_body(struct http_conn *c, const uint8_t *p, size_t n) {
    if (n > c->d->o.body_max - c->body.len) return HTTP_TOO_LARGE;
    if (n > c->d->o.buffered_max - c->d->buffered || buf_add(&c->body, p, n) != 0) return HTTP_TOO_MANY;
    c->d->buffered += n;
    return -1;
}

/* Some of the body. 1: it is whole; 0: more must come; -1: refused, and c is its owner's or gone. */
static int read_body(struct http_conn *c) {
    size_t n;
    while ((n = evbuffer_get_contiguous_space(input(c))) > 0) {
        const uint8_t *p = evbuffer_pullup(input(c), (ev_ssize_t)n), *data = p;
        size_t used = n, data_n;
        int over = 0, problem = -1;
        if (c->head.chunked) {
            over = http_chunks_take(&c->chunks, p, n, &used, &data, &data_n);
            if (over < 0) problem = HTTP_BAD_REQUEST;
        } else {
            if (used > c->head.length - c->body.len) used = (size_t)(c->head.length - c->body.len);
            data_n = used;
        }
        if (problem < 0 && data_n) problem = take_body(c, data, data_n);
        if (problem >= 0) {
            refuse(c, c->req, (enum http_problem)problem);
            return -1;
        }
        evbuffer_drain(input(c), used);
        if (!c->head.chunked) over = c->body.len == c->head.length;
        if (over) return 1;
    }
    return 0;
}

/* Blank lines between requests are tolerated, as RFC 9112 2.2 asks. */
static void skip_blank_lines(struct http_conn *c) {
    char two[2];
    while (c->looked == 0 && evbuffer_copyout(input(c), two, 2) == 2 && two[0] == '\r' && two[1] == '\n')
        evbuffer_drain(input(c), 2);
}

/* 1: a head is here, and c->req made of it. 0: not yet; -1: c is gone, or the request its owner's. */
static int read_head(struct http_conn *c) {
    skip_blank_lines(c);
    size_t n = evbuffer_get_length(input(c)), before = c->looked;
    const uint8_t *p = n ? evbuffer_pullup(input(c), -1) : NULL;
    int length = p ? http_head_find(p, n, &c->looked) : 0;
    if (length == 0) {
        if (n && before == 0) timer_start_ms(c->timer, head_ms(c));
        return 0;
    }
    c->close = 1; /* until all is well */
    c->head = (struct http_head){.count = 0};
    c->req = http_req_new(c->d, c);
    if (length > 0) c->head_text = malloc((size_t)length + 1);
    if (!c->req || (length > 0 && !c->head_text)) {
        http_conn_free(c, 1);
        return -1;
    }
    if (length > 0) {
        memcpy(c->head_text, p, (size_t)length);
        c->head_text[length] = 0;
        c->head_n = (size_t)length;
        evbuffer_drain(input(c), (size_t)length);
        length = http_head_parse(&c->head, c->head_text, (size_t)length);
    }
    int problem = length < 0 ? HTTP_BAD_REQUEST : httpd_find_problem(c->req);
    if (problem < 0) {
        c->close = c->head.close;
        return 1;
    }
    int had_body = length < 0 || c->head.chunked || c->head.length;
    c->close = had_body || c->head.close;
    c->state = CONN_OWNED;
    timer_stop(c->timer);
    httpd_dispatch(c->req, problem);
    return -1;
}

/* As far as the input goes. */
static void go_on(struct http_conn *c) {
    if (c->state == CONN_HEAD) {
        if (read_head(c) != 1) return;
        buf_init(&c->body, c->d->o.body_max);
        c->chunks = (struct http_chunks){0};
        c->state = CONN_BODY;
        timer_start_ms(c->timer, body_ms(c));
        if (!c->head.chunked && c->head.length == 0) {
            body_is_whole(c);
            return;
        }
        if (c->head.expects && evbuffer_get_length(input(c)) == 0) bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
    if (c->state == CONN_BODY && read_body(c) == 1) body_is_whole(c);
}

/* ---- the connection ---- */

static void on_read(struct bufferevent *bev, void *arg) {
    struct http_conn *c = arg;
    (void)bev;
    if (c->state == CONN_LINGER)
        evbuffer_drain(input(c), evbuffer_get_length(input(c)));
    else if (c->state == CONN_HEAD || c->state == CONN_BODY)
        go_on(c);
}

/* The client has its answer: the next request, or the end. */
static void answer_taken(struct http_conn *c) {
    drop_request(c);
    if (c->close) {
        c->state = CONN_LINGER;
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
        evbuffer_drain(input(c), evbuffer_get_length(input(c)));
        timer_start_ms(c->timer, LINGER_MS);
        return;
    }
    c->state = CONN_HEAD;
    timer_start_ms(c->timer, IDLE_MS);
    go_on(c);
}

static void on_write(struct bufferevent *bev, void *arg) {
    struct http_conn *c = arg;
    if (evbuffer_get_length(bufferevent_get_output(bev))) return;
    if (c->state == CONN_ANSWER)
        answer_taken(c);
    else if (c->state == CONN_OWNED && c->req)
        http_req_drained(c->req);
}

static void on_event(struct bufferevent *bev, short what, void *arg) {
    struct http_conn *c = arg;
    (void)bev;
    if ((what & BEV_EVENT_EOF) && c->state == CONN_ANSWER)
        c->close = 1; /* it may still take what it asked for */
    else
        http_conn_free(c, 0);
}

static void on_timer(void *arg) {
    struct http_conn *c = arg;
    http_conn_free(c, 0);
}

void http_conn_answered(struct http_conn *c) {
    c->req = NULL;
    c->state = CONN_ANSWER;
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
        bufferevent_trigger(c->bev, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void http_conn_accept(void *arg, int fd, const struct addr *peer) {
    struct httpd *d = arg;
    uint32_t ms = d->o.stall_ms;
    struct timeval stall = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    struct http_conn *c = d->conn_count < d->o.connections_max ? mem_zalloc(1, sizeof *c) : NULL;
    struct bufferevent *bev = c ? bufferevent_socket_new(loop_base(d->loop), fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!bev || timer_new(&c->timer, d->loop, on_timer, c) != 0) {
        free(c);
        if (bev)
            bufferevent_free(bev);
        else
            evutil_closesocket(fd);
        return;
    }
    c->d = d;
    c->bev = bev;
    c->peer = *peer;
    buf_init(&c->body, 0);
    c->next = d->conns;
    if (c->next) c->next->prev = c;
    d->conns = c;
    d->conn_count++;
    bufferevent_setcb(bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(bev, EV_READ, 0, READ_AHEAD);
    bufferevent_set_timeouts(bev, NULL, &stall); /* a client that takes nothing; waiting for us is no fault of its */
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    timer_start_ms(c->timer, head_ms(c));
}
