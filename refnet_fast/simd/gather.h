/* Rows of an array by index: how `fit` draws a shuffled batch.
 *
 * Fast because: rows are copied whole, chunks of rows go to threads, and while one row is copied the start of the
 * next is being fetched (the hardware sees only where a row continues, not where the next begins).
 */
#ifndef RN_GATHER_H
#define RN_GATHER_H
#include "base.h"

/* The first index outside 0..length-1, or -1. */
RN_INLINE rn_int rn_bad_index(const int64_t *index, rn_int m, rn_int length)
{
    int64_t bad = 0;
    for (rn_int i = 0; i < m; i++)
        bad |= (int64_t)((uint64_t)index[i] >= (uint64_t)length);
    if (bad)
        for (rn_int i = 0; i < m; i++)
            if ((uint64_t)index[i] >= (uint64_t)length)
                return i;
    return -1;
}

typedef struct {
    const char *x;
    const int64_t *rows;
    char *y;
    rn_int b, bytes, step;
} rn_gather_job;

static void rn_gather_chunk(void *p, rn_int chunk)
{
    const rn_gather_job *j = (const rn_gather_job *)p;
    const rn_int end = RN_MIN(j->b, (chunk + 1) * j->step), bytes = j->bytes;
    for (rn_int r = chunk * j->step; r < end; r++) {
        const char *x = j->x + j->rows[r] * bytes;
        char *y = j->y + r * bytes;
        if (bytes == 4)
            memcpy(y, x, 4);
        else if (bytes == 8)
            memcpy(y, x, 8);
        else {
            if (r + 1 < end) {
                const char *next = j->x + j->rows[r + 1] * bytes;
                for (rn_int i = 0; i < RN_MIN(bytes, 512); i += 64)
                    RN_PREFETCH(next + i);
            }
            memcpy(y, x, (size_t)bytes);
        }
    }
}

RN_INLINE void rn_gather(const void *x, const int64_t *rows, void *y, rn_int b, rn_int bytes, int threads)
{
    rn_gather_job j = {(const char *)x, rows, (char *)y, b, bytes, RN_MAX(1, 65536 / RN_MAX(bytes, 1))};
    if (bytes)
        rn_run(rn_gather_chunk, &j, (b + j.step - 1) / j.step, threads);
}
#endif
