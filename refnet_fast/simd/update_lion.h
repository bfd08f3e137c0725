/* Lion: one pass over the parameters, as in optimize.h. Why it is right: refnet/kernels/lion.py. */
#ifndef RN_UPDATE_LION_H
#define RN_UPDATE_LION_H
#include "vec.h"

#define RN_lion(dbl, ...) RN_CALL(dbl, lion, __VA_ARGS__)

#define RN_TEMPLATE "update_lion.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *m;
    const REAL *g;
    REAL rate, beta_1, rest_1, beta_2, rest_2; /* rest = 1 - beta, rounded once */
    rn_int n;
} FN(lion_job);

static void FN(lion_chunk)(void *p, rn_int chunk)
{
    const FN(lion_job) *j = (const FN(lion_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT m = j->m + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, beta_1 = j->beta_1, rest_1 = j->rest_1, beta_2 = j->beta_2, rest_2 = j->rest_2;
    for (rn_int i = 0; i < n; i++) {
        const REAL c = beta_1 * m[i] + rest_1 * g[i];
        const REAL sign = c > 0 ? (REAL)1 : c < 0 ? (REAL)-1 : c; /* 0 stays 0, NaN stays NaN */
        w[i] -= rate * sign;
        m[i] = beta_2 * m[i] + rest_2 * g[i];
    }
}

RN_INLINE void FN(lion)(REAL *w, const REAL *g, REAL *m, double rate, double beta_1, double beta_2, rn_int n, int threads)
{
    FN(lion_job) j = {.w = w, .m = m, .g = g, .rate = (REAL)rate, .beta_1 = (REAL)beta_1, .rest_1 = (REAL)(1 - beta_1),
                      .beta_2 = (REAL)beta_2, .rest_2 = (REAL)(1 - beta_2), .n = n};
    rn_run(FN(lion_chunk), &j, rn_spans(n), threads);
}
#endif
