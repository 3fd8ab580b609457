/* evidence/tlog_leaf.c - see tlog_leaf.h. One reader per type; a table says which. */
#include "evidence/tlog_leaf.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/canonical_json.h"
#include "evidence/policy_parts.h"
#include "evidence/tlog_tile.h"

/* ---- members ---- */

static int only_members(const json_t *obj, const char *const *names, struct why *why) {
    if (ev_policy_known(obj, names, "leaf", NULL) == 0) return 0;
    return why_set(why, ERR_FORMAT, "leaf: a member that its type does not have");
}

static int read_text(char *out, size_t cap, const json_t *obj, const char *key, struct why *why) {
    const json_t *v = json_object_get(obj, key);
    const char *text = json_string_value(v);
    size_t n = text ? json_string_length(v) : 0;
    int good = n > 0 && n < cap;
    for (size_t i = 0; i < n && good; i++) good = text[i] > 0x20 && text[i] < 0x7f;
    if (!good)
        return why_set(why, ERR_FORMAT, "leaf: \"%s\" is a text of 1 to %zu printable characters without blanks", key, cap - 1);
    memcpy(out, text, n + 1);
    return 0;
}

static int hex_value(uint8_t *out, size_t cap, size_t *size, const json_t *v) {
    const char *hex = json_string_value(v);
    size_t n = hex ? json_string_length(v) : 0;
    *size = n / 2;
    return n > 0 && n % 2 == 0 && *size <= cap && strspn(hex, "0123456789abcdef") == n ? hex_decode(out, *size, hex, n)
                                                                                       : ERR_FORMAT;
}

static int read_digest(uint8_t out[32], const json_t *v) {
    size_t n;
    return hex_value(out, 32, &n, v) == 0 && n == 32 ? 0 : ERR_FORMAT;
}

static int read_digest_of(uint8_t out[32], const json_t *obj, const char *key, struct why *why) {
    if (read_digest(out, json_object_get(obj, key)) == 0) return 0;
    return why_set(why, ERR_FORMAT, "leaf: \"%s\" is 64 lower-case hexadecimal digits", key);
}

static int read_int(int64_t *out, const json_t *obj, const char *key, int64_t lo, int64_t hi, struct why *why) {
    const json_t *v = json_object_get(obj, key);
    if (!json_is_integer(v)) return why_set(why, ERR_FORMAT, "leaf: \"%s\" is an integer", key);
    *out = json_integer_value(v);
    return *out >= lo && *out <= hi
               ? 0
               : why_set(why, ERR_RANGE, "leaf: \"%s\" is between %lld and %lld", key, (long long)lo, (long long)hi);
}

static int read_array(const json_t **out, const json_t *obj, const char *key, size_t max, struct why *why) {
    *out = json_object_get(obj, key);
    if (!json_is_array(*out)) return why_set(why, ERR_FORMAT, "leaf: \"%s\" is a list", key);
    return json_array_size(*out) <= max ? 0 : why_set(why, ERR_LIMIT, "leaf: \"%s\" has over %zu items", key, max);
}

/* ---- types ---- */

static int read_measurement(struct tlog_leaf *l, const json_t *item, struct why *why) {
    static const char *const names[] = {"kind", "value", NULL};
    unsigned at = l->measurements++;
    size_t size = 0;
    if (!json_is_object(item)) return why_set(why, ERR_FORMAT, "leaf: a measurement is an object of kind and value");
    int r = only_members(item, names, why);
    if (r == 0) r = read_text(l->measurement[at].kind, sizeof l->measurement[at].kind, item, "kind", why);
    if (r != 0) return r;
    r = hex_value(l->measurement[at].value, TLOG_MEASUREMENT_MAX, &size, json_object_get(item, "value"));
    l->measurement[at].size = (unsigned)size;
    return r == 0 && size >= 16
               ? 0
               : why_set(why, ERR_FORMAT, "leaf: a measurement has 16 to 64 bytes in lower-case hexadecimal digits");
}

static int read_release(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    const json_t *list = NULL;
    int r = read_text(l->name, sizeof l->name, obj, "name", why);
    if (r == 0) r = read_text(l->version, sizeof l->version, obj, "version", why);
    if (r == 0) r = read_digest_of(l->digest, obj, "binary", why);
    if (r == 0) r = read_array(&list, obj, "measurements", TLOG_MEASUREMENTS_MAX, why);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) r = read_measurement(l, json_array_get(list, i), why);
    return r;
}

static int read_model(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    int r = read_text(l->name, sizeof l->name, obj, "name", why);
    return r == 0 ? read_digest_of(l->digest, obj, "manifest", why) : r;
}

static int read_policy(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    int r = read_text(l->name, sizeof l->name, obj, "name", why);
    return r == 0 ? read_digest_of(l->digest, obj, "digest", why) : r;
}

/* Identities ascend within a part, so none is in it twice with two operators. */
static int read_node(struct tlog_leaf *l, const json_t *pair, struct why *why) {
    struct tlog_hash *at = &l->list[2 * l->nodes];
    if (json_array_size(pair) != 2 || read_digest(at[0].b, json_array_get(pair, 0)) != 0 ||
        read_digest(at[1].b, json_array_get(pair, 1)) != 0)
        return why_set(why, ERR_FORMAT, "leaf: a node is a list of identity and operator, 64 hexadecimal digits each");
    if (l->nodes > 0 && memcmp(at[-2].b, at[0].b, 32) >= 0) return why_set(why, ERR_FORMAT, "leaf: identities must ascend");
    l->nodes++;
    return 0;
}

static int read_nodes(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    const json_t *list = NULL;
    int r = read_int(&l->hour, obj, "hour", 0, INT32_MAX, why);
    if (r == 0) r = read_int(&l->parts, obj, "parts", 1, TLOG_PARTS_MAX, why);
    if (r == 0) r = read_int(&l->part, obj, "part", 0, l->parts - 1, why);
    if (r == 0) r = read_array(&list, obj, "nodes", TLOG_NODES_MAX, why);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) r = read_node(l, json_array_get(list, i), why);
    return r;
}

static int read_listed(struct tlog_hash *to, unsigned *count, const json_t *obj, const char *key, struct why *why) {
    const json_t *list = NULL;
    int r = read_array(&list, obj, key, TLOG_LISTED_MAX, why);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        r = read_digest(to[i].b, json_array_get(list, i));
        if (r == 0 && i > 0 && memcmp(to[i - 1].b, to[i].b, 32) >= 0) r = ERR_FORMAT;
        if (r != 0) why_set(why, r, "leaf: \"%s\" lists leaf hashes, 64 hexadecimal digits each, ascending", key);
        *count = (unsigned)i + 1;
    }
    return r;
}

static int is_in(const struct tlog_hash *list, unsigned n, const struct tlog_hash *h) {
    for (unsigned i = 0; i < n; i++)
        if (tlog_hash_equal(&list[i], h)) return 1;
    return 0;
}

static int read_state(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    int r = read_int(&l->from, obj, "from", 0, INT64_C(1) << 40, why);
    if (r == 0) r = read_int(&l->until, obj, "until", l->from + 1, l->from + TLOG_STATE_S_MAX, why);
    if (r == 0) r = read_listed(l->list, &l->in_force, obj, "in_force", why);
    if (r == 0) r = read_listed(l->list + l->in_force, &l->revoked, obj, "revoked", why);
    for (unsigned i = 0; r == 0 && i < l->revoked; i++)
        if (is_in(l->list, l->in_force, &l->list[l->in_force + i]))
            r = why_set(why, ERR_FORMAT, "leaf: one thing cannot be both in force and revoked");
    return r;
}

static const struct {
    const char *name;
    const char *members[8];
    int (*read)(struct tlog_leaf *l, const json_t *obj, struct why *why);
} types[TLOG_LEAF_END] = {
    [TLOG_RELEASE] = {"release", {"v", "type", "name", "version", "binary", "measurements"}, read_release},
    [TLOG_MODEL] = {"model", {"v", "type", "name", "manifest"}, read_model},
    [TLOG_POLICY] = {"policy", {"v", "type", "name", "digest"}, read_policy},
    [TLOG_NODES] = {"nodes", {"v", "type", "hour", "part", "parts", "nodes"}, read_nodes},
    [TLOG_STATE] = {"state", {"v", "type", "from", "until", "in_force", "revoked"}, read_state},
};

const char *tlog_leaf_type_name(enum tlog_leaf_type t) { return t > 0 && t < TLOG_LEAF_END ? types[t].name : "unknown"; }

static int read_object(struct tlog_leaf *l, const json_t *obj, struct why *why) {
    const char *type = json_string_value(json_object_get(obj, "type"));
    const json_t *version = json_object_get(obj, "v");
    if (!json_is_object(obj) || !type || !json_is_integer(version))
        return why_set(why, ERR_FORMAT, "leaf: an object with \"v\" and \"type\"");
    if (json_integer_value(version) != 1) return why_set(why, ERR_VERSION, "leaf: \"v\" is 1");
    for (int t = 1; t < TLOG_LEAF_END; t++) {
        if (strcmp(type, types[t].name) != 0) continue;
        l->type = (enum tlog_leaf_type)t;
        int r = only_members(obj, types[t].members, why);
        return r == 0 ? types[t].read(l, obj, why) : r;
    }
    return why_set(why, ERR_UNSUPPORTED, "leaf: \"type\" is release, model, policy, nodes or state");
}

int tlog_leaf_read(struct tlog_leaf *out, struct ev_bytes entry, struct why *why) {
    json_t *obj = NULL;
    memset(out, 0, sizeof *out);
    if (entry.n > TLOG_ENTRY_BYTES_MAX) return why_set(why, ERR_LIMIT, "leaf: over %d bytes", TLOG_ENTRY_BYTES_MAX);
    int r = canonical_json_check(entry.p, entry.n, why);
    if (r == 0) r = json_parse(&obj, entry.p, entry.n, NULL);
    if (r == 0) r = read_object(out, obj, why);
    if (r == 0) tree_leaf_hash(out->hash.b, entry.p, entry.n);
    json_decref(obj);
    return r;
}

int tlog_leaf_write(struct buf *entry, const void *json, size_t n, struct why *why) {
    struct tlog_leaf *l = mem_zalloc(1, sizeof *l);
    if (!l) return ERR_NOMEM;
    int r = canonical_json(entry, json, n, why);
    if (r == 0) {
        r = tlog_leaf_read(l, (struct ev_bytes){entry->data, entry->len}, why);
        if (r != 0) buf_release(entry);
    }
    free(l);
    return r;
}

enum tlog_standing tlog_state_says(const struct tlog_leaf *state, const struct tlog_hash *leaf) {
    if (is_in(state->list + state->in_force, state->revoked, leaf)) return TLOG_REVOKED;
    return is_in(state->list, state->in_force, leaf) ? TLOG_IN_FORCE : TLOG_NOT_LISTED;
}
