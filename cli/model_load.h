/* cli/model_load.h - opening a model from a command: LULL_KERNELS, and a line of progress when it takes over a second. */
#ifndef CLI_MODEL_LOAD_H
#define CLI_MODEL_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

/* Help of the option that names the arithmetic (model_arith_of). */
extern const char cli_arith_help[];

/* Opens path as o says (its kernels and progress are filled in here), or prints why not to stderr. 0 or an exit status. The
 * context is part of what a model with longrope factors computes: whoever has an option for it passes it. */
int cli_model_open(struct model **out, const char *command, const char *path, const struct model_opts *o);

/* Progress on stderr, at most four times a second, from the second second on; `what` is a present participle ("loading").
 * Nothing is shown when stderr is not a terminal before ten seconds have passed. */
struct cli_progress {
    const char *what;
    uint64_t started_ms, shown_ms;
};
void cli_progress_start(struct cli_progress *p, const char *what);
void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t all);
void cli_progress_end(struct cli_progress *p); /* clears the line */

#endif
