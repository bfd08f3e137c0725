/* Two products that a square register tile does badly: very few rows, and a tall narrow gradient.
 *
 * stripes    C (m <= 3 rows) = A B: every element of B is used m times only, so B must stream. A stripe of B, several
 *            vectors wide, is read row by row while m x nv accumulators stay in registers.
 * outer      C (tall, at most four vectors wide) = A^T B, the weight gradient of a layer with many inputs and few
 *            units: A (k, m) is by far the largest operand and is read once, in the order it lies in memory. A block of
 *            rows of B is held in registers; for each column of A its row of C is loaded, updated by kb multiply-adds
 *            and stored. A chunk of C is a buffer in L1.
 */
#ifndef RN_NARROW_H
#define RN_NARROW_H
#include "vec.h"

#define RN_STRIPE (RN_MR >= 12 ? 8 : 4)    /* vectors in a stripe */
#define RN_OUTER_WIDE (RN_MR >= 12 ? 4 : 2) /* vectors in a row of C */
#define RN_OUTER_ROWS 128                  /* rows of C in a chunk: at most 32 KiB */

#define RN_TEMPLATE "narrow.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    const REAL *a, *b, *bias;
    REAL *c;
    rn_int m, n, k;
    const int64_t *rows; /* outer: row s of A is row rows[s] of a, if not NULL */
} FN(narrow_job);

/* ---- stripes ---------------------------------------------------------------------------------------------------- */

/* columns column + skip .. column + NV VL of C */
RN_FLAT void FN(stripe)(const int m, const FN(narrow_job) *j, rn_int column, rn_int skip)
{
    enum { NV = RN_STRIPE };
    RN_ALIGNED REAL sum[3][NV * VL];
    const rn_int n = j->n, k = j->k, ahead = 8;
    const REAL *b = j->b + column;
    rn_int s = 0;
    do { /* runs of 256 rows: a sum of sums loses fewer bits than one long sum */
        VEC acc[3][NV];
        const rn_int first = s, end = RN_MIN(k, s + 256);
        RN_UNROLL
        for (int i = 0; i < m; i++) {
            RN_UNROLL
            for (int v = 0; v < NV; v++)
                acc[i][v] = FN(splat)(0);
        }
        for (; s < end; s++, b += n) {
            RN_UNROLL
            for (int v = 0; v < NV; v++)
                RN_PREFETCH(b + ahead * n + v * VL); /* never faults, wherever it points */
            VEC row[NV];
            RN_UNROLL
            for (int v = 0; v < NV; v++)
                row[v] = FN(load)(b + v * VL);
            RN_UNROLL
            for (int i = 0; i < m; i++) {
                const VEC x = FN(splat)(j->a[i * k + s]);
                RN_UNROLL
                for (int v = 0; v < NV; v++)
                    acc[i][v] += x * row[v];
            }
        }
        RN_UNROLL
        for (int i = 0; i < m; i++) {
            RN_UNROLL
            for (int v = 0; v < NV; v++) {
                if (first > 0)
                    acc[i][v] += FN(load)(sum[i] + v * VL);
                if (s == k && j->bias)
                    acc[i][v] += FN(load)(j->bias + column + v * VL);
                FN(store)(sum[i] + v * VL, acc[i][v]);
            }
        }
    } while (s < k);
    for (int i = 0; i < m; i++)
        memcpy(j->c + i * n + column + skip, sum[i] + skip, (size_t)(NV * VL - skip) * sizeof(REAL));
}

static void FN(stripe_chunk)(void *p, rn_int chunk)
{
    const FN(narrow_job) *j = (const FN(narrow_job) *)p;
    const rn_int wide = RN_STRIPE * VL, column = RN_MIN(chunk * wide, j->n - wide); /* the last one overlaps, */
    const rn_int skip = chunk * wide - column;                                      /* but stores its own part only */
    if (j->m == 1)
        FN(stripe)(1, j, column, skip);
    else if (j->m == 2)
        FN(stripe)(2, j, column, skip);
    else
        FN(stripe)(3, j, column, skip);
}

/* ---- outer ------------------------------------------------------------------------------------------------------ */

/* c[d][0 .. nv VL) += sum over r < kb of a[r][d] b[r][0 .. nv VL), a[r] being row index[r] of a if there is an index, which
 * has `left` entries; c is a buffer of whole vectors: a masked store
 * could not be forwarded to the load of the next block. */
RN_FLAT void FN(outer)(const int nv, const int kb, const REAL *a, rn_int lda, const int64_t *index, rn_int left,
                       const REAL *b, rn_int n, REAL *c, rn_int rows)
{
    const rn_int width = n - (nv - 1) * VL;
    VEC held[16][4];
    const REAL *at[16], *next[16];
    RN_UNROLL
    for (int r = 0; r < kb; r++) {
        at[r] = a + (index ? (rn_int)index[r] : r) * lda;
        next[r] = !index ? a + (kb + r) * lda : kb + r < left ? a + (rn_int)index[kb + r] * lda : at[r];
    }
    RN_UNROLL
    for (int r = 0; r < kb; r++) {
        RN_UNROLL
        for (int v = 0; v < nv - 1; v++)
            held[r][v] = FN(load)(b + r * n + v * VL);
        held[r][nv - 1] = FN(load_part)(b + r * n + (nv - 1) * VL, width);
    }
    for (rn_int d = 0; d < rows; d++, c += nv * VL) {
        VEC acc[4];
        if (d % (64 / (rn_int)sizeof(REAL)) == 0) { /* the same columns of the next block of rows, a line each */
            RN_UNROLL
            for (int r = 0; r < kb; r++)
                RN_PREFETCH(next[r] + d);
        }
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            acc[v] = FN(load)(c + v * VL);
        RN_UNROLL
        for (int r = 0; r < kb; r++) {
            const VEC x = FN(splat)(at[r][d]);
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[v] += x * held[r][v];
        }
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            FN(store)(c + v * VL, acc[v]);
    }
}

#define OUTER(nv, kb)                                                                                                 \
    static void FN(outer_##nv)(const FN(narrow_job) *j, rn_int at, rn_int rows)                                       \
    {                                                                                                                 \
        RN_ALIGNED REAL c[RN_OUTER_ROWS * nv * VL];                                                                   \
        rn_int s = 0;                                                                                                 \
        memset(c, 0, (size_t)(rows * nv * VL) * sizeof(REAL));                                                        \
        const REAL *a = j->a + at;                                                                                    \
        if (j->rows) {                                                                                                \
            for (; s + (kb) <= j->k; s += (kb))                                                                       \
                FN(outer)(nv, kb, a, j->m, j->rows + s, j->k - s, j->b + s * j->n, j->n, c, rows);                    \
            for (; s < j->k; s++)                                                                                     \
                FN(outer)(nv, 1, a, j->m, j->rows + s, 1, j->b + s * j->n, j->n, c, rows);                            \
        }                                                                                                             \
        for (; s + (kb) <= j->k; s += (kb))                                                                           \
            FN(outer)(nv, kb, a + s * j->m, j->m, NULL, 0, j->b + s * j->n, j->n, c, rows);                           \
        for (; s < j->k; s++)                                                                                         \
            FN(outer)(nv, 1, a + s * j->m, j->m, NULL, 0, j->b + s * j->n, j->n, c, rows);                            \
        for (rn_int d = 0; d < rows; d++)                                                                             \
            memcpy(j->c + (at + d) * j->n, c + d * nv * VL, (size_t)j->n * sizeof(REAL));                             \
    }
#if RN_MR >= 12
OUTER(1, 16)
OUTER(2, 12)
OUTER(3, 8)
OUTER(4, 6)
#else
OUTER(1, 8)
OUTER(2, 4)
#endif

static void FN(outer_chunk)(void *p, rn_int chunk)
{
    const FN(narrow_job) *j = (const FN(narrow_job) *)p;
    const rn_int at = chunk * RN_OUTER_ROWS, rows = RN_MIN(RN_OUTER_ROWS, j->m - at);
    switch ((j->n + VL - 1) / VL) {
    case 1: FN(outer_1)(j, at, rows); break;
#if RN_MR >= 12
    case 2: FN(outer_2)(j, at, rows); break;
    case 3: FN(outer_3)(j, at, rows); break;
    default: FN(outer_4)(j, at, rows);
#else
    default: FN(outer_2)(j, at, rows);
#endif
    }
}
#undef OUTER
#endif
