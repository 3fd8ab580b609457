/* tests/e2e/reports.h - what sanitizers said inside the processes of a network, which nobody would see otherwise. */
#ifndef TESTS_E2E_REPORTS_H
#define TESTS_E2E_REPORTS_H

#include "cli/world.h"

/* Halts the network and searches its logs for a sanitizer's report; one is copied to standard error. Then world_stop.
 * Returns how many processes reported: 0 is well (and is all that a build without sanitizers can give). */
int reports_then_stop(struct world *w);

#endif
