/* node/blind_accounts.c - see blind_accounts.h. */
#include "node/blind_accounts.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 256 << 10 };

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* "TOKEN COLUMNS" of n characters, blanks around them trimmed. */
static int line_read(struct blind_account *a, const char *text, size_t n) {
    size_t token = 0, at;
    uint64_t columns = 0;
    while (token < n && text[token] > ' ' && text[token] <= '~') token++;
    if (token < BLIND_TOKEN_MIN || token > BLIND_TOKEN_MAX) return ERR_FORMAT;
    for (at = token; at < n && is_blank(text[at]);) at++;
    if (at == token || at == n) return ERR_FORMAT;
    for (; at < n; at++) {
        if (text[at] < '0' || text[at] > '9' || columns > (UINT64_MAX - 9) / 10) return ERR_FORMAT;
        columns = columns * 10 + (uint64_t)(text[at] - '0');
    }
    memcpy(a->token, text, token);
    a->token_n = (uint8_t)token;
    atomic_init(&a->paid, columns);
    atomic_init(&a->used, 0);
    return 0;
}

static int add_line(struct blind_accounts *a, const char *text, size_t n, const char *path, size_t line, struct why *why) {
    while (n && is_blank(text[n - 1])) n--;
    while (n && is_blank(*text)) text++, n--;
    if (n == 0 || *text == '#') return 0;
    if (a->count == BLIND_ACCOUNTS_MAX) return why_set(why, ERR_LIMIT, "%s: more than %d clients", path, BLIND_ACCOUNTS_MAX);
    struct blind_account *new = &a->list[a->count];
    if (line_read(new, text, n) != 0) /* the text is a secret: not shown */
        return why_set(why, ERR_FORMAT, "%s:%zu: not a token of %d to %d printable characters and a number of columns", path,
                       line, BLIND_TOKEN_MIN, BLIND_TOKEN_MAX);
    if (blind_accounts_find(a, new->token, new->token_n))
        return why_set(why, ERR_EXISTS, "%s:%zu: this token is there already", path, line);
    new->line = (uint32_t)line;
    a->count++;
    return 0;
}

int blind_accounts_load(struct blind_accounts *a, const char *path, struct why *why) {
    struct buf b;
    *a = (struct blind_accounts){.list = NULL};
    if (!path) return 0;
    int r = file_read_private(&b, path, FILE_MAX, why);
    if (r != 0) return r;
    a->list = mem_zalloc(BLIND_ACCOUNTS_MAX, sizeof *a->list);
    if (!a->list) r = ERR_NOMEM;
    for (size_t at = 0, line = 1; r == 0 && at < b.len; line++) {
        const char *start = (const char *)b.data + at, *end = memchr(start, '\n', b.len - at);
        size_t n = end ? (size_t)(end - start) : b.len - at;
        r = add_line(a, start, n, path, line, why);
        at += n + 1;
    }
    buf_release(&b);
    if (r != 0) blind_accounts_release(a);
    return r;
}

/* ---- again, while sessions hold pointers into the list: entries stay where they are ---- */

static void append(struct blind_accounts *a, const struct blind_account *new) {
    struct blind_account *to = &a->list[a->count++];
    memcpy(to->token, new->token, new->token_n);
    to->token_n = new->token_n;
    to->line = new->line;
    atomic_init(&to->paid, atomic_load(&new->paid));
    atomic_init(&to->used, 0);
}

static size_t unknown(const struct blind_accounts *a, const struct blind_accounts *fresh) {
    size_t count = 0;
    for (size_t i = 0; i < fresh->count; i++) count += !blind_accounts_find(a, fresh->list[i].token, fresh->list[i].token_n);
    return count;
}

int blind_accounts_reload(struct blind_accounts *a, const char *path, struct why *why) {
    struct blind_accounts fresh;
    int r = blind_accounts_load(&fresh, path, why);
    if (r != 0) return r;
    if (a->count + unknown(a, &fresh) > BLIND_ACCOUNTS_MAX)
        r = why_set(why, ERR_LIMIT, "%s: more than %d clients since the start: restart the node", path, BLIND_ACCOUNTS_MAX);
    for (size_t i = 0; r == 0 && i < a->count; i++) {
        const struct blind_account *now = blind_accounts_find(&fresh, a->list[i].token, a->list[i].token_n);
        atomic_store(&a->list[i].paid, now ? atomic_load(&now->paid) : 0);
        a->list[i].line = now ? now->line : 0;
    }
    for (size_t i = 0; r == 0 && i < fresh.count; i++)
        if (!blind_accounts_find(a, fresh.list[i].token, fresh.list[i].token_n)) append(a, &fresh.list[i]);
    blind_accounts_release(&fresh);
    return r;
}

void blind_accounts_log(const struct blind_accounts *a) {
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].line)
            log_event(LOG_INFO, "blind", "account", LOG_COUNT("line", a->list[i].line),
                      LOG_COUNT("paid", atomic_load(&a->list[i].paid)), LOG_COUNT("left", blind_account_left(&a->list[i])));
}

void blind_accounts_release(struct blind_accounts *a) {
    if (a->list) mem_wipe(a->list, BLIND_ACCOUNTS_MAX * sizeof *a->list);
    free(a->list);
    *a = (struct blind_accounts){.list = NULL};
}

struct blind_account *blind_accounts_find(const struct blind_accounts *a, const uint8_t *token, size_t n) {
    struct blind_account *found = NULL;
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].token_n == n && mem_equal_ct(a->list[i].token, token, n)) found = &a->list[i];
    return found;
}
