/* model/device.h - something other than the CPU that runs an engine's steps: weights, keys and values live in its memory.
 *
 * The engine keeps the plan: which rows a step has, their ids and positions, which page holds what. Its pool of pages has
 * addresses but, with a device, no contents; page p of the pool is page p of the device. A device computes the profile's very bits,
 * so where an answer was computed cannot be seen in it. */
#ifndef MODEL_DEVICE_H
#define MODEL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/engine.h"
#include "model/family.h"

/* The rows of one step, each with its embedding and its angles. */
struct device_step {
    uint32_t rows, logits_rows;
    const float *x;                                             /* [rows][n_embd] */
    const float *rope_cos[ROPE_TABLES], *rope_sin[ROPE_TABLES]; /* [rows][n_rot / 2]; NULL: the model has no such table */
    const uint32_t *position;                                   /* [rows] */
    const uint32_t *first_page;                                 /* [rows]: where the row's sequence begins in `page` */
    const uint32_t *page;                                       /* [page_count]: numbers of pages, of one sequence in order */
    uint32_t page_count;
    const uint32_t *logits_row; /* [logits_rows]: rows that yield logits */
    float *logits;              /* out, [logits_rows][n_vocab]: products of the output matrix, nothing done to them yet */
    uint8_t *bad;               /* [rows], zeroed; out: 1 where a value was NaN or infinite */
};

struct device_ops {
    const char *name; /* for people: "cuda" */
    /* Puts the model's weights into the device's memory, with room for steps as o allows them. Everything is allocated here.
     * ERR_NOTFOUND: no such device here; ERR_UNSUPPORTED: the model has something that the device does not compute (why says
     * what); ERR_NOMEM. */
    int (*open)(void **out, const struct model *m, const struct engine_opts *o, struct why *why);
    void (*close)(void *device); /* wipes; NULL is fine */
    /* 0, or ERR_IO: the device failed, and all that it holds is lost. */
    int (*step)(void *device, const struct device_step *s);
    /* Zeroes a page, before anybody else gets it. */
    void (*wipe)(void *device, uint32_t page);
};

#endif
