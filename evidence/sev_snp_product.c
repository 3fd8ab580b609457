/* evidence/sev_snp_product.c - what differs between AMD's products. See sev_snp_report.h.
 *
 * Families, models and the order of a TCB version's parts are those of AMD's "Versioned Chip Endorsement Key (VCEK) Certificate and KDS
 * Interface Specification" (57230) and of the firmware's (56860). Turin's order is another one than Milan's and Genoa's: read as theirs,
 * its boot loader's version stands for the microcode's. */
#include <string.h>

#include "evidence/sev_snp_report.h"

#define SPL "1.3.6.1.4.1.3704.1.3."

static const struct snp_tcb_part parts_until_genoa[SNP_TCB_BYTES] = {
    {SPL "1", "bootloader"}, {SPL "2", "tee"}, {SPL "4", NULL},  {SPL "5", NULL},
    {SPL "6", NULL},         {SPL "7", NULL},  {SPL "3", "snp"}, {SPL "8", "microcode"},
};
static const struct snp_tcb_part parts_since_turin[SNP_TCB_BYTES] = {
    {SPL "9", "fmc"}, {SPL "1", "bootloader"}, {SPL "2", "tee"}, {SPL "3", "snp"},
    {SPL "5", NULL},  {SPL "6", NULL},         {SPL "7", NULL},  {SPL "8", "microcode"},
};

/* In certificates a name may go on with "-" and a stepping. */
static const struct {
    const char *name;
    enum snp_product product;
} names[] = {{"Milan", SNP_MILAN}, {"Genoa", SNP_GENOA}, {"Bergamo", SNP_GENOA}, {"Siena", SNP_GENOA}, {"Turin", SNP_TURIN}};

static const struct {
    unsigned family, from, to;
    enum snp_product product;
} cpus[] = {
    {0x19, 0x00, 0x0f, SNP_MILAN},
    {0x19, 0x10, 0x1f, SNP_GENOA},
    {0x19, 0xa0, 0xaf, SNP_GENOA}, /* Bergamo, Siena */
    {0x1a, 0x00, 0x1f, SNP_TURIN},
};

const char *snp_product_name(enum snp_product product) {
    static const char *const all[SNP_PRODUCTS] = {"milan", "genoa", "turin"};
    return (unsigned)product < SNP_PRODUCTS ? all[product] : "unknown";
}

enum snp_product snp_product_of_cpu(unsigned family, unsigned model) {
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++)
        if (cpus[i].family == family && cpus[i].from <= model && model <= cpus[i].to) return cpus[i].product;
    return SNP_PRODUCT_NONE;
}

enum snp_product snp_product_named(struct ev_bytes name) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i].name);
        if (name.n >= n && memcmp(name.p, names[i].name, n) == 0 && (name.n == n || name.p[n] == '-')) return names[i].product;
    }
    return SNP_PRODUCT_NONE;
}

const struct snp_tcb_part *snp_tcb_parts(enum snp_product product) {
    return product == SNP_TURIN ? parts_since_turin : parts_until_genoa;
}
