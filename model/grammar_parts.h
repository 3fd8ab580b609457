/* model/grammar_parts.h - inside of a grammar: the parsed text (items), and the program over bytes that it becomes.
 *
 * grammar_scan.c and grammar_parse.c read text to items, grammar_check.c refuses what cannot be matched, grammar_emit.c and
 * grammar_class.c make the program, grammar_match.c runs it. */
#ifndef MODEL_GRAMMAR_PARTS_H
#define MODEL_GRAMMAR_PARTS_H

#include "model/grammar.h"

/* ---- what the text says ---- */

enum gram_item_kind {
    ITEM_TEXT,   /* code points first .. first+count-1 of gram_text.cp */
    ITEM_CLASS,  /* ranges first .. first+count-1, sorted, apart, without surrogates */
    ITEM_RULE,   /* first: the rule's number */
    ITEM_SEQ,    /* first: first child, 0 when it is empty */
    ITEM_ALT,    /* first: first child, at least one */
    ITEM_REPEAT, /* first: the child; min .. max times, max GRAM_NO_END: any number */
};
#define GRAM_NO_END UINT32_MAX
struct gram_item {
    enum gram_item_kind kind;
    uint32_t first, count, min, max;
    uint32_t next; /* sibling, 0: none */
};
struct gram_range {
    uint32_t lo, hi;
};
struct gram_rule {
    const char *name; /* in the text */
    uint32_t name_len;
    uint32_t body;         /* item; 0: not defined */
    uint32_t line, column; /* where it is defined, or else first used */
    uint32_t chain;        /* next rule with the same hash, 0: none */
};
/* Items and rules are numbered from 1. */
struct gram_text {
    struct gram_item *item;
    size_t items, items_cap;
    uint32_t *cp;
    size_t cps, cps_cap;
    struct gram_range *range;
    size_t ranges, ranges_cap;
    struct gram_rule *rule;
    size_t rules, rules_cap;
    uint32_t by_name[1024]; /* first rule of each hash */
};
/* Makes room for one more; 0, ERR_LIMIT (max are there), ERR_NOMEM. *p may move. */
int gram_grow(void **p, size_t *cap, size_t count, size_t max, size_t size);

/* ---- scanning (grammar_scan.c) ---- */

struct gram_scan {
    const uint8_t *p;
    size_t n, at;
    uint32_t line;
    size_t line_at; /* where the line begins */
    struct gram_text *t;
    struct why *why;
};
uint32_t gram_column(const struct gram_scan *s);
/* Sets why to "line L, column C: what" and returns err. */
int gram_error(const struct gram_scan *s, int err, const char *what);
int gram_peek(const struct gram_scan *s);         /* the byte at hand, or -1 at the end */
void gram_blanks(struct gram_scan *s, int lines); /* blanks, tabs, comments; with lines line ends too */
/* A rule's name: its length, which may be 0; it starts at p + at, and at is moved behind it. */
size_t gram_name(struct gram_scan *s);
int gram_number(struct gram_scan *s, uint32_t *out);
/* After the opening quote or bracket, up to and with the closing one: fills in kind, first, count. */
int gram_literal(struct gram_scan *s, struct gram_item *out);
int gram_class(struct gram_scan *s, struct gram_item *out);
/* Every code point, for `.` */
int gram_any_char(struct gram_scan *s, struct gram_item *out);

/* Text to items. */
int gram_text_parse(struct gram_text *t, const char *text, size_t n, struct why *why);
void gram_text_release(struct gram_text *t);
/* Refuses what grammar.h says. root: the number of the rule `root`. */
int gram_text_check(const struct gram_text *t, uint32_t *root, struct why *why);

/* ---- the program ---- */

enum gram_node_kind {
    NODE_END,   /* the rule ends: node 0, and only that */
    NODE_BYTES, /* edges first .. first+count-1: one byte, by which it goes on */
    NODE_FORK,  /* links first .. first+count-1: goes on at each of them */
    NODE_CALL,  /* goes on at `first`; when that ends, at `count` */
};
struct gram_node {
    enum gram_node_kind kind;
    uint32_t first, count;
};
struct gram_edge {
    uint32_t to;
    uint8_t lo, hi;
};
struct grammar {
    struct gram_node *node;
    size_t nodes, nodes_cap;
    struct gram_edge *edge;
    size_t edges, edges_cap;
    uint32_t *link;
    size_t links, links_cap;
    uint32_t root; /* node */
    /* Bytes that no edge tells apart are of one class. */
    uint32_t classes;
    uint8_t class_of[256], class_byte[256]; /* class_byte: one of its bytes */
};
/* The program of t. */
int gram_emit(struct grammar *g, const struct gram_text *t, uint32_t root, struct why *why);
/* Appends a node; its number in *out. */
int gram_add_node(struct grammar *g, struct gram_node n, uint32_t *out);
int gram_add_edge(struct grammar *g, uint8_t lo, uint8_t hi, uint32_t to);
/* The node that takes one code point of the ranges (sorted, apart, no surrogates) as UTF-8 and goes on at next. */
int gram_emit_class(struct grammar *g, const struct gram_range *r, size_t n, uint32_t next, uint32_t *out);

#endif
