/* model/grammar_trie.h - a vocabulary's pieces as a tree over their bytes: a walk through it meets each beginning once, however
 * many tokens share it. Made once per model, read-only afterwards. */
#ifndef MODEL_GRAMMAR_TRIE_H
#define MODEL_GRAMMAR_TRIE_H

#include "model/vocab.h"

struct gram_trie_node {
    uint32_t skip;  /* the first node that is not below this one */
    uint32_t first; /* the tokens that end here: id[first] up to the next node's first */
    uint16_t depth; /* bytes from the root */
    uint8_t byte;   /* the last of them */
};
/* Nodes stand in the order of their bytes, each in front of those below it. */
struct gram_trie {
    uint32_t n_vocab, nodes; /* node[0] is the root, node[nodes] closes the list */
    struct gram_trie_node *node;
    int32_t *id;
    size_t ids;
    int32_t *end; /* ids that end an answer: they are not in the tree */
    size_t ends;
    size_t depth_max;
    int adds_space; /* the vocabulary's texts begin with a blank that is not shown */
};
/* Tokens without a text of their own (control tokens and the like) are in neither list. ERR_NOMEM, ERR_LIMIT. */
int gram_trie_new(struct gram_trie **out, const struct vocab *v);
void gram_trie_free(struct gram_trie *t); /* NULL is fine */

#endif
