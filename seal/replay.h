/* seal/replay.h - the former name of seal/replay_cache.h, for includes that still use it. */
#ifndef SEAL_REPLAY_H
#define SEAL_REPLAY_H

#include "seal/replay_cache.h"

#endif
