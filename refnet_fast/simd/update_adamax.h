/* Adamax and Nadam: one pass over the parameters, as in optimize.h. Why they are right: refnet/kernels/adamax.py. */
#ifndef RN_UPDATE_ADAMAX_H
#define RN_UPDATE_ADAMAX_H
#include "scalar.h"

#define RN_adamax(dbl, ...) RN_CALL(dbl, adamax, __VA_ARGS__)
#define RN_nadam(dbl, ...) RN_CALL(dbl, nadam, __VA_ARGS__)

#define RN_TEMPLATE "update_adamax.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *m, *u;
    const REAL *g;
    REAL alpha, rest_1, beta_2, eps; /* alpha: the corrected learning rate; rest_1 = 1 - beta_1, rounded once */
    rn_int n;
} FN(adamax_job);

static void FN(adamax_chunk)(void *p, rn_int chunk)
{
    const FN(adamax_job) *j = (const FN(adamax_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT m = j->m + at, *RN_RESTRICT u = j->u + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL alpha = j->alpha, rest_1 = j->rest_1, beta_2 = j->beta_2, eps = j->eps;
    for (rn_int i = 0; i < n; i++) {
        const REAL first = m[i] + rest_1 * (g[i] - m[i]), faded = beta_2 * u[i], size = FN(rn_size)(g[i]);
        const REAL most = faded < size || size != size ? size : faded; /* NaN wins, whichever it is */
        m[i] = first;
        u[i] = most;
        w[i] -= alpha * first / (most + eps);
    }
}

RN_INLINE void FN(adamax)(REAL *w, const REAL *g, REAL *m, REAL *u, double alpha, double beta_1, double beta_2, double eps,
                          rn_int n, int threads)
{
    FN(adamax_job) j = {.w = w, .m = m, .u = u, .g = g, .alpha = (REAL)alpha, .rest_1 = (REAL)(1 - beta_1),
                        .beta_2 = (REAL)beta_2, .eps = (REAL)eps, .n = n};
    rn_run(FN(adamax_chunk), &j, rn_spans(n), threads);
}

typedef struct {
    REAL *w, *m, *v;
    const REAL *g;
    REAL rate, of_m, of_g, rest_1, rest_2, correction, eps; /* correction: v is divided by it */
    rn_int n;
} FN(nadam_job);

static void FN(nadam_chunk)(void *p, rn_int chunk)
{
    const FN(nadam_job) *j = (const FN(nadam_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT m = j->m + at, *RN_RESTRICT v = j->v + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, of_m = j->of_m, of_g = j->of_g, rest_1 = j->rest_1, rest_2 = j->rest_2;
    const REAL correction = j->correction, eps = j->eps;
    for (rn_int i = 0; i < n; i++) {
        const REAL first = m[i] + rest_1 * (g[i] - m[i]), second = v[i] + rest_2 * (g[i] * g[i] - v[i]);
        m[i] = first;
        v[i] = second;
        w[i] -= rate * (of_m * first + of_g * g[i]) / (FN(rn_root)(second / correction) + eps);
    }
}

RN_INLINE void FN(nadam)(REAL *w, const REAL *g, REAL *m, REAL *v, double rate, double of_m, double of_g, double beta_1,
                         double beta_2, double correction, double eps, rn_int n, int threads)
{
    FN(nadam_job) j = {.w = w, .m = m, .v = v, .g = g, .rate = (REAL)rate, .of_m = (REAL)of_m, .of_g = (REAL)of_g,
                       .rest_1 = (REAL)(1 - beta_1), .rest_2 = (REAL)(1 - beta_2), .correction = (REAL)correction,
                       .eps = (REAL)eps, .n = n};
    rn_run(FN(nadam_chunk), &j, rn_spans(n), threads);
}
#endif
