/* cli/bench_streams.h - how many tokens a second several answers get together. */
#ifndef CLI_BENCH_STREAMS_H
#define CLI_BENCH_STREAMS_H

#include <stdint.h>

#include "base/err.h"
#include "model/engine.h"

enum { BENCH_STREAMS_MAX = 64 };

struct bench_streams {
    struct model *m;
    enum kv_format kv;
    uint32_t threads;                           /* 0: one per core */
    uint32_t streams, prompt, gen, chunk, runs; /* each stream: gen tokens after prompt ids of its own */
    /* out */
    uint32_t threads_used;
    double total, low, high; /* tokens per second over all streams: median, least, most */
    const char *kernels;
};
/* ERR_USAGE: longer than the model's context; ERR_NOMEM, ERR_NONFINITE. */
int bench_streams_run(struct bench_streams *b, struct why *why);
void bench_streams_print(const struct bench_streams *b, int json);

#endif
