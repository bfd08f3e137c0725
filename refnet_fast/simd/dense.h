/* What a dense layer needs beside the matrix product: dz = dy f'(.), and the bias gradient, in one pass over dy.
 *
 * Fast because: one pass, cut into blocks of rows and columns; each block's column sums are float64 partials in L1,
 * combined in index order afterwards. Why it is right: refnet/kernels/dense.py.
 */
#ifndef RN_DENSE_H
#define RN_DENSE_H
#include "gemm.h"

#define RN_BLOCK_ROWS 256
#define RN_BLOCK_COLUMNS 128

#define RN_slope_and_sum(dbl, ...) RN_CALL(dbl, slope_and_sum, __VA_ARGS__)
#define RN_rowdot(dbl, ...) RN_CALL(dbl, rowdot, __VA_ARGS__)

RN_INLINE rn_int rn_row_blocks(rn_int m) { return (m + RN_BLOCK_ROWS - 1) / RN_BLOCK_ROWS; }

#define RN_TEMPLATE "dense.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    int kind;
    const REAL *dy, *kept; /* kept NULL: dz is dy */
    REAL *dz, *db;         /* either may be NULL */
    double *partial;       /* (row blocks, n) */
    rn_int m, n;
} FN(slope_job);

static void FN(slope_block)(void *p, rn_int chunk)
{
    const FN(slope_job) *j = (const FN(slope_job) *)p;
    const rn_int across = (j->n + RN_BLOCK_COLUMNS - 1) / RN_BLOCK_COLUMNS;
    const rn_int rb = chunk / across, c0 = chunk % across * RN_BLOCK_COLUMNS;
    const rn_int columns = RN_MIN(RN_BLOCK_COLUMNS, j->n - c0), r1 = RN_MIN(j->m, (rb + 1) * RN_BLOCK_ROWS);
    RN_ALIGNED double sum[RN_BLOCK_COLUMNS] = {0};
    for (rn_int r = rb * RN_BLOCK_ROWS; r < r1; r++) {
        const REAL *row = j->dy + r * j->n + c0;
        if (j->kept) {
            REAL *dz = j->dz + r * j->n + c0;
            FN(map_slope_span)(j->kind, row, j->kept + r * j->n + c0, dz, columns);
            row = dz;
        }
        if (j->db)
            for (rn_int c = 0; c < columns; c++)
                sum[c] += (double)row[c];
    }
    if (j->db)
        memcpy(j->partial + rb * j->n + c0, sum, (size_t)columns * sizeof(double));
}

/* partial: rn_row_blocks(m) n doubles of scratch, for db */
RN_INLINE void FN(slope_and_sum)(int kind, const REAL *dy, const REAL *kept, REAL *dz, REAL *db, double *partial,
                                 rn_int m, rn_int n, int threads)
{
    FN(slope_job) j = {kind, dy, kept, dz, db, partial, m, n};
    const rn_int blocks = rn_row_blocks(m);
    rn_run(FN(slope_block), &j, blocks * ((n + RN_BLOCK_COLUMNS - 1) / RN_BLOCK_COLUMNS), threads);
    if (db)
        for (rn_int c = 0; c < n; c++) {
            double total = 0;
            for (rn_int b = 0; b < blocks; b++)
                total += partial[b * n + c];
            db[c] = (REAL)total;
        }
}

/* ---- one output column: y_i = f(x_i . w + b), a dot product per row ------------------------------------------- */

typedef struct {
    const REAL *x, *w;
    REAL *y, bias;
    rn_int m, k, step;
} FN(dot_job);

static void FN(dot_chunk)(void *p, rn_int chunk)
{
    const FN(dot_job) *j = (const FN(dot_job) *)p;
    const rn_int k = j->k, end = RN_MIN(j->m, (chunk + 1) * j->step);
    rn_int r = chunk * j->step;
    for (; r < end; r++) { /* four sums in flight; rows are independent and overlap as well */
        const REAL *x = j->x + r * k;
        VEC s0 = FN(splat)(0), s1 = s0, s2 = s0, s3 = s0;
        rn_int i = 0;
        for (; i + 4 * VL <= k; i += 4 * VL) {
            s0 += FN(load)(x + i) * FN(load)(j->w + i);
            s1 += FN(load)(x + i + VL) * FN(load)(j->w + i + VL);
            s2 += FN(load)(x + i + 2 * VL) * FN(load)(j->w + i + 2 * VL);
            s3 += FN(load)(x + i + 3 * VL) * FN(load)(j->w + i + 3 * VL);
        }
        for (; i + VL <= k; i += VL)
            s0 += FN(load)(x + i) * FN(load)(j->w + i);
        if (i < k)
            s1 += FN(load_part)(x + i, k - i) * FN(load_part)(j->w + i, k - i);
        j->y[r] = FN(total)((s0 + s1) + (s2 + s3)) + j->bias;
    }
}

RN_INLINE void FN(rowdot)(const REAL *x, const REAL *w, const REAL *bias, REAL *y, rn_int m, rn_int k, int threads)
{
    FN(dot_job) j = {x, w, y, bias ? *bias : 0, m, k, rn_rows(k)};
    rn_run(FN(dot_chunk), &j, (m + j.step - 1) / j.step, threads);
}
#endif
