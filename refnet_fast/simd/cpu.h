/* Which instruction set may run here: the processor has it and the operating system saves its registers.
 *
 * 0 base, 1 AVX2 + FMA (x86-64-v3), 2 AVX-512 F BW CD DQ VL (x86-64-v4). Other architectures have the base alone.
 */
#ifndef RN_CPU_H
#define RN_CPU_H

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#include <immintrin.h>
static int rn_cpu_level(void)
{
    int leaf1[4], leaf7[4];
    __cpuid(leaf1, 1);
    if (!(leaf1[2] & (1 << 27))) /* OSXSAVE */
        return 0;
    const unsigned long long saved = _xgetbv(0);
    __cpuidex(leaf7, 7, 0);
    const int avx2 = (saved & 6) == 6 && (leaf1[2] & (1 << 12)) && (leaf1[2] & (1 << 28)) && (leaf7[1] & (1 << 5)) &&
                     (leaf7[1] & (1 << 3)) && (leaf7[1] & (1 << 8));
    const unsigned need = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31); /* F DQ CD BW VL */
    const int avx512 = avx2 && (saved & 0xE6) == 0xE6 && ((unsigned)leaf7[1] & need) == need;
    return avx512 ? 2 : avx2 ? 1 : 0;
}
#elif defined(__x86_64__)
static int rn_cpu_level(void)
{
    __builtin_cpu_init(); /* the builtins ask the operating system too */
    const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                     __builtin_cpu_supports("bmi2");
    const int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl");
    return avx512 ? 2 : avx2 ? 1 : 0;
}
#else
static int rn_cpu_level(void) { return 0; }
#endif
#endif
