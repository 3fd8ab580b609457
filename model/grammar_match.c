/* model/grammar_match.c - see grammar_match.h. */
#include "model/grammar_match.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_SLOTS = 2 * GRAM_VISITS_MAX };

const struct gram_room gram_room_full = {GRAM_STATES_MAX, GRAM_STACKS_MAX, GRAM_SETS_MAX, GRAM_WORK_MAX};

static uint32_t hash2(uint32_t a, uint32_t b) {
    uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 11);
}

/* ---- stacks and states, each kept once ---- */

/* A stack number, or 0 when there is no room. */
static uint32_t push(struct gram_match *m, uint32_t ret, uint32_t below) {
    uint32_t *head = &m->stack_head[hash2(ret, below) & (m->room.stacks - 1)];
    for (uint32_t i = *head; i; i = m->stack[i].chain)
        if (m->stack[i].ret == ret && m->stack[i].below == below) return i;
    if (m->stacks == m->room.stacks) return 0;
    m->stack[m->stacks] = (struct gram_stack){ret, below, m->stack[below].depth + 1, *head};
    *head = m->stacks;
    return m->stacks++;
}

static uint32_t state_hash(const struct gram_place *p, uint32_t n, int accepts) {
    uint32_t h = (uint32_t)accepts;
    for (uint32_t i = 0; i < n; i++) h = hash2(h ^ p[i].node, p[i].stack);
    return h;
}

/* The state of these places, sorted; GRAM_FULL when there is no room for it. */
static uint32_t state_of(struct gram_match *m, const struct gram_place *p, uint32_t n, int accepts) {
    uint32_t *head = &m->state_head[state_hash(p, n, accepts) & (m->room.states - 1)];
    for (uint32_t i = *head; i; i = m->state[i].chain)
        if (m->state[i].count == n && m->state[i].accepts == accepts &&
            (n == 0 || memcmp(m->place + m->state[i].first, p, n * sizeof *p) == 0))
            return i;
    if (m->states == m->room.states || n > m->room.sets - m->places) return GRAM_FULL;
    uint32_t at = m->states++;
    m->state[at] = (struct gram_state){.first = m->places, .chain = *head, .count = (uint16_t)n, .accepts = (uint8_t)accepts};
    if (n) memmove(m->place + m->places, p, n * sizeof *p);
    m->places += n;
    memset(m->step + (size_t)at * m->g->classes, 0, m->g->classes * sizeof *m->step);
    *head = at;
    return at;
}

/* ---- one byte further ---- */

enum { OVER = -1, NO_ROOM = -2 };

/* Adds a place unless it is there. 0, or OVER. */
static int visit(struct gram_match *m, uint32_t node, uint32_t stack) {
    uint32_t at = hash2(node, stack) % SEEN_SLOTS;
    for (; m->seen[at]; at = (at + 1) % SEEN_SLOTS) {
        const struct gram_place *p = &m->todo[m->seen[at] - 1];
        if (p->node == node && p->stack == stack) return 0;
    }
    if (m->todos == GRAM_VISITS_MAX) return OVER;
    m->todo[m->todos++] = (struct gram_place){node, stack};
    m->seen[at] = m->todos;
    return 0;
}

static int visit_call(struct gram_match *m, const struct gram_node *n, uint32_t stack) {
    if (n->count == 0) return visit(m, n->first, stack); /* what follows only ends the rule: nothing to come back for */
    if (m->stack[stack].depth == GRAM_DEPTH_MAX) return 0;
    uint32_t pushed = push(m, n->count, stack);
    return pushed ? visit(m, n->first, pushed) : NO_ROOM;
}

/* Follows all places of todo that wait for no byte. Those that do are left, at the front of todo: their number, or an error. */
static int settle(struct gram_match *m) {
    uint32_t kept = 0;
    int r = 0;
    for (uint32_t i = 0; i < m->todos && r == 0; i++) {
        struct gram_place p = m->todo[i];
        const struct gram_node *n = &m->g->node[p.node];
        switch (n->kind) {
        case NODE_BYTES: kept++; break;
        case NODE_CALL: r = visit_call(m, n, p.stack); break;
        case NODE_FORK:
            m->work += n->count; /* ways may be many and all lead to one place */
            for (uint32_t k = 0; k < n->count && r == 0; k++) r = visit(m, m->g->link[n->first + k], p.stack);
            break;
        default:
            if (p.stack)
                r = visit(m, m->stack[p.stack].ret, m->stack[p.stack].below);
            else
                m->accepts = 1;
        }
    }
    for (uint32_t i = 0; i < m->todos; i++) /* clear seen: an entry's slot is found as it was made */
        for (uint32_t at = hash2(m->todo[i].node, m->todo[i].stack) % SEEN_SLOTS; m->seen[at]; at = (at + 1) % SEEN_SLOTS)
            m->seen[at] = 0;
    m->work += m->todos + 1;
    uint32_t to = 0;
    for (uint32_t i = 0; i < m->todos && r == 0; i++)
        if (m->g->node[m->todo[i].node].kind == NODE_BYTES) m->todo[to++] = m->todo[i];
    return r != 0 ? r : kept > GRAM_PLACES_MAX ? OVER : (int)kept;
}

static int before(const struct gram_place *a, const struct gram_place *b) {
    return a->node != b->node ? a->node < b->node : a->stack < b->stack;
}
/* Shell sort: sets are small, and nothing is allocated. */
static void sort(struct gram_place *p, size_t n) {
    static const size_t gaps[] = {301, 132, 57, 23, 10, 4, 1};
    for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
        for (size_t i = gaps[k]; i < n; i++) {
            struct gram_place x = p[i];
            size_t j = i;
            for (; j >= gaps[k] && before(&x, &p[j - gaps[k]]); j -= gaps[k]) p[j] = p[j - gaps[k]];
            p[j] = x;
        }
}

/* The state that todo makes. */
static uint32_t close_over(struct gram_match *m) {
    m->accepts = 0;
    int n = settle(m);
    m->todos = 0;
    if (n == NO_ROOM) return GRAM_FULL;
    if (n == OVER || (n == 0 && !m->accepts)) return GRAM_DEAD;
    sort(m->todo, (size_t)n);
    return state_of(m, m->todo, (uint32_t)n, m->accepts);
}

/* Where a byte leads from a node: edges stand in the order of their bytes. NULL: nowhere. */
static const struct gram_edge *edge_for(const struct grammar *g, const struct gram_node *n, uint8_t byte) {
    uint32_t lo = n->first, end = n->first + n->count, hi = end;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (g->edge[mid].hi < byte)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < end && g->edge[lo].lo <= byte ? &g->edge[lo] : NULL;
}

uint32_t gram_match_find(struct gram_match *m, uint32_t state, uint32_t class) {
    const struct gram_state *s = &m->state[state];
    const struct grammar *g = m->g;
    uint8_t byte = g->class_byte[class];
    m->work += s->count;
    for (uint32_t i = s->first; i < s->first + s->count; i++) {
        const struct gram_edge *e = edge_for(g, &g->node[m->place[i].node], byte);
        if (e) (void)visit(m, e->to, m->place[i].stack); /* a state has fewer places than there may be visits */
    }
    uint32_t to = close_over(m);
    m->step[(size_t)state * g->classes + class] = (uint16_t)to;
    return to;
}

/* ---- making room ---- */

/* Keeps the stacks that root needs, moved to the front. A stack stands behind those below it, so one pass does it. */
static void keep_stacks(struct gram_match *m, const struct gram_state *root) {
    uint32_t *moved = m->stack_head, kept = 1; /* stack_head is filled anew afterwards */
    if (m->stacks > m->stacks_most) m->stacks_most = m->stacks;
    memset(moved, 0, m->room.stacks * sizeof *moved);
    for (uint32_t i = root->first; i < root->first + root->count; i++)
        for (uint32_t s = m->place[i].stack; s && !moved[s]; s = m->stack[s].below) moved[s] = 1;
    for (uint32_t i = 1; i < m->stacks; i++) {
        if (!moved[i]) continue;
        struct gram_stack s = m->stack[i];
        s.below = s.below ? moved[s.below] : 0;
        m->stack[kept] = s;
        moved[i] = kept++;
    }
    for (uint32_t i = root->first; i < root->first + root->count; i++)
        if (m->place[i].stack) m->place[i].stack = moved[m->place[i].stack];
    memset(moved, 0, m->room.stacks * sizeof *moved);
    m->stacks = kept;
    for (uint32_t i = 1; i < kept; i++) {
        uint32_t *head = &m->stack_head[hash2(m->stack[i].ret, m->stack[i].below) & (m->room.stacks - 1)];
        m->stack[i].chain = *head;
        *head = i;
    }
}

void gram_match_empty(struct gram_match *m) {
    struct gram_state root = m->state[m->root];
    keep_stacks(m, &root);
    memset(m->state_head, 0, m->room.states * sizeof *m->state_head);
    if (m->places > m->places_most) m->places_most = m->places;
    m->emptied++;
    m->states = 2;
    m->places = 0;
    m->root = state_of(m, m->place + root.first, root.count, root.accepts); /* order is kept: the places stay sorted */
}

/* The state after p, or GRAM_DEAD, or GRAM_FULL. */
static uint32_t run(struct gram_match *m, const uint8_t *p, size_t n) {
    uint32_t s = m->root;
    for (size_t i = 0; i < n && s != GRAM_DEAD && s != GRAM_FULL; i++) s = gram_match_step(m, s, p[i]);
    return s;
}

int gram_match_advance(struct gram_match *m, const uint8_t *p, size_t n) {
    uint32_t s = run(m, p, n);
    if (s == GRAM_FULL) {
        gram_match_empty(m);
        s = run(m, p, n);
    }
    if (s == GRAM_FULL) return ERR_LIMIT;
    if (s == GRAM_DEAD) return ERR_RANGE;
    m->root = s;
    return 0;
}

/* ---- beginning and end ---- */

int gram_match_new_in(struct gram_match **out, const struct grammar *g, const struct gram_room *room) {
    struct gram_match *m = mem_zalloc(1, sizeof *m);
    *out = NULL;
    if (!m) return ERR_NOMEM;
    *m = (struct gram_match){.g = g, .room = *room, .stacks = 1, .states = 2};
    m->stack = mem_zalloc(room->stacks, sizeof *m->stack);
    m->place = mem_zalloc(room->sets, sizeof *m->place);
    m->state = mem_zalloc(room->states, sizeof *m->state);
    m->step = mem_zalloc(room->states, g->classes * sizeof *m->step);
    m->stack_head = mem_zalloc(room->stacks, sizeof *m->stack_head);
    m->state_head = mem_zalloc(room->states, sizeof *m->state_head);
    m->todo = mem_zalloc(GRAM_VISITS_MAX, sizeof *m->todo);
    m->seen = mem_zalloc(SEEN_SLOTS, sizeof *m->seen);
    int r = m->stack && m->place && m->state && m->step && m->stack_head && m->state_head && m->todo && m->seen ? 0 : ERR_NOMEM;
    if (r == 0) {
        (void)visit(m, g->root, 0); /* the first of todo fits */
        m->root = close_over(m);
        if (m->root == GRAM_FULL || m->root == GRAM_DEAD) r = ERR_LIMIT;
    }
    if (r == 0)
        *out = m;
    else
        gram_match_free(m);
    return r;
}

int gram_match_new(struct gram_match **out, const struct grammar *g) { return gram_match_new_in(out, g, &gram_room_full); }

/* Wipes what was in use, not the whole tables: most grammars touch a small part of them. */
void gram_match_free(struct gram_match *m) {
    if (!m) return;
    uint32_t stacks = m->stacks > m->stacks_most ? m->stacks : m->stacks_most;
    uint32_t places = m->places > m->places_most ? m->places : m->places_most;
    if (m->stack) mem_wipe(m->stack, stacks * sizeof *m->stack);
    if (m->place) mem_wipe(m->place, places * sizeof *m->place);
    free(m->stack);
    free(m->place);
    free(m->state);
    free(m->step);
    free(m->stack_head);
    free(m->state_head);
    free(m->todo);
    free(m->seen);
    mem_wipe(m, sizeof *m);
    free(m);
}
