/* model/jinja_parts.h - what the files of the template interpreter share: texts, values, the syntax tree, the run.
 *
 * jinja_lex, jinja_parse, jinja_expr: source to tree.      jinja_text, jinja_value, jinja_json, jinja_repr: data.
 * jinja_eval, jinja_run, jinja_call: the tree at work.     jinja_filters, jinja_lists, jinja_methods, jinja_tests,
 * jinja_format: its library.
 *
 * Errors stick in struct jinja: after the first one every function returns at once and values are meaningless. */
#ifndef MODEL_JINJA_PARTS_H
#define MODEL_JINJA_PARTS_H

#include "model/jinja.h"

/* ---- texts ---- */

/* Bytes and where each came from. mark NULL: all from the input (input 1) or all from the template (input 0). */
struct jtext {
    const char *p;
    const uint8_t *mark; /* 1: input */
    uint32_t n;
    uint8_t input;
};

/* Texts to be joined; also the output being written. */
struct jpieces {
    struct jtext *piece;
    size_t count, cap, bytes;
};

/* ---- values ---- */

enum jkind {
    J_UNDEFINED,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_TEXT,
    J_LIST,
    J_DICT,
    J_NAMESPACE, /* a dict whose members may be set */
    J_LOOP,      /* the variable `loop` */
    J_MACRO,
    J_BUILTIN,
    J_METHOD, /* a method bound to its value */
};
struct jinja;
struct jargs;
struct jval {
    enum jkind kind;
    union {
        int64_t i; /* J_BOOL too */
        double f;
        struct jtext text;
        struct jlist *list;
        struct jdict *dict;
        struct jloop *loop;
        struct jmacro *macro;
        struct jmethod *method;
        const struct jbuiltin *builtin;
    } u;
};
struct jlist {
    struct jval *v;
    uint32_t count, cap;
    uint8_t tuple;
    uint8_t lazy; /* stands for a generator: true even when empty, has no length */
};
struct jentry {
    struct jval key, value;
};
struct jdict {
    struct jentry *e; /* in order of insertion */
    uint32_t count, cap;
};
struct jloop {
    struct jlist over; /* as it was when the loop began */
    uint32_t at, depth;
    struct jval changed; /* what loop.changed saw last */
};
struct jmacro {
    const struct jnode *node;
    struct jscope *scope; /* where it was defined */
};
struct jmethod {
    struct jval self;
    const char *name;
    struct jval (*run)(struct jinja *j, struct jval self, const struct jargs *a);
};
struct jbuiltin {
    const char *name;
    struct jval (*run)(struct jinja *j, const struct jargs *a);
};

struct jargs {
    struct jval *v;
    uint32_t count;
    struct jtext *names; /* of the last `named` values of v; positional ones come first */
    uint32_t named;
};

/* ---- tree ---- */

enum jnode_kind {
    /* statements: body is `list` */
    N_DATA,       /* text */
    N_PRINT,      /* a */
    N_IF,         /* list of N_BRANCH */
    N_BRANCH,     /* a: condition or NULL for else; list */
    N_FOR,        /* a: target, b: values, c: condition or NULL; list; list2: else */
    N_SET,        /* a: target, b: value */
    N_SETBODY,    /* a: target, b: N_FILTER chain over an N_BODY or NULL; list */
    N_MACRO,      /* text: name; list2: N_PARAM; list */
    N_CALLBODY,   /* a: N_CALL; list2: N_PARAM of caller; list */
    N_FILTERBODY, /* b: N_FILTER chain over an N_BODY; list */
    N_BREAK,
    N_CONTINUE,
    N_SCOPE, /* list, in a scope of its own; list2: N_KEYWORD assignments ({% with %}) */
    /* expressions */
    N_VALUE,  /* value */
    N_NAME,   /* text */
    N_LIST,   /* list */
    N_TUPLE,  /* list */
    N_DICT,   /* list: key, value, key, value */
    N_ATTR,   /* a, text */
    N_ITEM,   /* a, b */
    N_SLICE,  /* a; list: three N_VALUE or expressions */
    N_CALL,   /* a; list: arguments */
    N_FILTER, /* a, text; list */
    N_TEST,   /* a, text; list */
    N_NOT,
    N_NEG,
    N_POS,
    N_AND,
    N_OR,
    N_COND,    /* a: value, b: condition, c: else or NULL */
    N_COMPARE, /* a; list of N_OPERAND */
    N_OPERAND, /* op, a */
    N_BINARY,  /* a, op, b */
    N_CONCAT,  /* list */
    N_KEYWORD, /* text, a: a named argument */
    N_PARAM,   /* text, a: default or NULL */
    N_BODY,    /* the text that a body statement has gathered */
};
struct jnode {
    enum jnode_kind kind;
    uint32_t line;
    int op; /* an operator's token */
    struct jtext text;
    struct jval value;
    struct jnode *a, *b, *c, *list, *list2;
    struct jnode *next; /* in a list */
};

enum jtoken_kind {
    T_END,
    T_DATA,
    T_BLOCK_OPEN,
    T_BLOCK_CLOSE,
    T_PRINT_OPEN,
    T_PRINT_CLOSE,
    T_NAME,
    T_TEXT,
    T_INT,
    T_FLOAT,
    T_OP
};
#define OP2(a, b) ((a) << 8 | (b)) /* an operator of two characters; of one: the character */
enum { OP_IN = 1, OP_NOT_IN };     /* comparisons spelled as words */
struct jtoken {
    enum jtoken_kind kind;
    int op;
    uint32_t line;
    struct jtext text;
    struct jval value; /* numbers */
};

/* ---- a run ---- */

struct jvar {
    struct jtext name;
    struct jval value;
    struct jvar *next;
};
struct jscope {
    struct jvar *vars;
    struct jscope *parent;
    int kept; /* a macro defined in it may outlive its turn */
};
enum jflow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };
struct jinja {
    struct blocks memory;
    struct why *why;
    int err;
    uint32_t line, steps, steps_max, depth;
    uint64_t unix_s;
    struct jpieces *out; /* where statements write */
    struct jscope *scope;
    struct jvar *spare;   /* variables of loops' past turns, to be used again */
    struct jval body;     /* of N_BODY */
    struct jtoken *token; /* the parser's place */
};

/* jinja.c */
int jinja_fail(struct jinja *j, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void *jinja_take(struct jinja *j, size_t count, size_t size); /* NULL: failed; also when count * size is 0 and full */
int jinja_no_room(struct jinja *j);                           /* fails: more memory than is allowed */
int jinja_work(struct jinja *j, size_t units);                /* counts steps: 0, or failed */
/* The steps of going once over a text: fast (compared or searched as a block) or byte by byte. */
int jinja_scan(struct jinja *j, struct jtext t);
int jinja_walk(struct jinja *j, struct jtext t);
int jinja_enter(struct jinja *j); /* one level deeper: 0, or failed; then do not leave */
void jinja_leave(struct jinja *j);
/* Up to 64 characters of a text's trusted bytes, for error texts. */
const char *jinja_own_words(struct jtext t, char out[68]);

/* jinja_text.c */
struct jtext jtext_of(const char *literal); /* trusted */
struct jtext jtext_data(const char *p, size_t n);
struct jtext jtext_part(struct jtext t, size_t from, size_t to); /* bytes */
int jtext_is(struct jtext t, const char *literal);
int jtext_same(struct jtext a, struct jtext b);
int jtext_order(struct jtext a, struct jtext b);
size_t jtext_step(struct jtext t, size_t at); /* bytes of the character at `at` */
size_t jtext_chars(struct jtext t);
size_t jtext_offset(struct jtext t, size_t chars); /* byte offset of a character */
ptrdiff_t jtext_find(struct jtext t, struct jtext what, size_t from);
int jtext_blank(struct jtext t, size_t at, size_t *len); /* a blank character at `at`, *len bytes long */
/* Ends without blanks, or without characters of `set`; sides: 1 left, 2 right. */
struct jtext jtext_strip(struct jtext t, const struct jtext *set, int sides);
/* Counts the steps of that: every character is looked for in the set. */
int jtext_strip_work(struct jinja *j, struct jtext t, const struct jtext *set);
struct jtext jtext_recased(struct jinja *j, struct jtext t, int (*map)(int c, int first), int words);
int jpieces_add(struct jinja *j, struct jpieces *p, struct jtext t); /* 0, or failed */
int jpieces_word(struct jinja *j, struct jpieces *p, const char *literal);
struct jtext jpieces_join(struct jinja *j, const struct jpieces *p);
struct jtext jtext_join2(struct jinja *j, struct jtext a, struct jtext b);
struct jtext jtext_replaced(struct jinja *j, struct jtext t, struct jtext old, struct jtext put, int64_t count);
struct jtext jtext_sliced(struct jinja *j, struct jtext t, int64_t from, int64_t to, int64_t step);

/* jinja_value.c */
struct jval jval_undefined(void);
struct jval jval_none(void);
struct jval jval_bool(int b);
struct jval jval_int(int64_t i);
struct jval jval_float(double f);
struct jval jval_text(struct jtext t);
struct jval jval_list(struct jlist *l);
struct jval jval_dict(struct jdict *d);
struct jlist *jlist_new(struct jinja *j, size_t cap); /* NULL: failed */
int jlist_add(struct jinja *j, struct jlist *l, struct jval v);
struct jdict *jdict_new(struct jinja *j, size_t cap);
struct jval *jdict_find(struct jinja *j, const struct jdict *d, struct jval key);
struct jval *jdict_word(struct jinja *j, const struct jdict *d, const char *key);
int jdict_set(struct jinja *j, struct jdict *d, struct jval key, struct jval value);
int jdict_put(struct jinja *j, struct jdict *d, const char *key, struct jval value); /* at the end, key known to be new */
int jval_true(struct jval v);
int jval_equal(struct jinja *j, struct jval a, struct jval b);
int jval_order(struct jinja *j, struct jval a, struct jval b); /* <0, 0, >0; fails for what has no order */
int jval_number(struct jval v, double *f);                     /* 1: a number or boolean */
int jval_whole(struct jval v, int64_t *i);                     /* 1: an integer or boolean */
int jval_holds(struct jinja *j, struct jval container, struct jval what);
const char *jval_kind(struct jval v);
/* The values that a loop over v sees; fails when it has none. */
struct jlist *jval_items(struct jinja *j, struct jval v);
/* Python's bounds of [from:to:step] for n items. */
void jval_slice_bounds(int64_t n, const int64_t *from, const int64_t *to, int64_t step, int64_t *first, int64_t *last);

/* jinja_repr.c, jinja_json.c */
struct jtext jval_str(struct jinja *j, struct jval v);
void jval_repr(struct jinja *j, struct jpieces *p, struct jval v);
void jfloat_print(double f, char out[40]);
struct jtext jinja_copy(struct jinja *j, const char *s); /* of a small buffer; counts as input */
struct jval jval_from_json(struct jinja *j, const json_t *v);
struct jval jval_tojson(struct jinja *j, struct jval v, const struct jargs *a);

/* jinja_lex.c, jinja_parse.c, jinja_expr.c */
struct jtoken *jinja_lex(struct jinja *j, const char *source, size_t n); /* ends with T_END; NULL: failed */
struct jnode *jinja_parse(struct jinja *j);                              /* from j->token on */
struct jnode *jnode_new(struct jinja *j, enum jnode_kind kind);
struct jnode *jparse_expr(struct jinja *j);
struct jnode *jparse_tuple(struct jinja *j, int conditional);
struct jnode *jparse_target(struct jinja *j);
struct jnode *jparse_filters(struct jinja *j, struct jnode *a);
struct jnode *jparse_postfix(struct jinja *j, struct jnode *a);
struct jnode *jparse_args(struct jinja *j);
int jparse_op(struct jinja *j, int op); /* takes the operator if it is next */
int jparse_word(struct jinja *j, const char *word);
int jparse_is_word(const struct jinja *j, const char *word);
int jparse_need_op(struct jinja *j, int op); /* 0, or failed */
struct jtext jparse_name(struct jinja *j);
int jparse_unexpected(struct jinja *j);

/* jinja_eval.c, jinja_run.c, jinja_call.c */
struct jval jinja_eval(struct jinja *j, const struct jnode *n);
struct jval jinja_attr(struct jinja *j, struct jval v, struct jtext name);
struct jval jinja_item(struct jinja *j, struct jval v, struct jval key);
struct jval jinja_binary(struct jinja *j, int op, struct jval a, struct jval b);
enum jflow jinja_run(struct jinja *j, const struct jnode *list);
struct jval jinja_gather(struct jinja *j, const struct jnode *list); /* what the statements write, as a text */
void jinja_assign(struct jinja *j, const struct jnode *target, struct jval v);
int jscope_set(struct jinja *j, struct jscope *s, struct jtext name, struct jval v);
struct jval *jscope_find(struct jinja *j, struct jtext name);
struct jscope *jscope_push(struct jinja *j, struct jscope *parent);
struct jval jinja_call(struct jinja *j, struct jval f, const struct jargs *a);
int jinja_args(struct jinja *j, const struct jnode *list, struct jargs *out);
int jinja_builtins(struct jinja *j);
/* An argument by place or name; NULL when absent. */
const struct jval *jargs_get(const struct jargs *a, uint32_t at, const char *name);
int64_t jargs_int(struct jinja *j, const struct jargs *a, uint32_t at, const char *name, int64_t otherwise);
struct jtext jargs_text(struct jinja *j, const struct jargs *a, uint32_t at, const char *name, const char *otherwise);
int jargs_bool(const struct jargs *a, uint32_t at, const char *name, int otherwise);
struct jargs jargs_rest(const struct jargs *a, uint32_t skip);

/* the library */
struct jval jinja_filter(struct jinja *j, struct jtext name, struct jval v, const struct jargs *a);
typedef struct jval jfilter_run(struct jinja *j, struct jval v, const struct jargs *a);
struct jfilter {
    const char *name;
    jfilter_run *run;
};
jfilter_run *jinja_list_filter(struct jtext name); /* NULL: no such */
int jinja_test(struct jinja *j, struct jtext name, struct jval v, const struct jargs *a);
int jinja_method(struct jinja *j, struct jval self, struct jtext name, struct jval *out);           /* 1: found */
struct jval jtext_formatted(struct jinja *j, struct jtext t, const struct jval *v, uint32_t count); /* "%s %d" */
struct jval jtext_format_method(struct jinja *j, struct jval self, const struct jargs *a);          /* "{} {0}" */
struct jtext jinja_date(struct jinja *j, struct jtext format);                                      /* strftime */

#endif
