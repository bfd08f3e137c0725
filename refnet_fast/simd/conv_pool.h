/* A 2x2 maximum of a convolution's result while that is in L2 still, and the way back.
 *
 * Fast because: what lies between the convolution and its pool, four times as large as what comes out, never reaches memory. Forward
 * a unit of the convolution leaves its places in a buffer of its thread and they are pooled from there; backward the
 * same buffer is filled from dy and the winners. An odd last row or column of windows belongs to no pool and is left out. Why it is right: refnet/kernels/convolution_pooling.py.
 */
#ifndef RN_CONV_POOL_H
#define RN_CONV_POOL_H
#include "pool.h"

typedef struct {
    const void *dy, *kept; /* of the pooled places */
    const uint8_t *winner;
    int slope; /* RN_LINEAR or RN_RELU */
    rn_int c, size[2], out[2]; /* channels; places, an even number, and pooled places of an image */
} rn_unpool;

#define RN_unpool(dbl, ...) RN_CALL(dbl, unpool, __VA_ARGS__)

#define RN_TEMPLATE "conv_pool.h"
#include "both.h"

#elif defined(REAL)

/* Pools rows y0 .. y1 of image n, which lie at `in` (y1 - y0, wide, channels); both are even. */
static void FN(pool_pairs)(const rn_pool *g, rn_int n, rn_int y0, rn_int y1, rn_int wide, const REAL *in)
{
    static const rn_int number[4] = {0, 1, 2, 3};
    const rn_int distance[4] = {0, g->c, wide * g->c, (wide + 1) * g->c};
    for (rn_int y = y0 / 2; y < y1 / 2; y++, in += 2 * wide * g->c)
        for (rn_int x = 0; x < wide / 2; x++)
            FN(pool_window)(0, 4, g, in + 2 * x * g->c, distance, number, ((n * g->axis[1].out + y) * g->axis[2].out + x) * g->c);
}

/* Two rows of dz from a row of what was pooled, channels k .. k + VL of every place; their sum in float64. */
RN_FLAT void FN(unpool_row)(const int slope, const rn_unpool *g, rn_int at, rn_int k, REAL *upper, REAL *lower, FN(sum64) *sum)
{
    const rn_int c = g->c, left = c - k;
    const REAL *dy = (const REAL *)g->dy + at + k, *kept = (const REAL *)g->kept + at + k;
    const uint8_t *winner = g->winner + at + k;
    for (rn_int x = 0; x < g->out[1]; x++, dy += c, kept += c, winner += c, upper += 2 * c, lower += 2 * c) {
        const IVEC won = FN(read_winner)(winner, left);
        VEC v = left >= VL ? FN(load)(dy) : FN(load_part)(dy, left);
        if (slope == RN_RELU) {
            const VEC y = left >= VL ? FN(load)(kept) : FN(load_part)(kept, left);
            v = UNBITS(BITS(v) & GREATER(y, FN(splat)(0)));
        }
        FN(sum_add)(sum, v);
        REAL *p[4] = {upper + k, upper + c + k, lower + k, lower + c + k};
        for (int i = 0; i < 4; i++) {
            const VEC e = UNBITS(BITS(v) & (IVEC)EQUAL(won, (IVEC){0} + (INT)i));
            if (left >= VL)
                FN(store)(p[i], e);
            else
                FN(store_part)(p[i], e, left);
        }
    }
}

/* dz of rows y0 .. y1 of image n, (y1 - y0, places, channels), from dy f'(kept) and the winners; both are even. sums: if not NULL, the
 * columns of dz are added there. */
static void FN(unpool_pairs)(const rn_unpool *g, rn_int n, rn_int y0, rn_int y1, REAL *dz, double *sums)
{
    const rn_int c = g->c, wide = g->size[1] * c;
    for (rn_int y = y0; y < y1; y += 2) {
        REAL *upper = dz + (y - y0) * wide, *lower = upper + wide;
        for (rn_int k = 0; k < c; k += VL) {
            const rn_int at = (n * g->out[0] + y / 2) * g->out[1] * c;
            double lanes[VL] = {0};
            FN(sum64) sum;
            FN(sum_clear)(&sum);
            if (g->slope == RN_RELU)
                FN(unpool_row)(RN_RELU, g, at, k, upper, lower, &sum);
            else
                FN(unpool_row)(RN_LINEAR, g, at, k, upper, lower, &sum);
            if (sums) {
                FN(sum_lanes)(&sum, lanes);
                for (rn_int i = 0; i < RN_MIN(VL, c - k); i++)
                    sums[k + i] += lanes[i];
            }
        }
    }
}

typedef struct {
    const rn_unpool *g;
    REAL *dz;
} FN(unpool_job);

static void FN(unpool_image)(void *job, rn_int n)
{
    const FN(unpool_job) *j = (const FN(unpool_job) *)job;
    FN(unpool_pairs)(j->g, n, 0, j->g->size[0], j->dz + n * j->g->size[0] * j->g->size[1] * j->g->c, NULL);
}

/* All of dz. */
RN_INLINE void FN(unpool)(const rn_unpool *g, rn_int n, void *dz, int threads)
{
    FN(unpool_job) j = {g, (REAL *)dz};
    rn_run(FN(unpool_image), &j, n, threads);
}
#endif
