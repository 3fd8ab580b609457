/* model/family.c - the table of families; see family.h. */
#include "model/family.h"

#include <stdio.h>
#include <string.h>

const struct family *const families[] = {
    &family_llama,  &family_qwen2, &family_qwen3,   &family_qwen3moe, &family_gemma, &family_gemma2,
    &family_gemma3, &family_phi3,  &family_smollm3, &family_granite,  NULL};

const struct family *family_find(const char *arch, size_t n) {
    for (size_t i = 0; families[i]; i++)
        if (strlen(families[i]->arch) == n && memcmp(families[i]->arch, arch, n) == 0) return families[i];
    return NULL;
}

void family_names(char *out, size_t cap) {
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; families[i] && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", families[i]->arch);
}
