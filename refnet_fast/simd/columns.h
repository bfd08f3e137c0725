/* Sums of columns in float64: bias gradients. Chunks of rows, partial sums combined in index order. */
#ifndef RN_COLUMNS_H
#define RN_COLUMNS_H
#include "window.h"

#define RN_column_sums(dbl, ...) RN_CALL(dbl, column_sums, __VA_ARGS__)

RN_INLINE rn_int rn_column_step(rn_int m, rn_int c) { return RN_MAX(rn_rows(c), (m + 63) / 64); }
RN_INLINE rn_int rn_column_chunks(rn_int m, rn_int c) { return RN_MAX(1, (m + rn_column_step(m, c) - 1) / rn_column_step(m, c)); }

#define RN_TEMPLATE "columns.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    const REAL *x;
    double *partial;
    rn_int m, c, step;
} FN(columns_job);

static void FN(columns_chunk)(void *p, rn_int chunk)
{
    const FN(columns_job) *j = (const FN(columns_job) *)p;
    const rn_int at = chunk * j->step;
    double *sums = j->partial + chunk * j->c;
    memset(sums, 0, (size_t)j->c * sizeof(double));
    if (at < j->m)
        FN(add_columns)(j->x + at * j->c, RN_MIN(j->step, j->m - at), j->c, j->c, sums);
}

/* x (m, c) -> out (c,); partial: rn_column_chunks(m, c) c doubles */
RN_INLINE void FN(column_sums)(const REAL *x, rn_int m, rn_int c, REAL *out, double *partial, int threads)
{
    FN(columns_job) j = {x, partial, m, c, rn_column_step(m, c)};
    const rn_int chunks = rn_column_chunks(m, c);
    rn_run(FN(columns_chunk), &j, chunks, threads);
    for (rn_int i = 0; i < c; i++) {
        double total = 0;
        for (rn_int k = 0; k < chunks; k++)
            total += partial[k * c + i];
        out[i] = (REAL)total;
    }
}
#endif
