/* What this machine can do at best: fused multiply-adds from registers, and memory read and copied.
 *
 * Usage: machine THREADS   ->  "gflops read_gbs copy_gbs" on one line.
 * The FMA loop keeps 16 independent accumulators per thread, enough to hide a latency of 4 at 4 a cycle; the arrays of the
 * memory loops are 256 MB each, beyond any last-level cache. Every number is the best of several repetitions. */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES (BYTES / 4)
#define ACC 16
typedef float vec __attribute__((vector_size(BYTES)));
static volatile float sink;

static double fma_gflops(int threads) {
    const long loops = 3000000;
    double best = 0;
    for (int rep = 0; rep < 5; rep++) {
        double start = 0, stop = 0;
#pragma omp parallel num_threads(threads)
        {
            vec acc[ACC], a, b;
            for (int l = 0; l < LANES; l++) { a[l] = 0.999f; b[l] = 1e-3f; }
            for (int i = 0; i < ACC; i++)
                for (int l = 0; l < LANES; l++) acc[i][l] = (float)(i + l);
#pragma omp barrier
#pragma omp master
            start = omp_get_wtime();
            for (long n = 0; n < loops; n++) {
#pragma GCC unroll 16
                for (int i = 0; i < ACC; i++) acc[i] = acc[i] * a + b;
            }
#pragma omp barrier
#pragma omp master
            stop = omp_get_wtime();
            float total = 0;
            for (int i = 0; i < ACC; i++) total += acc[i][0];
            sink = total;
        }
        double rate = 2.0 * LANES * ACC * loops * threads / (stop - start) / 1e9;
        if (rate > best) best = rate;
    }
    return best;
}

static double stream_gbs(int threads, int copy) {
    const size_t bytes = (size_t)256 << 20;
    char *from = NULL, *to = NULL;
    if (posix_memalign((void **)&from, 4096, bytes) || posix_memalign((void **)&to, 4096, bytes)) return 0;
    double best = 0;
#pragma omp parallel num_threads(threads)
    {   /* the thread that will use a page touches it first */
        size_t part = bytes / threads, at = part * omp_get_thread_num();
        memset(from + at, 1, part);
        memset(to + at, 2, part);
    }
    for (int rep = 0; rep < 7; rep++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
        {
            size_t part = bytes / threads, at = part * omp_get_thread_num();
            if (copy) {
                memcpy(to + at, from + at, part);
            } else {
                const vec *p = (const vec *)(from + at);
                vec s0 = p[0], s1 = s0, s2 = s0, s3 = s0;
                for (size_t i = 0; i + 4 <= part / BYTES; i += 4) {
                    s0 += p[i]; s1 += p[i + 1]; s2 += p[i + 2]; s3 += p[i + 3];
                }
                s0 += s1 + s2 + s3;
                sink = s0[0];
            }
        }
        double rate = (copy ? 2.0 : 1.0) * bytes / (omp_get_wtime() - start) / 1e9;
        if (rate > best) best = rate;
    }
    free(from);
    free(to);
    return best;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    printf("%.2f %.3f %.3f\n", fma_gflops(threads), stream_gbs(threads, 0), stream_gbs(threads, 1));
    return 0;
}
