/* cli/cmd_attest_show.c - `lull attest show FILE`: what evidence says, whether or not it is true. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/opt.h"
#include "base/utf8.h"
#include "cli/attest_piece.h"
#include "cli/cli.h"
#include "cli/terminal.h"

static void set_hash(json_t *to, struct ev_bytes b) {
    uint8_t digest[32];
    char hex[65];
    sha256_of(digest, b.p, b.n);
    hex_encode(hex, digest, 32);
    json_object_set_new(to, "bytes", json_integer((json_int_t)b.n));
    json_object_set_new(to, "sha256", json_string(hex));
}

static void set_facts(json_t *to, const struct ev_report *r) {
    for (unsigned i = 0; i < r->facts; i++)
        if (!json_object_get(to, r->fact[i].name)) json_object_set_new(to, r->fact[i].name, attest_text(r->fact[i].text));
}

/* ---- one raw piece ---- */

static int show_piece(json_t *to, const struct piece_names *names, int64_t at, struct why *why) {
    static struct ev_report r;
    struct piece p;
    int e = piece_read(&p, names, &r, why);
    if (e == 0 && r.factors == 0) {
        struct ev_input in = piece_input(&p, ev_policy_strict(), at);
        ev_verify(ev_kind_named(names->kind), &in, &r);
        json_object_set_new(to, "kind", json_string(names->kind));
        set_hash(to, in.evidence);
        set_facts(to, &r);
    }
    piece_release(&p);
    if (e != 0) return EXIT_USAGE;
    if (ev_report_verdict(&r) != EV_UNSUPPORTED || r.facts > 0) return EXIT_OK;
    for (unsigned i = 0; i < r.factors; i++)
        if (!r.factor[i].ok) why_set(why, ERR_UNSUPPORTED, "%s: %s", r.factor[i].name, r.factor[i].why);
    return EXIT_MALFORMED;
}

/* ---- an envelope, or another collection ---- */

static json_t *shown_member(const struct ev_member *m, int64_t at) {
    json_t *one = json_object();
    json_object_set_new(one, "kind", json_string(ev_kind_name(m->kind)));
    set_hash(one, m->bytes);
    json_object_set_new(one, "parts", json_integer(m->parts));
    for (unsigned i = 0; i < m->parts; i++) {
        char name[24];
        json_t *part = m->parts > 1 ? json_object() : one;
        snprintf(name, sizeof name, "part_%u", i);
        if (m->parts > 1) json_object_set_new(one, name, part);
        json_object_set_new(part, "evidence_bytes", json_integer((json_int_t)m->part[i].evidence.n));
        json_object_set_new(part, "certificates", json_integer(m->part[i].certs));
        static struct ev_report r;
        struct ev_input in = {.evidence = m->part[i].evidence,
                              .key = m->part[i].key,
                              .collateral = m->part[i].collateral,
                              .event_log = m->part[i].event_log,
                              .policy = ev_policy_strict(),
                              .now = at};
        for (unsigned k = 0; k < m->part[i].certs; k++) in.chain[in.chain_count++] = m->part[i].cert[k];
        ev_verify(m->kind, &in, &r);
        set_facts(part, &r);
    }
    return one;
}

static json_t *shown_nonce(const struct ev_prefetched *p) {
    uint8_t nonce[32];
    char hex[65];
    json_t *one = json_object(), *times = json_array();
    ev_prefetched_nonce(nonce, p);
    hex_encode(hex, nonce, 32);
    json_object_set_new(one, "nonce", json_string(hex));
    json_object_set_new(one, "log_size", json_integer((json_int_t)p->log_size));
    for (unsigned i = 0; i < p->count; i++) json_array_append_new(times, json_integer((json_int_t)p->cosignature[i].time));
    json_object_set_new(one, "cosigned_at", times);
    return one;
}

static void show_envelope(json_t *to, const struct ev_envelope *e, int64_t at) {
    json_object_set_new(to, "type", json_string(EV_ENVELOPE_TYPE));
    json_object_set_new(to, "members", json_integer(e->members));
    for (unsigned i = 0; i < e->members; i++)
        json_object_set_new(to, ev_slot_label(ev_slot_of(e->member[i].kind)), shown_member(&e->member[i], at));
    if (e->has_nonce) json_object_set_new(to, "nonce", shown_nonce(&e->nonce));
    if (e->software.n) json_object_set_new(to, "software", json_loadb((const char *)e->software.p, e->software.n, 0, NULL));
}

static void show_collection(json_t *to, const struct cmw *c) {
    json_object_set_new(to, "type", attest_text(c->collection_type));
    for (unsigned i = 0; i < c->items; i++) {
        json_t *one = json_object();
        if (c->item[i].type[0])
            json_object_set_new(one, "type", json_string(c->item[i].type));
        else
            json_object_set_new(one, "content_format", json_integer(c->item[i].content_format));
        set_hash(one, c->item[i].value);
        const char *label = c->form == CMW_COLLECTION && utf8_valid(c->item[i].label, strlen(c->item[i].label)) ? c->item[i].label
                                                                                                                : "item";
        json_object_set_new(to, label, one);
    }
}

static int show_wrapped(json_t *to, const struct buf *file, int64_t at, struct why *why) {
    static struct ev_envelope e;
    static struct cmw c;
    int r = ev_envelope_read(&e, file->data, file->len, why);
    if (r == 0) show_envelope(to, &e, at);
    ev_envelope_release(&e);
    if (r == 0) return EXIT_OK;
    r = cmw_read(&c, file->data, file->len, 0, NULL); /* not ours: what it is, at least */
    if (r == 0) show_collection(to, &c);
    cmw_release(&c);
    return r == 0 ? EXIT_OK : EXIT_MALFORMED;
}

/* ---- output ---- */

static void print_value(const char *indent, const char *key, json_t *v) {
    char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    attest_line(indent, key, text ? text : json_is_string(v) ? json_string_value(v) : "");
    free(text);
}

static void print_plain(json_t *all) {
    const char *key, *inner;
    json_t *v, *part;
    json_object_foreach(all, key, v) {
        if (!json_is_object(v)) {
            print_value("", key, v);
            continue;
        }
        printf("%s\n", key);
        json_object_foreach(v, inner, part) print_value("  ", inner, part);
    }
}

static void print_all(json_t *all, int json) {
    char *text = json ? json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    if (text)
        printf("%s\n", text);
    else
        print_plain(all);
    free(text);
}

static int show_file(json_t *to, const char *path, int64_t at, struct why *why) {
    struct buf file;
    int r = attest_file(&file, path, ATTEST_FILE_BYTES_MAX, why);
    int status = r == 0 ? show_wrapped(to, &file, at, why) : r == ERR_LIMIT ? EXIT_MALFORMED : EXIT_USAGE;
    buf_release(&file);
    return status;
}

int attest_show(int argc, char **argv) {
    static struct piece_names names;
    const char *when = NULL;
    int64_t at = (int64_t)clock_unix_s();
    int json = 0;
    const struct opt rows[] = {
        {"kind", OPT_TEXT, &names.kind, "KIND", "FILE is one raw piece of this kind, not an envelope", 0, 0},
        {"chain", OPT_LIST, &names.chain, "FILE", "with --kind: certificates, PEM or DER", 0, 0},
        {"key", OPT_TEXT, &names.key, "FILE", "with --kind: a public key", 0, 0},
        {"collateral", OPT_TEXT, &names.collateral, "FILE", "with --kind: what the manufacturer publishes beside it", 0, 0},
        {"event-log", OPT_TEXT, &names.event_log, "FILE", "with --kind tdx: the firmware's log (CCEL)", 0, 0},
        {"at", OPT_TEXT, &when, "TIME", "some is told only of certificates in date: as of then; else by the clock", 0, 0},
        {"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {
        .command = "attest show",
        .arguments = "FILE",
        .opts = rows,
        .args_min = 1,
        .args_max = 1,
        .about =
            "What evidence says. Nothing of it is vouched for here: lull attest verify does that. Exit 0, 30: it cannot be read\n"
            "as evidence, 2: the file cannot be read."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && when) r = attest_time_read(&at, when, &why);
    if (r == 0 && names.kind) r = piece_names_check(&names, &why);
    names.evidence = line.args[0];
    json_t *all = json_object();
    json_object_set_new(all, "verified", json_false());
    int status = r != 0 ? EXIT_USAGE : names.kind ? show_piece(all, &names, at, &why) : show_file(all, names.evidence, at, &why);
    if (status == EXIT_OK)
        print_all(all, json);
    else
        fprintf(stderr, "lull attest show: %s\n", why_text(&why, r));
    json_decref(all);
    int written = terminal_output_end("attest show");
    return written != 0 ? written : status;
}
