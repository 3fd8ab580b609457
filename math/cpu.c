/* math/cpu.c - processor features. x86-64 bit numbers: Intel SDM, CPUID leaves 1 and 7 (sub-leaves 0 and 1), XCR0. AArch64: Linux's hwcaps
 * (Documentation/arch/arm64/elf_hwcaps.rst), Apple's sysctl names. */
#include "math/cpu.h"

#include "math/kern.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#include <xmmintrin.h>

struct features {
    uint32_t l1_ecx, l7_ebx, l7_ecx, l71_eax;
    uint64_t xcr0;
};

static struct features read_features(void) {
    struct features f = {0};
    uint32_t a, b, c, d, lo, hi;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return f;
    f.l1_ecx = c;
    if (c >> 27 & 1) { /* OSXSAVE: xgetbv may be used */
        __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        f.xcr0 = lo | (uint64_t)hi << 32;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        f.l7_ebx = b;
        f.l7_ecx = c;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) f.l71_eax = a;
    return f;
}

static int has(uint64_t word, uint64_t mask) { return (word & mask) == mask; }

int cpu_has_avx2(void) {
    struct features f = read_features();
    return has(f.l1_ecx, 1u << 12 | 1u << 28 | 1u << 29) && has(f.l7_ebx, 1u << 5) && has(f.xcr0, 0x6); /* FMA AVX F16C; AVX2 */
}

int cpu_has_avxvnni(void) {
    struct features f = read_features();
    return cpu_has_avx2() && has(f.l71_eax, 1u << 4);
}

int cpu_has_avx512vnni(void) {
    struct features f = read_features();
    return cpu_has_avx2() && has(f.l7_ebx, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F DQ BW VL */
           && has(f.l7_ecx, 1u << 11) && has(f.xcr0, 0xe6);                           /* VNNI; state of zmm and k registers */
}

/* Rounding control 0, no flush to zero, no denormals are zero; exception flags and masks do not matter. */
int kern_float_mode_ok(void) { return (_mm_getcsr() & 0xe040u) == 0; }

#else
int cpu_has_avx2(void) { return 0; }
int cpu_has_avxvnni(void) { return 0; }
int cpu_has_avx512vnni(void) { return 0; }
#endif

#if defined(__aarch64__)
#include <stdint.h>

#if defined(__APPLE__)
#include <sys/sysctl.h>
static int apple_has(const char *name) {
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}
int cpu_has_dotprod(void) { return apple_has("hw.optional.arm.FEAT_DotProd"); }
int cpu_has_i8mm(void) { return cpu_has_dotprod() && apple_has("hw.optional.arm.FEAT_I8MM"); }
#else
#include <sys/auxv.h>
int cpu_has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }                    /* HWCAP_ASIMDDP */
int cpu_has_i8mm(void) { return cpu_has_dotprod() && (getauxval(AT_HWCAP2) >> 13 & 1) != 0; } /* HWCAP2_I8MM */
#endif

/* FPCR: rounding mode bits 23:22, flush to zero 24, FZ16 19. */
int kern_float_mode_ok(void) {
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (fpcr & 0x1c80000u) == 0;
}
#else
int cpu_has_dotprod(void) { return 0; }
int cpu_has_i8mm(void) { return 0; }
#if !defined(__x86_64__)
int kern_float_mode_ok(void) { return 1; }
#endif
#endif
