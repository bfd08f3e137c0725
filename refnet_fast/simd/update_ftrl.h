/* FTRL: one pass over the parameters, as in optimize.h. The usual power, a square root, is vector code; any other one is a call
 * for each parameter. Why it is right: refnet/kernels/ftrl.py. */
#ifndef RN_UPDATE_FTRL_H
#define RN_UPDATE_FTRL_H
#include "scalar.h"

#define RN_ftrl(dbl, ...) RN_CALL(dbl, ftrl, __VA_ARGS__)

#define RN_TEMPLATE "update_ftrl.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *accumulator, *linear;
    const REAL *g;
    REAL rate, power, l1, shrinkage, rest; /* shrinkage: 2 lambda_s; rest: the part of Q that stays */
    rn_int n;
} FN(ftrl_job);

RN_FLAT void FN(ftrl_span)(const FN(ftrl_job) *j, const int root, rn_int at, rn_int n)
{
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT accumulator = j->accumulator + at, *RN_RESTRICT linear = j->linear + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, power = j->power, l1 = j->l1, shrinkage = j->shrinkage, rest = j->rest;
    for (rn_int i = 0; i < n; i++) {
        const REAL q = accumulator[i] + g[i] * g[i];
        const REAL before = root ? FN(rn_root)(accumulator[i]) : FN(rn_power)(accumulator[i], power);
        const REAL after = root ? FN(rn_root)(q) : FN(rn_power)(q, power);
        const REAL z = linear[i] + (g[i] + shrinkage * w[i] - (after - before) / rate * w[i]);
        const REAL limited = z < -l1 ? -l1 : z > l1 ? l1 : z, quadratic = after / rate + rest;
        accumulator[i] = q;
        linear[i] = z;
        w[i] = quadratic != 0 ? (limited - z) / quadratic : w[i];
    }
}

static void FN(ftrl_chunk)(void *p, rn_int chunk)
{
    const FN(ftrl_job) *j = (const FN(ftrl_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    if (j->power == (REAL)0.5)
        FN(ftrl_span)(j, 1, at, n);
    else
        FN(ftrl_span)(j, 0, at, n);
}

RN_INLINE void FN(ftrl)(REAL *w, const REAL *g, REAL *accumulator, REAL *linear, double rate, double power, double l1,
                        double shrinkage, double rest, rn_int n, int threads)
{
    FN(ftrl_job) j = {.w = w, .accumulator = accumulator, .linear = linear, .g = g, .rate = (REAL)rate,
                      .power = (REAL)power, .l1 = (REAL)l1, .shrinkage = (REAL)shrinkage, .rest = (REAL)rest, .n = n};
    rn_run(FN(ftrl_chunk), &j, rn_spans(n), threads);
}
#endif
