/* LAMB: two passes over the parameters, for the length of the step is known only after the first. The first writes both moments
 * and leaves each chunk's sums of squares, in eight float64 lanes; the second computes the step again, which costs less
 * than keeping it. The chunks' sums are added in their order. Why it is right: refnet/kernels/lamb.py. */
#ifndef RN_UPDATE_LAMB_H
#define RN_UPDATE_LAMB_H
#include "scalar.h"

#define RN_lamb(dbl, ...) RN_CALL(dbl, lamb, __VA_ARGS__)
#define RN_LAMB_LANES 8

#define RN_TEMPLATE "update_lamb.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *m, *v;
    const REAL *g;
    REAL rest_1, rest_2, of_m, of_v, eps; /* rest = 1 - beta, rounded once; m and v are divided by of_m and of_v */
    REAL rate;                            /* learning rate times trust ratio */
    double *sums;                         /* two for each chunk: of the squares of w and of the step */
    rn_int n;
} FN(lamb_job);

RN_FLAT REAL FN(lamb_step)(const FN(lamb_job) *j, REAL m, REAL v)
{
    return m / j->of_m / (FN(rn_root)(v / j->of_v) + j->eps);
}

/* The squares of `count` weights and steps, added to the lanes: all of them, but for the last of a chunk. */
RN_FLAT void FN(lamb_squares)(const FN(lamb_job) *j, rn_int at, const rn_int count, double *of_w, double *of_step)
{
    for (rn_int k = 0; k < count; k++) {
        const REAL w = j->w[at + k], step = FN(lamb_step)(j, j->m[at + k], j->v[at + k]);
        of_w[k] += (double)w * (double)w;
        of_step[k] += (double)step * (double)step;
    }
}

static void FN(lamb_moments_chunk)(void *p, rn_int chunk)
{
    const FN(lamb_job) *j = (const FN(lamb_job) *)p;
    const rn_int at = chunk * RN_SPAN, end = rn_span_end(j->n, chunk), whole = end - (end - at) % RN_LAMB_LANES;
    REAL *RN_RESTRICT m = j->m, *RN_RESTRICT v = j->v;
    const REAL *RN_RESTRICT g = j->g;
    const REAL rest_1 = j->rest_1, rest_2 = j->rest_2;
    double of_w[RN_LAMB_LANES] = {0}, of_step[RN_LAMB_LANES] = {0}, sum_w = 0, sum_step = 0;
    for (rn_int i = at; i < end; i++) {
        m[i] += rest_1 * (g[i] - m[i]);
        v[i] += rest_2 * (g[i] * g[i] - v[i]);
    }
    for (rn_int i = at; i < whole; i += RN_LAMB_LANES)
        FN(lamb_squares)(j, i, RN_LAMB_LANES, of_w, of_step);
    FN(lamb_squares)(j, whole, end - whole, of_w, of_step);
    for (int k = 0; k < RN_LAMB_LANES; k++) {
        sum_w += of_w[k];
        sum_step += of_step[k];
    }
    j->sums[2 * chunk] = sum_w;
    j->sums[2 * chunk + 1] = sum_step;
}

static void FN(lamb_chunk)(void *p, rn_int chunk)
{
    const FN(lamb_job) *j = (const FN(lamb_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at;
    const REAL *RN_RESTRICT m = j->m + at, *RN_RESTRICT v = j->v + at;
    for (rn_int i = 0; i < n; i++)
        w[i] -= j->rate * FN(lamb_step)(j, m[i], v[i]);
}

RN_INLINE void FN(lamb)(REAL *w, const REAL *g, REAL *m, REAL *v, double rate, double beta_1, double beta_2, double of_m,
                        double of_v, double eps, double *sums, rn_int n, int threads)
{
    FN(lamb_job) j = {.w = w, .m = m, .v = v, .g = g, .rest_1 = (REAL)(1 - beta_1), .rest_2 = (REAL)(1 - beta_2),
                      .of_m = (REAL)of_m, .of_v = (REAL)of_v, .eps = (REAL)eps, .sums = sums, .n = n};
    double of_w = 0, of_step = 0;
    rn_run(FN(lamb_moments_chunk), &j, rn_spans(n), threads);
    for (rn_int i = 0; i < rn_spans(n); i++) {
        of_w += sums[2 * i];
        of_step += sums[2 * i + 1];
    }
    j.rate = (REAL)(rate * (of_w > 0 && of_step > 0 ? sqrt(of_w) / sqrt(of_step) : 1.0));
    rn_run(FN(lamb_chunk), &j, rn_spans(n), threads);
}
#endif
