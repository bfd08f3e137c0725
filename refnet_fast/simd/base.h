/* What every kernel starts from: the width of a vector, and how work is cut into chunks.
 *
 * One source is compiled once per instruction set; the compiler's own macros say which one it is. Everything is static:
 * two builds of one function must never be mixed up by a linker.
 *
 * Chunks. A kernel cuts its work into n chunks whose bounds depend on shapes and on the instruction set, never on the
 * number of threads, and gives rn_run a function of the chunk's index. Chunks write disjoint results (or partial
 * results that are combined afterwards in index order), so any number of threads, in any order, gives the same bits.
 */
#ifndef RN_BASE_H
#define RN_BASE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#if !defined(RN_SCALAR) && (defined(__x86_64__) || defined(_M_X64))
#include <immintrin.h>
#endif

/* RN_VB: bytes of a vector. RN_MR: rows of the register tile; 2 RN_MR accumulators, two panel vectors and one broadcast
 * must fit the register file (32 for AVX-512 and NEON, 16 for AVX2 and SSE2). */
#if !defined(__GNUC__) && !defined(__clang__) && !defined(RN_SCALAR)
#define RN_SCALAR 1 /* plain MSVC: no vector extensions, so a "vector" is one number */
#endif
#if defined(RN_SCALAR)
#define RN_VB 0
#define RN_MR 4
#elif defined(__AVX512F__)
#define RN_VB 64
#define RN_MR 14
#elif defined(__AVX2__)
#define RN_VB 32
#define RN_MR 6
#elif defined(__aarch64__)
#define RN_VB 16
#define RN_MR 12
#else
#define RN_VB 16
#define RN_MR 6
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define RN_INLINE static __forceinline
#define RN_FLAT static __forceinline
#define RN_NOINLINE static __declspec(noinline)
#define RN_PREFETCH(p) ((void)0)
#define RN_OPAQUE(p) ((void)0)
#define RN_ALIGNED __declspec(align(64))
#define RN_RESTRICT __restrict
#define RN_UNROLL
#else
#define RN_INLINE static inline __attribute__((unused))
#define RN_FLAT static inline __attribute__((always_inline, unused))
#define RN_NOINLINE static __attribute__((noinline, unused))
#define RN_PREFETCH(p) __builtin_prefetch(p)
#define RN_OPAQUE(p) __asm__("" : "+r"(p)) /* the compiler forgets where p came from */
#define RN_ALIGNED __attribute__((aligned(64)))
#define RN_RESTRICT restrict
#if defined(__clang__)
#define RN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define RN_UNROLL _Pragma("GCC unroll 32")
#endif
#endif

#define RN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define RN_MAX(a, b) ((a) > (b) ? (a) : (b))

typedef ptrdiff_t rn_int;

/* Kernels exist as name_f (float) and name_d (double); Cython calls them through this switch with void pointers. */
#define RN_CALL(dbl, name, ...) ((dbl) ? name##_d(__VA_ARGS__) : name##_f(__VA_ARGS__))

typedef void (*rn_chunk)(void *job, rn_int index);

#ifdef _OPENMP
/* A parallel region ends when its last thread arrives. If a competitor has that thread's core, all others spin for a
 * time slice of the scheduler: milliseconds, for work of microseconds. So each region is timed: what the calling
 * thread lost, waiting for the team to start and to end, beyond what the size of the chunks explains. After such a
 * loss regions run on one thread for a pause, 20 ms at first, doubled if it happens again (to 640 ms at most),
 * shrinking by 2 % with every region that goes well; then the team gets another chance. Any number of threads gives
 * the same bits, so the clock may decide. Measured, 128 x 784 x 512 on two cores, one of them taken by a busy loop:
 * mean 5.6 ms without this, 0.6 to 0.8 ms with it, 0.5 ms on one thread. (The state is per module and unguarded: a
 * race costs a pause too many or too few.) */
static volatile double rn_pause_until, rn_pause;

RN_INLINE void rn_judge(double lost, double worked, rn_int chunks, double now)
{
    if (chunks > 0 && lost > 0.0005 + 3 * worked / (double)chunks) {
        rn_pause = RN_MIN(0.64, RN_MAX(0.02, 2 * rn_pause));
        rn_pause_until = now + rn_pause;
    } else
        rn_pause *= 0.98;
}
#endif

/* Run chunks 0..n-1. Dynamic: the calling thread takes over what a thread without a core does not get done. */
RN_INLINE void rn_run(rn_chunk chunk, void *job, rn_int n, int threads)
{
#ifdef _OPENMP
    if (threads > 1 && n > 1) {
        const double called = omp_get_wtime();
        if (called >= rn_pause_until) {
            const int team = (int)RN_MIN((rn_int)threads, n);
            double started = called, finished = called;
            rn_int own = 0;
#pragma omp parallel num_threads(team)
            {
                const int first = omp_get_thread_num() == 0;
                rn_int done = 0;
                if (first)
                    started = omp_get_wtime();
#pragma omp for schedule(dynamic, 1) nowait
                for (rn_int i = 0; i < n; i++) {
                    chunk(job, i);
                    done++;
                }
                if (first) {
                    finished = omp_get_wtime();
                    own = done;
                }
            }
            const double now = omp_get_wtime();
            rn_judge((now - finished) + (started - called), finished - started, own, now);
            return;
        }
    }
#endif
    (void)threads;
    for (rn_int i = 0; i < n; i++)
        chunk(job, i);
}

/* Elements per chunk of an elementwise kernel: 16,384 (64 KiB of float), a whole number of vectors on every machine. */
#define RN_SPAN 16384
RN_INLINE rn_int rn_spans(rn_int n) { return (n + RN_SPAN - 1) / RN_SPAN; }
RN_INLINE rn_int rn_span_end(rn_int n, rn_int i) { return RN_MIN(n, (i + 1) * RN_SPAN); }

/* Rows per chunk of a kernel that works row by row: about as many elements, whatever the columns. */
RN_INLINE rn_int rn_rows(rn_int columns) { return RN_MAX(1, RN_SPAN / RN_MAX(columns, 1)); }

#endif
