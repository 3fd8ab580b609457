/* gateway/gw_pins.c - see gw_pins.h. */
#include "gateway/gw_pins.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_line(struct pins *p, const char *line, unsigned number, struct why *why) {
    struct pin *pin = &p->list[p->count];
    const char *space = strchr(line, ' ');
    size_t n = space ? (size_t)(space - line) : 0;
    if (*line == 0 || *line == '#') return 0;
    if (p->count == PINS_MAX) return why_set(why, ERR_LIMIT, "%s: more than %d names", p->path, PINS_MAX);
    if (n == 0 || n >= sizeof pin->name) return why_set(why, ERR_FORMAT, "%s:%u: expected NAME HASH", p->path, number);
    *pin = (struct pin){0};
    memcpy(pin->name, line, n);
    if (!model_name_is_full(pin->name) || hex_decode(pin->manifest, 32, space + 1, strlen(space + 1)) != 0)
        return why_set(why, ERR_FORMAT, "%s:%u: expected NAME HASH", p->path, number);
    if (pins_find(p, pin->name)) return why_set(why, ERR_EXISTS, "%s:%u: the name is pinned twice", p->path, number);
    p->count++;
    return 0;
}

static int read_file(struct pins *p, struct why *why) {
    struct buf b;
    int r = file_read(&b, p->path, 1 << 20, why);
    if (r == ERR_NOTFOUND) return 0;
    if (r == 0) r = buf_add(&b, "", 1) == 0 ? 0 : why_set(why, ERR_NOMEM, "out of memory");
    char *at = (char *)b.data;
    for (unsigned number = 1; r == 0 && at; number++) {
        char *next = strchr(at, '\n');
        if (next) *next++ = 0;
        r = read_line(p, at, number, why);
        at = next;
    }
    buf_release(&b);
    return r;
}

int pins_open(struct pins *p, const char *path, struct why *why) {
    *p = (struct pins){0};
    p->list = mem_zalloc(PINS_MAX + 1, sizeof *p->list); /* one to read into before the limit is judged */
    if (!p->list) return why_set(why, ERR_NOMEM, "out of memory");
    if (!path) return 0;
    snprintf(p->path, sizeof p->path, "%s", path);
    int r = read_file(p, why);
    if (r != 0) pins_close(p);
    return r;
}

void pins_close(struct pins *p) {
    free(p->list);
    *p = (struct pins){0};
}

const struct pin *pins_find(const struct pins *p, const char *name) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].name, name) == 0) return &p->list[i];
    return NULL;
}

static int write_file(const struct pins *p, struct why *why) {
    if (!p->path[0]) return 0;
    struct buf b;
    int r = 0;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; r == 0 && i < p->count; i++) {
        char hex[65];
        hex_encode(hex, p->list[i].manifest, 32);
        r = buf_addf(&b, "%s %s\n", p->list[i].name, hex);
    }
    if (r == 0) r = file_write(p->path, b.data, b.len, 0600, why);
    buf_release(&b);
    return r;
}

int pins_add(struct pins *p, const char *name, const uint8_t manifest[32], struct why *why) {
    if (pins_find(p, name)) return 0;
    if (p->count == PINS_MAX) return why_set(why, ERR_LIMIT, "the pins file is full: %d names", PINS_MAX);
    struct pin *pin = &p->list[p->count++];
    *pin = (struct pin){0};
    snprintf(pin->name, sizeof pin->name, "%s", name);
    memcpy(pin->manifest, manifest, 32);
    return write_file(p, why);
}

int pins_forget(struct pins *p, const char *name, struct why *why) {
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->list[i].name, name) != 0) continue;
        memmove(&p->list[i], &p->list[i + 1], (p->count - i - 1) * sizeof *p->list);
        p->count--;
        return write_file(p, why);
    }
    return why_set(why, ERR_NOTFOUND, "\"%.140s\" is not pinned", name);
}

void pins_compare(struct pins *p, const struct gw_dir *d, const struct gw_policy *policy, void (*conflict)(const char *name)) {
    for (size_t i = 0; i < d->count; i++) {
        const struct gw_node *n = &d->nodes[i];
        for (size_t k = 0; k < n->record.model_count && gw_policy_allows(policy, &n->record); k++) {
            struct pin *pin = (struct pin *)(uintptr_t)pins_find(p, n->record.models[k].name);
            if (!pin || pin->conflict_told || memcmp(pin->manifest, n->model_hash[k], 32) == 0) continue;
            pin->conflict_told = 1;
            conflict(pin->name);
        }
    }
}
