/* evidence/tdx_tcb_read.c - TCB info and QE identity out of the texts that Intel signed. See tdx_collateral.h. What is missing is refused, since
 * a level that is not there would pass for a level of 0. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/hash.h"
#include "evidence/tdx_collateral.h"

static const char *const names[TDX_STATUSES] = {
    [TDX_UP_TO_DATE] = "UpToDate",
    [TDX_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [TDX_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [TDX_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [TDX_OUT_OF_DATE] = "OutOfDate",
    [TDX_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [TDX_REVOKED] = "Revoked",
};
const char *tdx_status_name(enum tdx_status s) { return (unsigned)s < TDX_STATUSES ? names[s] : "unknown"; }
int tdx_status_named(const char *name) {
    for (int i = 0; i < TDX_STATUSES; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

/* ---- members; the first thing that is wrong sticks in *err ---- */

static void note(int *err, int e) {
    if (*err == 0) *err = e;
}

static void hex(const json_t *o, const char *key, uint8_t *out, size_t n, int *err) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v) || json_string_length(v) != 2 * n || hex_decode(out, n, json_string_value(v), 2 * n) != 0)
        note(err, ERR_FORMAT);
}

static int64_t integer(const json_t *o, const char *key, int64_t most, int *err) {
    int64_t n = 0;
    if (json_get_int(o, key, 0, most, &n) != JSON_OK) note(err, ERR_FORMAT);
    return n;
}

static enum tdx_status status(const json_t *o, int *err) {
    const char *text = json_string_value(json_object_get(o, "tcbStatus"));
    int s = text ? tdx_status_named(text) : -1;
    if (s < 0) note(err, ERR_FORMAT);
    return s < 0 ? TDX_REVOKED : (enum tdx_status)s;
}

/* "2025-06-19T10:16:03Z" (RFC 3339, UTC). */
static int64_t when(const json_t *o, const char *key, int *err) {
    const char *text = json_string_value(json_object_get(o, key));
    struct tm t = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &t) : NULL;
    if (!end || *end) note(err, ERR_FORMAT);
    return end ? (int64_t)timegm(&t) : 0;
}

static void window(const json_t *o, struct tdx_window *w, int *err) {
    w->issued = when(o, "issueDate", err);
    w->next = when(o, "nextUpdate", err);
    w->evaluation = integer(o, "tcbEvaluationDataNumber", INT32_MAX, err);
}

/* A list of 1 to `most` objects. 0 after an error. */
static size_t list_of(const json_t *o, const char *key, size_t most, const json_t **list, int *err) {
    *list = json_object_get(o, key);
    size_t n = json_array_size(*list);
    if (!json_is_array(*list) || n == 0) note(err, ERR_FORMAT);
    if (n > most) note(err, ERR_LIMIT);
    return *err ? 0 : n;
}

static void svn_levels(const json_t *o, struct tdx_svn_level *level, unsigned *levels, int *err) {
    const json_t *list;
    size_t n = list_of(o, "tcbLevels", TDX_LEVELS_MAX, &list, err);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);
        level[i].svn = (uint16_t)integer(json_object_get(one, "tcb"), "isvsvn", UINT16_MAX, err);
        level[i].status = status(one, err);
    }
    *levels = (unsigned)n;
}

static void module(const json_t *o, struct tdx_module *m, int *err) {
    const char *id = json_string_value(json_object_get(o, "id"));
    snprintf(m->id, sizeof m->id, "%s", id ? id : "");
    hex(o, "mrsigner", m->mr_signer, sizeof m->mr_signer, err);
    hex(o, "attributes", m->attributes, sizeof m->attributes, err);
    hex(o, "attributesMask", m->mask, sizeof m->mask, err);
    if (id) svn_levels(o, m->level, &m->levels, err);
}

static void components(const json_t *tcb, const char *key, uint8_t out[16], int *err) {
    const json_t *list;
    size_t n = list_of(tcb, key, 16, &list, err);
    if (n != 16) note(err, ERR_FORMAT);
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)integer(json_array_get(list, i), "svn", UINT8_MAX, err);
}

static void platform_level(const json_t *o, struct tdx_level *l, int *err) {
    const json_t *tcb = json_object_get(o, "tcb");
    components(tcb, "sgxtcbcomponents", l->sgx, err);
    components(tcb, "tdxtcbcomponents", l->tdx, err);
    l->pce_svn = (uint16_t)integer(tcb, "pcesvn", UINT16_MAX, err);
    l->status = status(o, err);
}

/* ---- the two texts ---- */

static json_t *object_of(struct ev_bytes text, const char *id, int64_t version, int *err) {
    json_t *o = NULL;
    if (json_parse(&o, text.p, text.n, NULL) != 0 || !json_is_object(o)) note(err, ERR_FORMAT);
    const char *is = json_string_value(json_object_get(o, "id"));
    if (*err == 0 && (!is || strcmp(is, id) != 0)) note(err, ERR_FORMAT);
    if (*err == 0 && integer(o, "version", INT32_MAX, err) != version) note(err, ERR_VERSION);
    return o;
}

int tdx_tcb_info_read(struct ev_bytes text, struct tdx_tcb_info *out) {
    int err = 0;
    const json_t *list;
    memset(out, 0, sizeof *out);
    json_t *o = object_of(text, "TDX", 3, &err);
    if (err == 0) {
        window(o, &out->window, &err);
        hex(o, "fmspc", out->fmspc, sizeof out->fmspc, &err);
        hex(o, "pceId", out->pce_id, sizeof out->pce_id, &err);
        module(json_object_get(o, "tdxModule"), &out->module[0], &err);
        out->modules = 1;
        size_t n = json_object_get(o, "tdxModuleIdentities") ? list_of(o, "tdxModuleIdentities", TDX_MODULES_MAX - 1, &list, &err)
                                                             : 0;
        for (size_t i = 0; i < n; i++) module(json_array_get(list, i), &out->module[out->modules++], &err);
        n = list_of(o, "tcbLevels", TDX_LEVELS_MAX, &list, &err);
        for (size_t i = 0; i < n; i++) platform_level(json_array_get(list, i), &out->level[out->levels++], &err);
    }
    json_decref(o);
    return err;
}

int tdx_qe_identity_read(struct ev_bytes text, struct tdx_qe_identity *out) {
    int err = 0;
    memset(out, 0, sizeof *out);
    json_t *o = object_of(text, "TD_QE", 2, &err);
    if (err == 0) {
        window(o, &out->window, &err);
        hex(o, "miscselect", out->misc_select, 4, &err);
        hex(o, "miscselectMask", out->misc_mask, 4, &err);
        hex(o, "attributes", out->attributes, 16, &err);
        hex(o, "attributesMask", out->attributes_mask, 16, &err);
        hex(o, "mrsigner", out->mr_signer, 32, &err);
        out->prod_id = (uint16_t)integer(o, "isvprodid", UINT16_MAX, &err);
        svn_levels(o, out->level, &out->levels, &err);
    }
    json_decref(o);
    return err;
}
