/* cli/world.h - a whole network on one machine, of real processes: one coordinator, nodes of several operators, one gateway.
 * `lull demo` shows it, the end-to-end tests break it. Everything lives in one fresh folder that world_stop removes. */
#ifndef CLI_WORLD_H
#define CLI_WORLD_H

#include "cli/proc.h"

enum { WORLD_NODES_MAX = 8, WORLD_PATH = 320 };
struct world_opts {
    const char *lull;  /* the program */
    const char *model; /* GGUF served by every node */
    int nodes;         /* 1..WORLD_NODES_MAX */
    int operators;     /* node i belongs to operator i % operators */
    int how;           /* PROC_SEARCHABLE: coordinator and gateway */
    int nodes_how;
    const char *slots;    /* per node; NULL: the node's default */
    const char *threads;  /* that compute, per node; NULL: "1", since there are several nodes */
    const char *drain_ms; /* per node; NULL: the node's default */
    const char *gateway_extra[8], *coordinator_extra[8], *node_extra[8]; /* more options, NULL-terminated */
    /* Where nodes and gateway dial instead of the coordinator's own address (a relay that can be cut); "" or NULL: there.
     * Called once the coordinator's address is known. */
    int (*dial_at)(void *arg, const char *coordinator, int node /* -1: the gateway */, char out[64]);
    void *arg;
};
struct world {
    struct world_opts o;
    char dir[WORLD_PATH];
    char coordinator_at[64], gateway_at[64], status_at[64];
    struct proc coordinator, gateway, nodes[WORLD_NODES_MAX];
    char identity[WORLD_NODES_MAX][65]; /* hex, from the nodes' ready lines */
};
/* Starts everything and waits until the gateway sees all nodes. On failure everything is stopped again. */
int world_start(struct world *w, const struct world_opts *o, struct why *why);
/* SIGTERM to every process, SIGKILL to one that still runs after ms. Folder and logs stay, for world_stop to remove. */
void world_halt(struct world *w, uint32_t ms);
void world_stop(struct world *w); /* SIGTERM, then SIGKILL; removes the folder. Fine on a zeroed world */

int world_start_coordinator(struct world *w, struct why *why); /* again at the same address */
int world_start_node(struct world *w, int i, struct why *why); /* with the data folder it had */
int world_start_gateway(struct world *w, struct why *why);
/* Until the gateway counts `nodes` nodes, at most ms. ERR_TIME. */
int world_wait_nodes(struct world *w, int nodes, uint32_t ms, struct why *why);
/* Index of the node that computes the one running request, or -1 when none does. */
int world_serving(struct world *w);
/* GET on the gateway into b (initialised here). 0 with status 200, else ERR_*. */
struct buf;
int world_get(struct world *w, const char *path, struct buf *b);

/* Where the shipped model is: ./models, beside the program, or installed. 0 or ERR_NOTFOUND. */
int world_shipped_model(char out[WORLD_PATH]);
/* The path of the running program. */
int world_own_program(char out[WORLD_PATH]);

#endif
