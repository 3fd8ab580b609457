/* model/schema_list.c - schemas of arrays. */
#include "model/schema_parts.h"

struct list {
    const json_t *prefix, *items; /* items NULL: none beyond the prefix */
    size_t fixed;                 /* of the prefix that count */
    int64_t least, most;          /* most < 0: any number */
};

static int read_counts(struct schema *s, const json_t *j, struct list *l) {
    l->least = 0;
    l->most = -1;
    if (json_get_int(j, "minItems", 0, INT64_MAX, &l->least) == JSON_WRONG)
        return schema_bad(s, ERR_FORMAT, "minItems", "must be a whole number from 0");
    if (json_get_int(j, "maxItems", 0, INT64_MAX, &l->most) == JSON_WRONG)
        return schema_bad(s, ERR_FORMAT, "maxItems", "must be a whole number from 0");
    if (l->least > GRAMMAR_REPEAT_MAX) return schema_bad(s, ERR_LIMIT, "minItems", "is over 16384");
    if (l->most > GRAMMAR_REPEAT_MAX) l->most = GRAMMAR_REPEAT_MAX;
    return 0;
}

static int read_list(struct schema *s, const json_t *j, struct list *l) {
    int r = read_counts(s, j, l);
    l->prefix = json_object_get(j, "prefixItems");
    l->items = json_object_get(j, "items");
    if (r != 0) return r;
    if (l->prefix && !json_is_array(l->prefix)) return schema_bad(s, ERR_FORMAT, "prefixItems", "must be a list of schemas");
    l->fixed = json_array_size(l->prefix);
    if (!l->items && (!l->prefix || l->least > (int64_t)l->fixed)) l->items = json_true(); /* a constant of the library */
    if (json_is_false(l->items)) l->items = NULL;
    if (l->most >= 0 && (size_t)l->most < l->fixed) l->fixed = (size_t)l->most;
    if (!l->items && (l->most < 0 || l->most > (int64_t)l->fixed)) l->most = (int64_t)l->fixed;
    if (l->most >= 0 && l->most < l->least) return schema_bad(s, ERR_FORMAT, NULL, "fewer items are allowed than are needed");
    return 0;
}

/* What follows the prefix: between a and z more items, each with its comma. */
static int put_more(struct schema *s, struct buf *b, const struct list *l, int64_t a, int64_t z) {
    if (!l->items || z == 0) return 0;
    int r = buf_addf(b, " (\",\" ws ");
    if (r == 0) r = schema_use(s, b, l->items, "items", NULL);
    if (r != 0) return r;
    if (a < 0) a = 0;
    return z < 0 ? buf_addf(b, "){%d,}", (int)a) : buf_addf(b, "){%d,%d}", (int)a, (int)z);
}

/* Item i of the prefix and all that may follow, as a rule of its own: optional once enough items are there. */
static int put_prefix(struct schema *s, struct buf *b, const struct list *l, size_t i, uint32_t rules) {
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    if (i == l->fixed) {
        int r = put_more(s, b, l, l->least - (int64_t)i, l->most < 0 ? -1 : l->most - (int64_t)i);
        return r == 0 ? buf_addf(b, " ws") : r;
    }
    int r = i ? buf_addf(b, "\",\" ws ") : 0;
    if (r == 0) r = schema_use(s, b, json_array_get(l->prefix, i), "prefixItems", number);
    if (r == 0) r = buf_addf(b, " a%u-%zu", rules, i + 1);
    if (r == 0 && (int64_t)i >= l->least) r = buf_addf(b, i ? " | ws" : " | \"\"");
    return r;
}

int schema_array(struct schema *s, struct buf *b, const json_t *j) {
    struct list l;
    int r = read_list(s, j, &l);
    if (r != 0) return r;
    if (l.most == 0) return buf_addf(b, "\"[\" ws \"]\"");
    if (l.fixed == 0) {
        r = buf_addf(b, "\"[\" ws (");
        if (r == 0) r = schema_use(s, b, l.items, "items", NULL);
        if (r == 0) r = put_more(s, b, &l, l.least - 1, l.most < 0 ? -1 : l.most - 1);
        return r == 0 ? buf_addf(b, " ws)%s \"]\"", l.least == 0 ? "?" : "") : r;
    }
    uint32_t rules = s->helpers++;
    for (size_t i = 0; r == 0 && i <= l.fixed; i++) {
        struct buf line;
        buf_init(&line, GRAMMAR_BYTES_MAX);
        r = put_prefix(s, &line, &l, i, rules);
        if (r == 0) r = buf_addf(s->out, "a%u-%zu ::= %.*s\n", rules, i, (int)line.len, (const char *)line.data);
        buf_release(&line);
    }
    return r == 0 ? buf_addf(b, "\"[\" ws a%u-0 \"]\"", rules) : r;
}
