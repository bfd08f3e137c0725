/* Normalization by rows: layer, group, root mean square.
 *
 * Fast because: a row stays in L1 between its passes; rows are chunks for threads. Column sums (dgamma, dbeta) are float64 partials per
 * chunk of rows, added in index order. The mean is subtracted in two parts, its rounding and what the rounding left out.
 * Why it is right: refnet/kernels/layer_norm.py.
 */
#ifndef RN_ROW_NORM_H
#define RN_ROW_NORM_H
#include "wide.h"

#define RN_SHORT_ROW 8 /* entries */

#define RN_row_norm_forward(dbl, ...) RN_CALL(dbl, row_norm_forward, __VA_ARGS__)
#define RN_row_norm_backward(dbl, ...) RN_CALL(dbl, row_norm_backward, __VA_ARGS__)

/* Chunks of rows of layer normalization: at most 64, each has column sums. */
RN_INLINE rn_int rn_row_step(rn_int m, rn_int c) { return RN_MAX(RN_MAX(1, RN_SPAN / RN_MAX(c, 1)), (m + 63) / 64); }
RN_INLINE rn_int rn_row_chunks(rn_int m, rn_int c) { return (m + rn_row_step(m, c) - 1) / rn_row_step(m, c); }

#define RN_TEMPLATE "row_norm.h"
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

typedef struct {
    const REAL *x, *dy, *gamma, *beta;
    REAL *out;
    double *mean, *inverse, *partial; /* (m,), (m,), (chunks, 2, c); mean NULL: rms */
    double epsilon;
    rn_int m, c, step;
    int sums;
} FN(row_norm_job);

static void FN(row_forward_chunk)(void *p, rn_int chunk)
{
    const FN(row_norm_job) *j = (const FN(row_norm_job) *)p;
    const rn_int c = j->c, r1 = RN_MIN(j->m, (chunk + 1) * j->step);
    for (rn_int r = chunk * j->step; r < r1; r++) {
        const REAL *x = j->x + r * c;
        REAL *y = j->out + r * c;
        FN(sum64) sum;
        double mean = 0;
        FN(sum_clear)(&sum);
        if (j->mean) {
            for (rn_int i = 0, left = c; i < c; i += VL, left -= VL)
                FN(sum_add)(&sum, LOAD(x + i));
            j->mean[r] = mean = FN(sum_total)(&sum) / (double)RN_MAX(c, 1);
        }
        vec_d s[2] = {(vec_d){0}, (vec_d){0}}; /* squares, around the mean, in float64 */
        rn_int i = 0;
        for (; i + VL <= c; i += VL) {
            vec_d d[2];
            FN(widen)(FN(load)(x + i), d);
            for (int h = 0; h < HALVES; h++) {
                const vec_d e = d[h] - mean;
                s[h] += e * e;
            }
        }
        double lanes[2 * (RN_VB >= 16 ? RN_VB / 8 : 1)], squares = 0;
        memcpy(lanes, s, sizeof lanes);
        for (int l = 0; l < (int)(HALVES * sizeof(vec_d) / 8); l++)
            squares += lanes[l];
        for (; i < c; i++)
            squares += ((double)x[i] - mean) * ((double)x[i] - mean);
        const double inverse = 1 / sqrt(squares / (double)RN_MAX(c, 1) + j->epsilon);
        j->inverse[r] = inverse;
        const REAL high = (REAL)mean, low = (REAL)(mean - (double)high), scale = (REAL)inverse;
        for (rn_int k = 0, left = c; k < c; k += VL, left -= VL) {
            VEC v = ((LOAD(x + k) - high) - low) * scale;
            if (j->gamma)
                v *= LOAD(j->gamma + k);
            if (j->beta)
                v += LOAD(j->beta + k);
            STORE(y + k, v);
        }
    }
}

static void FN(row_norm_forward)(const REAL *x, const REAL *gamma, const REAL *beta, double epsilon, REAL *y, double *mean,
                                 double *inverse, rn_int m, rn_int c, int threads)
{
    FN(row_norm_job) j = {.x = x, .gamma = gamma, .beta = beta, .out = y, .mean = mean, .inverse = inverse, .epsilon = epsilon,
                          .m = m, .c = c, .step = rn_row_step(m, c)};
    rn_run(FN(row_forward_chunk), &j, rn_row_chunks(m, c), threads);
}

/* dx of one row, in float64: with very few entries the three terms all but cancel (one entry: they do). */
static void FN(short_row)(const FN(row_norm_job) *j, rn_int r)
{
    const rn_int c = j->c;
    const REAL *x = j->x + r * c, *dy = j->dy + r * c;
    const double mean = j->mean ? j->mean[r] : 0, inverse = j->inverse[r];
    double sum = 0, along = 0;
    for (rn_int i = 0; i < c; i++) {
        const double g = (double)dy[i] * (j->gamma ? (double)j->gamma[i] : 1.0);
        sum += g;
        along += g * (((double)x[i] - mean) * inverse);
    }
    sum = j->mean ? sum / (double)c : 0;
    along /= (double)c;
    for (rn_int i = 0; i < c; i++) {
        const double g = (double)dy[i] * (j->gamma ? (double)j->gamma[i] : 1.0);
        j->out[r * c + i] = (REAL)(inverse * (g - sum - ((double)x[i] - mean) * inverse * along));
    }
}

static void FN(row_backward_chunk)(void *p, rn_int chunk)
{
    const FN(row_norm_job) *j = (const FN(row_norm_job) *)p;
    const rn_int c = j->c, r1 = RN_MIN(j->m, (chunk + 1) * j->step);
    double *sum_dy = j->partial + 2 * chunk * c, *sum_along = sum_dy + c;
    if (j->sums)
        memset(sum_dy, 0, (size_t)(2 * c) * sizeof(double));
    for (rn_int r = chunk * j->step; r < r1; r++) {
        const REAL *x = j->x + r * c, *dy = j->dy + r * c;
        const double mean = j->mean ? j->mean[r] : 0;
        const REAL high = (REAL)mean, low = (REAL)(mean - (double)high), inverse = (REAL)j->inverse[r];
        FN(sum64) sum, along;
        FN(sum_clear)(&sum);
        FN(sum_clear)(&along);
        for (rn_int i = 0, left = c; i < c; i += VL, left -= VL) {
            const VEC dyv = LOAD(dy + i), g = j->gamma ? dyv * LOAD(j->gamma + i) : dyv;
            const VEC normal = ((LOAD(x + i) - high) - low) * inverse;
            /* lanes beyond the row: g is 0 there, and 0 normal is 0 unless the row holds an infinity or NaN, which is everywhere then */
            FN(sum_add)(&sum, g);
            FN(sum_add)(&along, g * normal);
            if (j->sums) {
                vec_d d[2], e[2], s[2], t[2];
                FN(widen)(dyv, d);
                FN(widen)(dyv * normal, e);
                FN(read_wide)(sum_dy + i, left, s);
                FN(read_wide)(sum_along + i, left, t);
                for (int h = 0; h < HALVES; h++) {
                    s[h] += d[h];
                    t[h] += e[h];
                }
                FN(write_wide)(sum_dy + i, left, s);
                FN(write_wide)(sum_along + i, left, t);
            }
        }
        if (!j->out)
            continue;
        const REAL through = j->mean ? (REAL)(FN(sum_total)(&sum) / (double)c) : 0;
        const REAL stretch = (REAL)(FN(sum_total)(&along) / (double)c);
        REAL *dx = j->out + r * c;
        if (c <= RN_SHORT_ROW) {
            FN(short_row)(j, r);
            continue;
        }
        for (rn_int i = 0, left = c; i < c; i += VL, left -= VL) {
            const VEC dyv = LOAD(dy + i), g = j->gamma ? dyv * LOAD(j->gamma + i) : dyv;
            const VEC normal = ((LOAD(x + i) - high) - low) * inverse;
            STORE(dx + i, inverse * ((g - through) - normal * stretch));
        }
    }
}

/* Any of dx, dgamma, dbeta may be NULL. partial: chunks 2 c doubles if dgamma or dbeta is wanted. */
static void FN(row_norm_backward)(const REAL *dy, const REAL *x, double *mean, double *inverse, const REAL *gamma, REAL *dx,
                                  REAL *dgamma, REAL *dbeta, double *partial, rn_int m, rn_int c, int threads)
{
    const rn_int chunks = rn_row_chunks(m, c);
    FN(row_norm_job) j = {.x = x, .dy = dy, .gamma = gamma, .out = dx, .mean = mean, .inverse = inverse, .partial = partial,
                          .m = m, .c = c, .step = rn_row_step(m, c), .sums = dgamma || dbeta};
    rn_run(FN(row_backward_chunk), &j, chunks, threads);
    for (rn_int i = 0; j.sums && i < c; i++) {
        double sum = 0, along = 0;
        for (rn_int k = 0; k < chunks; k++) {
            sum += partial[2 * k * c + i];
            along += partial[(2 * k + 1) * c + i];
        }
        if (dbeta)
            dbeta[i] = (REAL)sum;
        if (dgamma)
            dgamma[i] = (REAL)along;
    }
}

#undef HALVES
#undef LOAD
#undef STORE
#endif
