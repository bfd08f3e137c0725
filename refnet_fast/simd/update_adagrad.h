/* Adagrad and Adadelta: one pass over the parameters, as in optimize.h. Why they are right: refnet/kernels/adagrad.py. */
#ifndef RN_UPDATE_ADAGRAD_H
#define RN_UPDATE_ADAGRAD_H
#include "scalar.h"

#define RN_adagrad(dbl, ...) RN_CALL(dbl, adagrad, __VA_ARGS__)
#define RN_adadelta(dbl, ...) RN_CALL(dbl, adadelta, __VA_ARGS__)

#define RN_TEMPLATE "update_adagrad.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *accumulator;
    const REAL *g;
    REAL rate, eps;
    rn_int n;
} FN(adagrad_job);

static void FN(adagrad_chunk)(void *p, rn_int chunk)
{
    const FN(adagrad_job) *j = (const FN(adagrad_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT accumulator = j->accumulator + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, eps = j->eps;
    for (rn_int i = 0; i < n; i++) {
        const REAL q = accumulator[i] + g[i] * g[i];
        accumulator[i] = q;
        w[i] -= rate * g[i] / FN(rn_root)(q + eps);
    }
}

RN_INLINE void FN(adagrad)(REAL *w, const REAL *g, REAL *accumulator, double rate, double eps, rn_int n, int threads)
{
    FN(adagrad_job) j = {.w = w, .accumulator = accumulator, .g = g, .rate = (REAL)rate, .eps = (REAL)eps, .n = n};
    rn_run(FN(adagrad_chunk), &j, rn_spans(n), threads);
}

typedef struct {
    REAL *w, *v, *u;
    const REAL *g;
    REAL rate, rho, rest, eps; /* rest = 1 - rho, rounded once */
    rn_int n;
} FN(adadelta_job);

static void FN(adadelta_chunk)(void *p, rn_int chunk)
{
    const FN(adadelta_job) *j = (const FN(adadelta_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT v = j->v + at, *RN_RESTRICT u = j->u + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, rho = j->rho, rest = j->rest, eps = j->eps;
    for (rn_int i = 0; i < n; i++) {
        const REAL s = rho * v[i] + rest * (g[i] * g[i]);
        const REAL step = g[i] * FN(rn_root)(u[i] + eps) / FN(rn_root)(s + eps);
        v[i] = s;
        u[i] = rho * u[i] + rest * (step * step);
        w[i] -= rate * step;
    }
}

RN_INLINE void FN(adadelta)(REAL *w, const REAL *g, REAL *v, REAL *u, double rate, double rho, double eps, rn_int n,
                            int threads)
{
    FN(adadelta_job) j = {.w = w, .v = v, .u = u, .g = g, .rate = (REAL)rate, .rho = (REAL)rho,
                          .rest = (REAL)(1 - rho), .eps = (REAL)eps, .n = n};
    rn_run(FN(adadelta_chunk), &j, rn_spans(n), threads);
}
#endif
