/* model/kv.c - see kv.h. */
#include "model/kv.h"
#include "base/mem.h"
#include "math/kv_page.h"

#include <stdlib.h>
#include <sys/mman.h>

int kv_pool_init(struct kv_pool *p, size_t page_bytes, uint32_t pages) {
    *p = (struct kv_pool){.page_bytes = page_bytes, .pages = pages};
    size_t bytes;
    if (page_bytes == 0 || page_bytes % 64 || pages == 0) return ERR_RANGE;
    if (__builtin_mul_overflow(page_bytes, (size_t)pages, &bytes)) return ERR_NOMEM;
    p->free_page = mem_zalloc(pages, sizeof *p->free_page);
    p->holders = mem_zalloc(pages, sizeof *p->holders);
    void *mem = MAP_FAILED;
    if (p->free_page && p->holders)
        mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED) {
        kv_pool_release(p);
        return ERR_NOMEM;
    }
    p->mem = mem;
    mem_private(p->mem, bytes);
    for (uint32_t i = 0; i < pages; i++) p->free_page[i] = pages - 1 - i;
    p->free_count = pages;
    return 0;
}

void kv_pool_release(struct kv_pool *p) {
    if (p->mem) munmap(p->mem, p->page_bytes * p->pages);
    free(p->free_page);
    free(p->holders);
    *p = (struct kv_pool){0};
}

/* ---- pages ---- */

uint32_t kv_page_number(const struct kv_pool *p, const uint8_t *page) {
    return (uint32_t)((size_t)(page - p->mem) / p->page_bytes);
}

static uint8_t *page_take(struct kv_pool *p) {
    uint32_t number = p->free_page[--p->free_count];
    p->holders[number] = 1;
    return p->mem + (size_t)number * p->page_bytes;
}

void kv_page_hold(struct kv_pool *p, const uint8_t *page) { p->holders[kv_page_number(p, page)]++; }

void kv_page_drop(struct kv_pool *p, uint8_t *page, int written) {
    uint32_t number = kv_page_number(p, page);
    if (--p->holders[number] > 0) return;
    if (written && p->wipe)
        p->wipe(p->wipe_arg, number);
    else if (written)
        mem_wipe(page, p->page_bytes);
    p->free_page[p->free_count++] = number;
}

uint32_t kv_page_holders(const struct kv_pool *p, const uint8_t *page) { return p->holders[kv_page_number(p, page)]; }

/* ---- sequences ---- */

int kv_seq_init(struct kv_seq *s, uint32_t positions_max) {
    *s = (struct kv_seq){.page_max = (positions_max + KV_PAGE - 1) / KV_PAGE};
    s->page = mem_zalloc(s->page_max, sizeof *s->page);
    return s->page ? 0 : ERR_NOMEM;
}

int kv_seq_reserve(struct kv_seq *s, struct kv_pool *p, uint32_t positions) {
    uint32_t want = positions / KV_PAGE + (positions % KV_PAGE != 0);
    if (want > s->page_max) return ERR_CONTEXT;
    if (want > s->page_count && want - s->page_count > p->free_count) return ERR_BUSY;
    while (s->page_count < want) s->page[s->page_count++] = page_take(p);
    return 0;
}

int kv_seq_adopt(struct kv_seq *s, struct kv_pool *p, uint8_t *page) {
    uint32_t at = s->length / KV_PAGE;
    if (s->length % KV_PAGE || at >= s->page_max) return ERR_CONTEXT;
    kv_page_hold(p, page);
    if (at < s->page_count)
        kv_page_drop(p, s->page[at], s->written > s->length);
    else
        s->page_count++; /* pages are reserved in order, so this is the next place */
    s->page[at] = page;
    s->length += KV_PAGE;
    return 0;
}

void kv_seq_rewind(struct kv_seq *s, uint32_t length) {
    if (s->written < s->length) s->written = s->length;
    s->length = length;
}

void kv_seq_shrink(struct kv_seq *s, struct kv_pool *p) {
    uint32_t most = s->written > s->length ? s->written : s->length, keep = (s->length + KV_PAGE - 1) / KV_PAGE;
    uint32_t written = (most + KV_PAGE - 1) / KV_PAGE; /* pages beyond were never touched, and stay unbacked */
    while (s->page_count > keep) {
        s->page_count--;
        kv_page_drop(p, s->page[s->page_count], s->page_count < written);
    }
    s->written = most < keep * KV_PAGE ? most : keep * KV_PAGE;
}

void kv_seq_clear(struct kv_seq *s, struct kv_pool *p) {
    kv_seq_rewind(s, 0);
    kv_seq_shrink(s, p);
}

void kv_seq_release(struct kv_seq *s, struct kv_pool *p) {
    if (s->page) kv_seq_clear(s, p);
    free(s->page);
    *s = (struct kv_seq){0};
}
