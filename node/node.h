/* node/node.h - the serving role: `lull node`. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

int node_main(int argc, char **argv);

#endif
