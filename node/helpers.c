/* node/helpers.c - the processes beside the node: the identity key's, the one that makes connections, the TPM's. A node that has lost one
 * would stay in the directory and open or sign nothing, so it leaves in good order, and ends with a failure: what watches over it
 * (tools/systemd/lull-node.service) starts it again, with new keys. */
#include "base/log.h"
#include "node/node_parts.h"

enum { LOOK_MS = 1000 };

static const char *who_is_gone(const struct node *n) {
    if (child_proc_ended(&n->signer.child)) return "lull-signer";
    if (dialler_ended(n->dialler)) return "lull-dialler";
    return node_tpm_ended(n) ? "lull-tpm" : NULL;
}

static void on_look(void *arg) {
    struct node *n = arg;
    const char *gone = who_is_gone(n);
    if (!gone) {
        timer_start_ms(n->look, LOOK_MS);
        return;
    }
    log_event(LOG_ERROR, "node", "helper_ended", LOG_CODE("process", gone));
    n->failed = 1;
    if (!n->draining) drain_begin(n);
}

int helpers_watch(struct node *n) {
    int r = timer_new(&n->look, n->loop, on_look, n);
    if (r == 0) timer_start_ms(n->look, LOOK_MS);
    return r;
}

void helpers_release(struct node *n) { timer_free(n->look); }
