/* seal/codes.c - see codes.h. */
#include "seal/codes.h"
#include "base/err.h"

#include <stddef.h>
#include <string.h>

struct code_row {
    const char *name;
    unsigned http;
    int retry; /* another node, or later, may succeed */
};
static const struct code_row rows[CODE_END] = {
    [CODE_REFUSED] = {"refused", 403, 1},
    [CODE_VERSION] = {"version", 400, 1},
    [CODE_BUSY] = {"busy", 503, 1},
    [CODE_DRAINING] = {"draining", 503, 1},
    [CODE_NO_MODEL] = {"no_model", 404, 1},
    [CODE_TOO_LARGE] = {"too_large", 413, 0},
    [CODE_BAD_REQUEST] = {"bad_request", 400, 0},
    [CODE_CONTEXT_OVER] = {"context_over", 400, 0},
    [CODE_DEADLINE] = {"deadline", 504, 0},
    [CODE_CANCELLED] = {"cancelled", 499, 0},
    [CODE_RATE] = {"rate", 429, 1},
    [CODE_INTERNAL] = {"internal", 500, 1},
};

static const struct code_row *row(unsigned code) { return code > CODE_NONE && code < CODE_END ? &rows[code] : NULL; }

const char *code_name(unsigned code) { return row(code) ? row(code)->name : NULL; }
unsigned code_http_status(unsigned code) { return row(code) ? row(code)->http : 500; }
int code_worth_retrying(unsigned code) { return row(code) ? row(code)->retry : 0; }

enum code code_from_name(const char *name) {
    for (unsigned c = 1; c < CODE_END; c++)
        if (strcmp(rows[c].name, name) == 0) return (enum code)c;
    return CODE_NONE;
}

enum code code_from_err(int err) {
    static const struct {
        int err;
        enum code code;
    } map[] = {
        {0, CODE_NONE},
        {ERR_VERSION, CODE_VERSION},
        {ERR_BUSY, CODE_BUSY},
        {ERR_LIMIT, CODE_TOO_LARGE},
        {ERR_CONTEXT, CODE_CONTEXT_OVER},
        {ERR_CANCELLED, CODE_CANCELLED},
        {ERR_SHORT, CODE_BAD_REQUEST},
        {ERR_FORMAT, CODE_BAD_REQUEST},
        {ERR_TRAILING, CODE_BAD_REQUEST},
        {ERR_RANGE, CODE_BAD_REQUEST},
        {ERR_UNSUPPORTED, CODE_BAD_REQUEST},
        {ERR_USAGE, CODE_BAD_REQUEST},
        {ERR_AUTH, CODE_REFUSED},
        {ERR_TIME, CODE_REFUSED},
        {ERR_REPLAY, CODE_REFUSED},
        {ERR_PERM, CODE_REFUSED},
        {ERR_EXISTS, CODE_REFUSED},
        {ERR_NOTFOUND, CODE_REFUSED},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (map[i].err == err) return map[i].code;
    return err <= -100 ? CODE_REFUSED : CODE_INTERNAL; /* BAD_*: a check that failed */
}

const char *tier_name(unsigned tier) {
    static const char *const names[TIER_END] = {NULL, "sealed", "attested", "blind", "local"};
    return tier < TIER_END ? names[tier] : NULL;
}

const char *reason_name(unsigned reason) {
    static const char *const names[REASON_END] = {"ready", "starting", "draining", "owner", "power", "heat", "load"};
    return reason < REASON_END ? names[reason] : NULL;
}
