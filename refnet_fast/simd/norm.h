/* Normalization by columns: batch normalization.
 *
 * Fast because: two passes over memory each way. A chunk of rows stays in L2 while its own mean and the squares around that are summed in
 *            float64; chunks are combined by Chan's formula in index order, which is as sound as two passes over everything
 *            and reads memory once. The second pass applies (x - mean) scale + beta; the mean is subtracted in two parts, its
 *            rounding and what the rounding left out, so that a large mean costs no digits.
 *
 *            A relu behind it is applied on the way out; its gradient asks again where y was positive, which costs a few
 *            operations on numbers that are in registers, and no memory.
 *
 * Why it is right: refnet/kernels/batch_norm.py.
 */
#ifndef RN_NORM_H
#define RN_NORM_H
#include "wide.h"

#define RN_NORM_SPAN 32768 /* elements of a chunk, about */

#define RN_batch_norm_statistics(dbl, ...) RN_CALL(dbl, batch_norm_statistics, __VA_ARGS__)
#define RN_batch_norm_forward(dbl, ...) RN_CALL(dbl, batch_norm_forward, __VA_ARGS__)
#define RN_batch_norm_backward(dbl, ...) RN_CALL(dbl, batch_norm_backward, __VA_ARGS__)

RN_INLINE rn_int rn_norm_rows(rn_int c) { return RN_MAX(1, RN_NORM_SPAN / RN_MAX(c, 1)); }
RN_INLINE rn_int rn_norm_chunks(rn_int m, rn_int c) { return (m + rn_norm_rows(c) - 1) / rn_norm_rows(c); }

#define RN_TEMPLATE "norm.h"
#include "both.h"

#elif defined(REAL)

#if defined(RN_SCALAR) || !IS_FLOAT
#define HALVES 1
#else
#define HALVES 2
#endif
#define LOAD(p) (left >= VL ? FN(load)(p) : FN(load_part)((p), left))
#define STORE(p, v)                                                                                                   \
    do {                                                                                                              \
        if (left >= VL)                                                                                               \
            FN(store)((p), (v));                                                                                      \
        else                                                                                                          \
            FN(store_part)((p), (v), left);                                                                           \
    } while (0)

/* ---- batch normalization ----------------------------------------------------------------------------------------------- */

typedef struct {
    const REAL *x, *dy, *gamma, *beta, *weights;
    REAL *out;
    const REAL *columns; /* (rows of parameters, c) */
    double *partial;     /* (chunks, 2, c) */
    double *totals;      /* (chunks,) */
    rn_int m, c, step;
    double total;
    int mode, relu;
} FN(norm_job);

/* One expression for forward and for the gradient of relu, which asks again where y was positive. */
RN_FLAT VEC FN(norm_value)(VEC x, VEC high, VEC low, VEC factor, VEC beta) { return ((x - high) - low) * factor + beta; }

/* Over rows r0 .. r1 and `nv` vectors of columns: mean and the sum of squares around it. */
RN_FLAT void FN(norm_block)(const int nv, const FN(norm_job) *j, rn_int r0, rn_int r1, rn_int at, double total, double *mean,
                            double *squares)
{
    const rn_int c = j->c, left = nv > 1 ? VL : j->c - at;
    vec_d s[4][2], centre[4][2];
    for (int v = 0; v < nv; v++)
        s[v][0] = s[v][1] = (vec_d){0};
    for (rn_int r = r0; r < r1; r++) {
        const REAL *row = j->x + r * c + at;
        const double weight = j->weights ? (double)j->weights[r] : 1.0;
        RN_UNROLL
        for (int v = 0; v < nv; v++) {
            vec_d d[2];
            FN(widen)(LOAD(row + v * VL), d);
            for (int h = 0; h < HALVES; h++)
                s[v][h] += j->weights ? d[h] * weight : d[h];
        }
    }
    for (int v = 0; v < nv; v++) {
        for (int h = 0; h < HALVES; h++) {
            centre[v][h] = total > 0 ? s[v][h] / total : s[v][h];
            s[v][h] = (vec_d){0};
        }
        FN(write_wide)(mean + at + v * VL, left, centre[v]);
    }
    for (rn_int r = r0; r < r1; r++) {
        const REAL *row = j->x + r * c + at;
        const double weight = j->weights ? (double)j->weights[r] : 1.0;
        RN_UNROLL
        for (int v = 0; v < nv; v++) {
            vec_d d[2];
            FN(widen)(LOAD(row + v * VL), d);
            for (int h = 0; h < HALVES; h++) {
                const vec_d e = d[h] - centre[v][h];
                s[v][h] += j->weights ? e * e * weight : e * e;
            }
        }
    }
    for (int v = 0; v < nv; v++)
        FN(write_wide)(squares + at + v * VL, left, s[v]);
}

static void FN(statistics_chunk)(void *p, rn_int chunk)
{
    const FN(norm_job) *j = (const FN(norm_job) *)p;
    const rn_int c = j->c, r0 = chunk * j->step, r1 = RN_MIN(j->m, r0 + j->step);
    double *mean = j->partial + 2 * chunk * c, *squares = mean + c, total = (double)(r1 - r0);
    if (j->weights) {
        total = 0;
        for (rn_int r = r0; r < r1; r++)
            total += (double)j->weights[r];
    }
    j->totals[chunk] = total;
    rn_int at = 0;
    for (; at + 4 * VL <= c; at += 4 * VL)
        FN(norm_block)(4, j, r0, r1, at, total, mean, squares);
    for (; at < c; at += VL)
        FN(norm_block)(1, j, r0, r1, at, total, mean, squares);
}

/* mean and variance (c,) in float64; partial: chunks (2 c + 1) doubles. Returns the sum of the weights. */
static double FN(batch_norm_statistics)(const REAL *x, const REAL *weights, double *mean, double *variance, double *partial,
                                        rn_int m, rn_int c, int threads)
{
    const rn_int chunks = rn_norm_chunks(m, c);
    FN(norm_job) j = {.x = x, .weights = weights, .partial = partial, .totals = partial + 2 * chunks * c, .m = m, .c = c,
                      .step = rn_norm_rows(c)};
    double total = 0;
    rn_run(FN(statistics_chunk), &j, chunks, threads);
    memset(mean, 0, (size_t)c * sizeof(double));
    memset(variance, 0, (size_t)c * sizeof(double));
    for (rn_int k = 0; k < chunks; k++)
        total += j.totals[k];
    total = total > 1e-12 ? total : 1e-12;
    for (rn_int k = 0; k < chunks; k++)
        for (rn_int i = 0; i < c; i++)
            mean[i] += j.totals[k] / total * partial[2 * k * c + i];
    for (rn_int k = 0; k < chunks; k++)
        for (rn_int i = 0; i < c; i++) {
            const double shift = partial[2 * k * c + i] - mean[i];
            variance[i] += (partial[(2 * k + 1) * c + i] + j.totals[k] * (shift * shift)) / total;
        }
    return total;
}

/* Rows of `columns`: high and low part of the mean, factor, beta. */
static void FN(batch_forward_chunk)(void *p, rn_int chunk)
{
    const FN(norm_job) *j = (const FN(norm_job) *)p;
    const rn_int c = j->c, r1 = RN_MIN(j->m, (chunk + 1) * j->step);
    const REAL *high = j->columns, *low = high + c, *scale = low + c, *beta = scale + c;
    for (rn_int r = chunk * j->step; r < r1; r++) {
        const REAL *x = j->x + r * c;
        REAL *y = j->out + r * c;
        for (rn_int i = 0, left = c; i < c; i += VL, left -= VL) {
            const VEC z = FN(norm_value)(LOAD(x + i), LOAD(high + i), LOAD(low + i), LOAD(scale + i), LOAD(beta + i));
            STORE(y + i, j->relu ? FN(vrelu)(z) : z);
        }
    }
}

/* y = f((x - mean) inverse gamma + beta); columns: 4 c numbers of scratch */
static void FN(batch_norm_forward)(const REAL *x, REAL *y, const double *mean, const double *inverse, const REAL *gamma,
                                   const REAL *beta, int relu, REAL *columns, rn_int m, rn_int c, int threads)
{
    FN(norm_job) j = {.x = x, .out = y, .columns = columns, .m = m, .c = c, .step = rn_norm_rows(c), .relu = relu};
    for (rn_int i = 0; i < c; i++) {
        columns[i] = (REAL)mean[i];
        columns[c + i] = (REAL)(mean[i] - (double)columns[i]);
        columns[2 * c + i] = (REAL)(inverse[i] * (gamma ? (double)gamma[i] : 1.0));
        columns[3 * c + i] = beta ? beta[i] : 0;
    }
    rn_run(FN(batch_forward_chunk), &j, rn_norm_chunks(m, c), threads);
}

/* Rows of `columns` for the gradient: high and low part of the mean, 1/sigma, factor, the two means of what comes back, beta. */

/* dz = dy f'(z) */
RN_FLAT VEC FN(norm_slope)(VEC dy, VEC x, VEC high, VEC low, VEC factor, VEC beta)
{
    return UNBITS(BITS(dy) & GREATER(FN(norm_value)(x, high, low, factor, beta), FN(splat)(0)));
}

/* Over rows r0 .. r1: sums of dz and of dz x^. */
RN_FLAT void FN(slope_sums)(const int relu, const int nv, const FN(norm_job) *j, rn_int r0, rn_int r1, rn_int at, double *sum, double *along)
{
    const rn_int c = j->c, left = nv > 1 ? VL : j->c - at;
    const REAL *high = j->columns + at, *low = high + c, *inverse = low + c, *factor = inverse + c, *beta = factor + 3 * c;
    vec_d s[4][2], t[4][2];
    VEC hi[4], lo[4], scale[4], by[4], shift[4];
    for (int v = 0; v < nv; v++) {
        s[v][0] = s[v][1] = t[v][0] = t[v][1] = (vec_d){0};
        hi[v] = LOAD(high + v * VL);
        lo[v] = LOAD(low + v * VL);
        scale[v] = LOAD(inverse + v * VL);
        by[v] = LOAD(factor + v * VL);
        shift[v] = LOAD(beta + v * VL);
    }
    for (rn_int r = r0; r < r1; r++) {
        const REAL *x = j->x + r * c + at, *dy = j->dy + r * c + at;
        RN_UNROLL
        for (int v = 0; v < nv; v++) {
            vec_d d[2], e[2];
            const VEC at_x = LOAD(x + v * VL), dv = LOAD(dy + v * VL);
            const VEC g = relu ? FN(norm_slope)(dv, at_x, hi[v], lo[v], by[v], shift[v]) : dv;
            FN(widen)(g, d);
            FN(widen)(g * (((at_x - hi[v]) - lo[v]) * scale[v]), e);
            for (int h = 0; h < HALVES; h++) {
                s[v][h] += d[h];
                t[v][h] += e[h];
            }
        }
    }
    for (int v = 0; v < nv; v++) {
        FN(write_wide)(sum + at + v * VL, left, s[v]);
        FN(write_wide)(along + at + v * VL, left, t[v]);
    }
}

static void FN(slope_sums_chunk)(void *p, rn_int chunk)
{
    const FN(norm_job) *j = (const FN(norm_job) *)p;
    const rn_int c = j->c, r0 = chunk * j->step, r1 = RN_MIN(j->m, r0 + j->step);
    double *sum = j->partial + 2 * chunk * c, *along = sum + c;
    rn_int at = 0;
    for (; at + 2 * VL <= c; at += 2 * VL)
        if (j->relu)
            FN(slope_sums)(1, 2, j, r0, r1, at, sum, along);
        else
            FN(slope_sums)(0, 2, j, r0, r1, at, sum, along);
    for (; at < c; at += VL)
        FN(slope_sums)(j->relu, 1, j, r0, r1, at, sum, along);
}

/* dx = scale (dz - share (mean of dz + x^ mean of dz x^)) */
static void FN(batch_backward_chunk)(void *p, rn_int chunk)
{
    const FN(norm_job) *j = (const FN(norm_job) *)p;
    const rn_int c = j->c, r1 = RN_MIN(j->m, (chunk + 1) * j->step);
    const REAL *high = j->columns, *low = high + c, *inverse = low + c, *scale = inverse + c, *mean = scale + c, *along = mean + c,
               *beta = along + c;
    for (rn_int r = chunk * j->step; r < r1; r++) {
        const REAL *x = j->x + r * c, *dy = j->dy + r * c, weight = j->weights ? j->weights[r] : 1;
        REAL *dx = j->out + r * c;
        for (rn_int i = 0, left = c; i < c; i += VL, left -= VL) {
            VEC g = LOAD(dy + i);
            if (j->relu)
                g = FN(norm_slope)(g, LOAD(x + i), LOAD(high + i), LOAD(low + i), LOAD(scale + i), LOAD(beta + i));
            if (!j->mode) { /* mean and variance were constants */
                STORE(dx + i, LOAD(scale + i) * g);
                continue;
            }
            const VEC normal = ((LOAD(x + i) - LOAD(high + i)) - LOAD(low + i)) * LOAD(inverse + i);
            const VEC back = LOAD(mean + i) + normal * LOAD(along + i);
            STORE(dx + i, LOAD(scale + i) * (g - (j->weights ? weight * back : back)));
        }
    }
}

/* Any of dx, dgamma, dbeta may be NULL. partial: chunks 2 c doubles; columns: 7 c numbers. */
static void FN(batch_norm_backward)(const REAL *dy, const REAL *x, const double *mean, const double *inverse, const REAL *gamma,
                                    const REAL *beta, const REAL *weights, double total, int training, int relu, REAL *dx, REAL *dgamma, REAL *dbeta,
                                    double *partial, REAL *columns, rn_int m, rn_int c, int threads)
{
    const rn_int chunks = rn_norm_chunks(m, c);
    FN(norm_job) j = {.x = x, .dy = dy, .weights = weights, .out = dx, .columns = columns, .partial = partial, .m = m, .c = c,
                      .step = rn_norm_rows(c), .mode = training, .relu = relu};
    const int sums = dgamma || dbeta || training;
    for (rn_int i = 0; i < c; i++) {
        columns[i] = (REAL)mean[i];
        columns[c + i] = (REAL)(mean[i] - (double)columns[i]);
        columns[2 * c + i] = (REAL)inverse[i];
        columns[3 * c + i] = (REAL)(inverse[i] * (gamma ? (double)gamma[i] : 1.0));
        columns[6 * c + i] = beta ? beta[i] : 0;
    }
    if (sums)
        rn_run(FN(slope_sums_chunk), &j, chunks, threads);
    for (rn_int i = 0; sums && i < c; i++) {
        double sum = 0, along = 0;
        for (rn_int k = 0; k < chunks; k++) {
            sum += partial[2 * k * c + i];
            along += partial[(2 * k + 1) * c + i];
        }
        if (dbeta)
            dbeta[i] = (REAL)sum;
        if (dgamma)
            dgamma[i] = (REAL)along;
        columns[4 * c + i] = training ? (REAL)(sum / total) : 0;
        columns[5 * c + i] = training ? (REAL)(along / total) : 0;
    }
    if (dx)
        rn_run(FN(batch_backward_chunk), &j, chunks, threads);
}

#undef HALVES
#undef LOAD
#undef STORE
#endif
