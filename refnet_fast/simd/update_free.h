/* Schedule-free AdamW: one pass over the parameters, as in optimize.h. Why it is right: refnet/kernels/schedule_free.py. */
#ifndef RN_UPDATE_FREE_H
#define RN_UPDATE_FREE_H
#include "scalar.h"

#define RN_schedule_free(dbl, ...) RN_CALL(dbl, schedule_free, __VA_ARGS__)

#define RN_TEMPLATE "update_free.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *z, *v;
    const REAL *g;
    REAL rate, rest_1, rest_2, kept, of_z, correction, eps; /* rest = 1 - beta; kept = 1 - 1/t; v is divided by correction */
    rn_int n;
} FN(free_job);

static void FN(free_chunk)(void *p, rn_int chunk)
{
    const FN(free_job) *j = (const FN(free_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT z = j->z + at, *RN_RESTRICT v = j->v + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, rest_1 = j->rest_1, rest_2 = j->rest_2, kept = j->kept, of_z = j->of_z;
    const REAL correction = j->correction, eps = j->eps;
    for (rn_int i = 0; i < n; i++) {
        const REAL second = v[i] + rest_2 * (g[i] * g[i] - v[i]), average = w[i] - rest_1 * z[i];
        const REAL next = z[i] - rate * g[i] / (FN(rn_root)(second / correction) + eps);
        v[i] = second;
        z[i] = next;
        w[i] = average * kept + of_z * next;
    }
}

RN_INLINE void FN(schedule_free)(REAL *w, const REAL *g, REAL *z, REAL *v, double rate, double beta_1, double beta_2,
                                 double step, double correction, double eps, rn_int n, int threads)
{
    FN(free_job) j = {.w = w, .z = z, .v = v, .g = g, .rate = (REAL)rate, .rest_1 = (REAL)(1 - beta_1),
                      .rest_2 = (REAL)(1 - beta_2), .kept = (REAL)(1 - 1 / step),
                      .of_z = (REAL)(1 - beta_1 + beta_1 / step), .correction = (REAL)correction, .eps = (REAL)eps, .n = n};
    rn_run(FN(free_chunk), &j, rn_spans(n), threads);
}
#endif
