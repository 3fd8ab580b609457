/* node/hardening.h - what the node's process takes from itself before it sees a prompt, and what the kernel gave of it. The identity key is
 * in a process of its own (node/signer_proc.h), and so are connections (net/dialler.h). `lull node --explain-hardening` prints it all. */
#ifndef NODE_HARDENING_H
#define NODE_HARDENING_H

#include "base/measures.h"
#include "node/node_parts.h"

/* First of all: core files, other processes of the same user, and how much memory may be locked. */
void hardening_process(struct measures *m);
/* Once the keys and certificates are read, before the first thread: files. */
void hardening_files(struct measures *m, const struct node_opts *o, const struct data_dir *dir);
/* Once all is open, whatever threads there are: system calls. And how much of the memory for prompts is locked. */
void hardening_calls(struct measures *m);
/* One line of log: how many are given; each that is missing by name. */
void hardening_log(const struct measures *m);

/* `--explain-hardening`: does all of the above in this process, with the models that the options name, tries what it should have made
 * impossible, and prints what came of it. Touches no data of the node's own. The exit status. */
int hardening_explain(struct node *n, int as_json);

#endif
