/* evidence/event_data.c - which part of an event's data its digest covers. See event_log.h. */
#include "evidence/event_log.h"

#include <string.h>

/* Where a digest may be that of the data. */
enum data_form {
    DATA_REMARK,   /* never: the digest is of a program, of firmware, of tables */
    DATA_WHOLE,    /* of all of it */
    DATA_VARIABLE, /* of all, or of an EFI variable's value alone */
    DATA_COMMAND,  /* of all, or of what follows GRUB's word */
};
static const struct {
    uint32_t type;
    enum data_form form;
    const char *name;
} types[] = {
    {0x00000000, DATA_REMARK, "EV_PREBOOT_CERT"},
    {0x00000001, DATA_WHOLE, "EV_POST_CODE"},
    {0x00000003, DATA_REMARK, "EV_NO_ACTION"},
    {0x00000004, DATA_WHOLE, "EV_SEPARATOR"},
    {0x00000005, DATA_WHOLE, "EV_ACTION"},
    {0x00000006, DATA_WHOLE, "EV_EVENT_TAG"},
    {0x00000007, DATA_REMARK, "EV_S_CRTM_CONTENTS"},
    {0x00000008, DATA_WHOLE, "EV_S_CRTM_VERSION"},
    {0x00000009, DATA_REMARK, "EV_CPU_MICROCODE"},
    {0x0000000a, DATA_WHOLE, "EV_PLATFORM_CONFIG_FLAGS"},
    {0x0000000b, DATA_WHOLE, "EV_TABLE_OF_DEVICES"},
    {0x0000000c, DATA_REMARK, "EV_COMPACT_HASH"},
    {0x0000000d, DATA_COMMAND, "EV_IPL"},
    {0x0000000e, DATA_REMARK, "EV_IPL_PARTITION_DATA"},
    {0x0000000f, DATA_REMARK, "EV_NONHOST_CODE"},
    {0x00000010, DATA_REMARK, "EV_NONHOST_CONFIG"},
    {0x00000011, DATA_WHOLE, "EV_NONHOST_INFO"},
    {0x00000012, DATA_WHOLE, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x80000001, DATA_WHOLE, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, DATA_VARIABLE, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, DATA_REMARK, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, DATA_REMARK, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, DATA_REMARK, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, DATA_WHOLE, "EV_EFI_GPT_EVENT"},
    {0x80000007, DATA_WHOLE, "EV_EFI_ACTION"},
    {0x80000008, DATA_REMARK, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, DATA_REMARK, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, DATA_REMARK, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, DATA_REMARK, "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000c, DATA_WHOLE, "EV_EFI_VARIABLE_BOOT2"},
    {0x8000000d, DATA_WHOLE, "EV_EFI_GPT_EVENT2"},
    {0x80000010, DATA_REMARK, "EV_EFI_HCRTM_EVENT"},
    {0x800000e0, DATA_WHOLE, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000e1, DATA_REMARK, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000e2, DATA_REMARK, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
};
enum { TYPES = sizeof types / sizeof *types };

const char *event_type_name(uint32_t type) {
    for (int i = 0; i < TYPES; i++)
        if (types[i].type == type) return types[i].name;
    return "unknown";
}

static enum data_form form_of(uint32_t type) {
    for (int i = 0; i < TYPES; i++)
        if (types[i].type == type) return types[i].form;
    return DATA_REMARK;
}

/* UEFI_VARIABLE_DATA: vendor's GUID 16, u64 characters of the name, u64 bytes of the value, name in UTF-16, value. */
static int variable_value(struct ev_bytes data, struct ev_bytes *value) {
    struct reader r = reader_over(data.p, data.n);
    read_bytes(&r, 16);
    uint64_t name = read_u64_le(&r), n = read_u64_le(&r);
    if (r.err || name > r.left / 2 || n > r.left) return 0;
    read_bytes(&r, (size_t)name * 2);
    value->p = read_bytes(&r, (size_t)n);
    value->n = (size_t)n;
    return read_end(&r) == 0;
}

/* GRUB hashes the line, and logs it behind a word that says what it is, with a NUL behind it. */
static int command_line(struct ev_bytes data, struct ev_bytes *line) {
    static const char *const words[] = {"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: "};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (data.n <= n || memcmp(data.p, words[i], n) != 0) continue;
        *line = (struct ev_bytes){data.p + n, data.n - n};
        if (line->p[line->n - 1] == 0) line->n--;
        return 1;
    }
    return 0;
}

static int is_hash_of(uint16_t alg, struct ev_bytes digest, struct ev_bytes data) {
    uint8_t made[TPM_DIGEST_MAX];
    return digest.n && tpm_hash(alg, made, data.n ? data.p : (const uint8_t *)"", data.n) == 0 &&
           digest.n == tpm_hash_size(alg) && memcmp(made, digest.p, digest.n) == 0;
}

enum event_cover event_covered(const struct event *e, uint16_t alg, struct ev_bytes *what) {
    struct ev_bytes digest = event_digest(e, alg), part = {0};
    enum data_form form = form_of(e->type);
    *what = (struct ev_bytes){0};
    if (form == DATA_REMARK || e->data.n == 0) return EVENT_NOT_COVERED;
    if (is_hash_of(alg, digest, e->data)) {
        *what = e->data;
        return EVENT_COVERED;
    }
    int has_part = form == DATA_VARIABLE ? variable_value(e->data, &part) : form == DATA_COMMAND && command_line(e->data, &part);
    if (!has_part || !is_hash_of(alg, digest, part)) return EVENT_NOT_COVERED;
    *what = part;
    return EVENT_COVERED_PART;
}
