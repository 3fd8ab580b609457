/* coordinator/coordinator.h - directory, routing, accounting: `lull coordinator`. */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

int coordinator_main(int argc, char **argv);

#endif
