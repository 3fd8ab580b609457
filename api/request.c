/* api/request.c - see request.h. */
#include "api/request.h"
#include "api/request_fields.h"
#include "base/err.h"
#include "model/schema.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *path;
    enum api_dialect dialect;
} endpoints[] = {
    [API_NO_ENDPOINT] = {"", API_OPENAI},
    [API_V1_CHAT] = {"/v1/chat/completions", API_OPENAI},
    [API_CHAT] = {"/api/chat", API_OLLAMA},
    [API_GENERATE] = {"/api/generate", API_OLLAMA},
};

enum api_endpoint api_endpoint_of(const char *path) {
    for (int e = API_V1_CHAT; e <= API_GENERATE; e++)
        if (strcmp(path, endpoints[e].path) == 0) return (enum api_endpoint)e;
    return API_NO_ENDPOINT;
}

const char *api_endpoint_path(enum api_endpoint e) { return endpoints[e].path; }
enum api_dialect api_dialect_of(enum api_endpoint e) { return endpoints[e].dialect; }

int api_tier_from_name(enum api_tier *out, const char *name) {
    static const char *const names[] = {
        [API_TIER_SEALED] = "sealed", [API_TIER_ATTESTED] = "attested", [API_TIER_BLIND] = "blind", [API_TIER_LOCAL] = "local"};
    for (int t = API_TIER_SEALED; t <= API_TIER_LOCAL; t++)
        if (strcmp(name, names[t]) == 0) {
            *out = (enum api_tier)t;
            return 0;
        }
    return ERR_FORMAT;
}

static int name_part(const char *s, size_t n) {
    if (n == 0 || n > 64) return 0;
    for (size_t i = 0; i < n; i++) {
        int alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
        if (!alnum && (i == 0 || !strchr("._-", s[i]) || !s[i])) return 0;
    }
    return 1;
}

int api_model_name(char out[API_MODEL_CAP], const char *name, size_t n) {
    const char *colon = memchr(name, ':', n);
    size_t first = colon ? (size_t)(colon - name) : n;
    const char *tag = colon ? colon + 1 : "latest";
    size_t tag_len = colon ? n - first - 1 : 6;
    if (!name_part(name, first) || !name_part(tag, tag_len)) return ERR_FORMAT;
    memcpy(out, name, first);
    out[first] = ':';
    memcpy(out + first + 1, tag, tag_len);
    out[first + 1 + tag_len] = 0;
    return 0;
}

uint64_t api_deadline_ms(const char *text) {
    const uint64_t fallback = API_DEADLINE_DEFAULT_S * 1000ull;
    if (!text || *text < '0' || *text > '9') return fallback;
    char *end;
    double s = strtod(text, &end);
    if (*end || !(s >= 0.001)) return fallback;
    return s > API_DEADLINE_MAX_S ? API_DEADLINE_MAX_S * 1000ull : (uint64_t)(s * 1000);
}

/* Enough for everything the parsers take: no text is longer than its JSON, and each piece costs its slot, a NUL and alignment.
 * A schema is printed anew, and its numbers may grow. */
static size_t arena_size(const json_t *root, size_t body_len) {
    size_t messages = json_array_size(json_object_get(root, "messages"));
    if (messages > GEN_MESSAGES_MAX) messages = GEN_MESSAGES_MAX;
    int schema = json_object_get(root, "response_format") || json_object_get(root, "format");
    return body_len + (schema ? SCHEMA_BYTES_MAX : 0) + messages * (sizeof(struct gen_message) + 32) +
           GEN_BIAS_MAX * sizeof(struct gen_bias) + 4096;
}

static int model_field(const struct fields *f) {
    const char *s;
    size_t n;
    int r = field_str(f, "model", &s, &n);
    if (r != 0) return r;
    if (!s || n == 0) return field_bad(f, "model", "is missing");
    if (n >= API_MODEL_CAP || api_model_name(f->out->model, s, n) != 0) {
        api_error_set(f->err, API_NO_MODEL, "model", "model not found: names are name:tag in lower case");
        return ERR_NOTFOUND;
    }
    memcpy(f->out->asked, s, n);
    return 0;
}

static int parse(struct api_request *out, const json_t *root, size_t n, struct api_error *err) {
    struct fields f = {root, "", out, err};
    if (!json_is_object(root)) {
        api_error_set(err, API_BAD_REQUEST, NULL, "the body must be a JSON object");
        return ERR_FORMAT;
    }
    int r = arena_init(&out->arena, arena_size(root, n));
    if (r != 0) {
        api_error_set(err, API_INTERNAL, NULL, "out of memory");
        return r;
    }
    mem_dontdump(out->arena.base, out->arena.cap);
    r = model_field(&f);
    if (r != 0) return r;
    return api_dialect_of(out->endpoint) == API_OPENAI ? request_openai(&f) : request_ollama(&f);
}

int api_request_parse(struct api_request *out, enum api_endpoint endpoint, const void *body, size_t n, struct api_error *err) {
    *out = (struct api_request){.endpoint = endpoint};
    *err = (struct api_error){0};
    if (n > API_BODY_MAX) {
        api_error_set(err, API_TOO_LARGE, NULL, NULL);
        return ERR_LIMIT;
    }
    json_t *root;
    size_t pos;
    int r = json_parse(&root, body, n, &pos);
    if (r != 0) {
        api_error_set(err, API_BAD_REQUEST, NULL, "the body is not valid JSON (noticed at byte %zu)", pos);
        return r;
    }
    r = parse(out, root, n, err);
    json_decref(root);
    if (r != 0) {
        if (err->code == API_CODE_NONE) api_error_set(err, API_INTERNAL, NULL, "out of memory");
        api_request_free(out);
    }
    return r;
}

void api_request_free(struct api_request *r) {
    arena_release(&r->arena);
    mem_wipe(r, sizeof *r);
}
