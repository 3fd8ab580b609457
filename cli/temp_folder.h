/* cli/temp_folder.h - a folder for what a command needs while it runs, in $TMPDIR or /tmp. A command that is killed cannot remove its own: the
 * next one that asks for a folder of the same kind does. */
#ifndef CLI_TEMP_FOLDER_H
#define CLI_TEMP_FOLDER_H

#include "base/err.h"

struct temp_folder {
    char path[96]; /* "": there is none */
    int lock_fd;   /* of "lock" in it, held as long as the process lives */
};
/* kind: "lull-blind-bench". First removes folders KIND-XXXXXX of this user whose process is gone. ERR_IO, ERR_LIMIT: a path that is too long. */
int temp_folder_open(struct temp_folder *f, const char *kind, struct why *why);
void temp_folder_close(struct temp_folder *f); /* removes it with all that is in it; fine on a zeroed one */

#endif
