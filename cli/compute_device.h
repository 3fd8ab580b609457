/* cli/compute_device.h - the option --device: what computes. */
#ifndef CLI_COMPUTE_DEVICE_H
#define CLI_COMPUTE_DEVICE_H

#include "base/err.h"

struct device_ops; /* model/device.h */

#define compute_device_help "what computes: cpu, or cuda, an NVIDIA GPU, the same answers bit for bit (cpu)"

/* "cpu" (*out NULL) or "cuda"; ERR_USAGE for another, and for cuda in a program that was built without it. */
int compute_device_of(const struct device_ops **out, const char *name, struct why *why);

#endif
