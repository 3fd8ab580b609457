/* cli/attest_say.c - verdicts on stdout, for people and as JSON. See attest.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "cli/attest.h"
#include "cli/terminal.h"

json_t *attest_text(const char *s) { return utf8_valid(s, strlen(s)) ? json_string(s) : json_string("(not UTF-8)"); }

void attest_line(const char *indent, const char *name, const char *text) {
    struct buf b;
    buf_init(&b, 4096);
    if (buf_addf(&b, "%s%-*s %s\n", indent, (int)(24 - strlen(indent)), name, text) == 0)
        (void)terminal_write((char *)b.data, b.len);
    buf_release(&b);
}

/* A refused piece is genuine, so what it says is its maker's word; of anything worse nothing is repeated. */
static int facts_wanted(const struct attest_found *f) { return f->with_facts || f->verdict == EV_OK || f->verdict == EV_REFUSED; }

/* ---- JSON ---- */

static void add_factors(json_t *list, const char *member, const struct ev_report *r) {
    for (unsigned i = 0; i < r->factors; i++) {
        json_t *one = json_object();
        if (member) json_object_set_new(one, "member", json_string(member));
        json_object_set_new(one, "name", json_string(r->factor[i].name));
        json_object_set_new(one, "ok", json_boolean(r->factor[i].ok));
        json_object_set_new(one, "why", attest_text(r->factor[i].why));
        if (!r->factor[i].ok) json_object_set_new(one, "makes", json_string(ev_verdict_name(r->factor[i].as)));
        json_array_append_new(list, one);
    }
}

static void add_unchecked(json_t *list, const char *member, const struct ev_report *r) {
    for (unsigned i = 0; i < r->uncheckeds; i++)
        json_array_append_new(list, member ? json_sprintf("%s.%s", member, r->unchecked[i]) : json_string(r->unchecked[i]));
}

/* A name that comes more than once becomes a list. */
static void add_facts(json_t *all, const struct ev_report *r) {
    for (unsigned i = 0; i < r->facts; i++) {
        const char *name = r->fact[i].name;
        json_t *old = json_object_get(all, name), *text = attest_text(r->fact[i].text);
        if (!old)
            json_object_set_new(all, name, text);
        else if (json_is_array(old))
            json_array_append_new(old, text);
        else
            json_object_set_new(all, name, json_pack("[O, o]", old, text));
    }
}

static void member_name(char out[32], const struct ev_member_report *m) {
    if (m->kind == EV_NVIDIA_GPU)
        snprintf(out, 32, "%s.%u", m->label, m->part);
    else
        snprintf(out, 32, "%s", m->label);
}

/* What is no member is a proof from the log. */
static const char *kind_name(const struct ev_member_report *m) {
    return m->kind == EV_KIND_NONE ? "log-proof" : ev_kind_name(m->kind);
}

static json_t *all_facts(const struct attest_found *f) {
    json_t *all = json_object();
    add_facts(all, f->whole);
    for (unsigned i = 0; i < f->members; i++) {
        char name[32];
        json_t *own = json_object();
        member_name(name, &f->member[i]);
        json_object_set_new(own, "kind", json_string(kind_name(&f->member[i])));
        add_facts(own, &f->member[i].report);
        json_object_set_new(all, name, own);
    }
    return all;
}

static void say_json(const struct attest_found *f) {
    json_t *all = json_object(), *factors = json_array(), *unchecked = json_array();
    char digest[65];
    add_factors(factors, NULL, f->whole);
    add_unchecked(unchecked, NULL, f->whole);
    for (unsigned i = 0; i < f->members; i++) {
        char name[32];
        member_name(name, &f->member[i]);
        add_factors(factors, name, &f->member[i].report);
        add_unchecked(unchecked, name, &f->member[i].report);
    }
    json_object_set_new(all, "verdict", json_string(ev_verdict_name(f->verdict)));
    json_object_set_new(all, "class", json_string(ev_class_name(f->shows)));
    json_object_set_new(all, "who_could_read", json_string(ev_class_reach(f->shows)));
    json_object_set_new(all, "kind", json_string(f->kind));
    json_object_set_new(all, "factors", factors);
    json_object_set_new(all, "unchecked", unchecked);
    if (facts_wanted(f)) json_object_set_new(all, "facts", all_facts(f));
    json_object_set_new(all, "at", json_integer(f->at));
    json_object_set_new(all, "at_source", json_string(f->at_is_clock ? "clock" : "given"));
    if (f->policy) {
        hex_encode(digest, f->policy->digest, 32);
        json_object_set_new(all, "policy", json_string(digest));
    }
    char *text = json_dumps(all, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text) printf("%s\n", text);
    free(text);
    json_decref(all);
}

/* ---- people ---- */

static void say_report(const char *indent, const struct ev_report *r, int facts) {
    char text[256];
    for (unsigned i = 0; i < r->factors; i++) {
        const struct ev_factor *x = &r->factor[i];
        if (x->ok)
            snprintf(text, sizeof text, "ok");
        else
            snprintf(text, sizeof text, "%s: %s", ev_verdict_name(x->as), x->why);
        attest_line(indent, x->name, text);
    }
    for (unsigned i = 0; i < r->uncheckeds; i++) attest_line(indent, r->unchecked[i], "not checked");
    for (unsigned i = 0; i < r->facts && facts; i++) attest_line(indent, r->fact[i].name, r->fact[i].text);
}

static void say_plain(const struct attest_found *f) {
    char text[256], when[40], digest[65] = "could not be read";
    time_t at = (time_t)f->at;
    struct tm tm;
    if (!gmtime_r(&at, &tm) || strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(when, sizeof when, "%" PRId64, f->at);
    if (f->policy) hex_encode(digest, f->policy->digest, 32);
    attest_line("", "verdict", ev_verdict_name(f->verdict));
    attest_line("", "class", ev_class_name(f->shows));
    attest_line("", "who could read a prompt", ev_class_reach(f->shows));
    snprintf(text, sizeof text, "%s, %s", when, f->at_is_clock ? "this machine's clock (--at gives another)" : "as given");
    attest_line("", "judged at", text);
    attest_line("", "policy", digest);
    say_report("", f->whole, facts_wanted(f));
    for (unsigned i = 0; i < f->members; i++) {
        char name[32];
        member_name(name, &f->member[i]);
        attest_line("", name, kind_name(&f->member[i]));
        say_report("  ", &f->member[i].report, facts_wanted(f));
    }
}

void attest_say(const struct attest_found *f, int json) {
    if (json)
        say_json(f);
    else
        say_plain(f);
}
