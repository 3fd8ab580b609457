/* evidence/tlog_bundle.c - see tlog_bundle.h. */
#include "evidence/tlog_bundle.h"

#include "evidence/policy_parts.h"
#include "evidence/tlog_tile.h"

#include <string.h>

/* ---- reading ---- */

static int refuse(struct why *why, int err, const char *what) { return why_set(why, err, "proof: %s", what); }

static int read_hashes(struct tlog_proof *out, const json_t *list) {
    struct tlog_proof p = {.count = 0};
    if (!json_is_array(list)) return ERR_FORMAT;
    if (json_array_size(list) > TLOG_PROOF_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        const char *text = json_string_value(v);
        if (!text || tlog_hash_read(&p.hash[p.count++], text, json_string_length(v)) != 0) return ERR_FORMAT;
    }
    *out = p;
    return 0;
}

static int read_number(uint64_t *out, const json_t *v) {
    if (!json_is_integer(v) || json_integer_value(v) < 0) return ERR_FORMAT;
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int read_string(struct ev_bytes *out, const json_t *v, size_t max) {
    if (!json_is_string(v)) return ERR_FORMAT;
    *out = (struct ev_bytes){(const uint8_t *)json_string_value(v), json_string_length(v)};
    return out->n <= max ? 0 : ERR_LIMIT;
}

static int read_placed(struct tlog_placed *p, const json_t *obj) {
    static const char *const names[] = {"index", "entry", "proof", NULL};
    int r = ev_policy_known(obj, names, "proof", NULL);
    if (r == 0) r = read_number(&p->index, json_object_get(obj, "index"));
    if (r == 0) r = read_string(&p->entry, json_object_get(obj, "entry"), TLOG_ENTRY_BYTES_MAX);
    return r == 0 ? read_hashes(&p->proof, json_object_get(obj, "proof")) : r;
}

static int read_consistency(struct tlog_bundle *b, const json_t *obj) {
    static const char *const names[] = {"from", "proof", NULL};
    int r = ev_policy_known(obj, names, "proof", NULL);
    if (r == 0) r = read_number(&b->from, json_object_get(obj, "from"));
    return r == 0 ? read_hashes(&b->consistency, json_object_get(obj, "proof")) : r;
}

static int read_members(struct tlog_bundle *b, struct why *why) {
    static const char *const names[] = {"v", "checkpoint", "leaf", "state", "consistency", NULL};
    const json_t *version = json_object_get(b->json, "v"), *state = json_object_get(b->json, "state"),
                 *consistency = json_object_get(b->json, "consistency");
    b->has_state = state != NULL;
    b->has_consistency = consistency != NULL;
    if (!json_is_object(b->json) || !json_is_integer(version)) return refuse(why, ERR_FORMAT, "an object with \"v\"");
    if (json_integer_value(version) != TLOG_BUNDLE_VERSION) return refuse(why, ERR_VERSION, "\"v\" is 1");
    int r = ev_policy_known(b->json, names, "proof", NULL);
    if (r != 0) return refuse(why, r, "a member that this version does not know");
    r = read_string(&b->checkpoint, json_object_get(b->json, "checkpoint"), TLOG_NOTE_BYTES_MAX);
    if (r != 0) return refuse(why, r, "\"checkpoint\" is a text of at most 128 KiB");
    r = read_placed(&b->leaf, json_object_get(b->json, "leaf"));
    if (r != 0) return refuse(why, r, "\"leaf\" is an object of index, entry and proof");
    r = state ? read_placed(&b->state, state) : 0;
    if (r != 0) return refuse(why, r, "\"state\" is an object of index, entry and proof");
    r = consistency ? read_consistency(b, consistency) : 0;
    return r == 0 ? 0 : refuse(why, r, "\"consistency\" is an object of from and proof");
}

int tlog_bundle_read(struct tlog_bundle *out, const void *text, size_t n, struct why *why) {
    memset(out, 0, sizeof *out);
    if (n > TLOG_BUNDLE_FILE_MAX) return refuse(why, ERR_LIMIT, "over 1 MiB");
    int r = json_parse(&out->json, text, n, NULL);
    return r == 0 ? read_members(out, why) : refuse(why, r, "not JSON");
}

void tlog_bundle_release(struct tlog_bundle *b) {
    json_decref(b->json);
    b->json = NULL;
}

/* ---- writing ---- */

static json_t *hashes(const struct tlog_proof *p) {
    json_t *list = json_array();
    char text[TLOG_BASE64_BYTES + 1];
    for (unsigned i = 0; i < p->count; i++) {
        tlog_hash_text(text, &p->hash[i]);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *text_of(struct ev_bytes b) { return json_stringn((const char *)b.p, b.n); }

static json_t *placed(const struct tlog_placed *p) {
    json_t *obj = json_object();
    json_object_set_new(obj, "index", json_integer((json_int_t)p->index));
    json_object_set_new(obj, "entry", text_of(p->entry));
    json_object_set_new(obj, "proof", hashes(&p->proof));
    return obj;
}

int tlog_bundle_text(struct buf *b, const struct tlog_bundle *bundle) {
    json_t *all = json_object(), *consistency = json_object();
    json_object_set_new(consistency, "from", json_integer((json_int_t)bundle->from));
    json_object_set_new(consistency, "proof", hashes(&bundle->consistency));
    json_object_set_new(all, "v", json_integer(TLOG_BUNDLE_VERSION));
    json_object_set_new(all, "checkpoint", text_of(bundle->checkpoint));
    json_object_set_new(all, "leaf", placed(&bundle->leaf));
    if (bundle->has_state) json_object_set_new(all, "state", placed(&bundle->state));
    if (bundle->has_consistency) json_object_set(all, "consistency", consistency);
    json_decref(consistency);
    int whole = json_object_get(all, "checkpoint") && json_object_get(json_object_get(all, "leaf"), "entry") &&
                (!bundle->has_state || json_object_get(json_object_get(all, "state"), "entry"));
    buf_init(b, 0);
    int r = whole ? json_print(b, all, TLOG_BUNDLE_FILE_MAX) : ERR_FORMAT;
    json_decref(all);
    return r;
}
