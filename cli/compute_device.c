/* cli/compute_device.c - see compute_device.h. */
#include "cli/compute_device.h"

#include <stddef.h>
#include <string.h>

#ifdef LULL_CUDA
#include "cuda/gpu.h"
#endif

int compute_device_of(const struct device_ops **out, const char *name, struct why *why) {
    *out = NULL;
    if (strcmp(name, "cpu") == 0) return 0;
    if (strcmp(name, "cuda") != 0) return why_set(why, ERR_USAGE, "--device: is cpu or cuda");
#ifdef LULL_CUDA
    *out = &gpu_device;
    return 0;
#else
    return why_set(why, ERR_USAGE, "--device cuda: this program was built without it (make CUDA=1)");
#endif
}
