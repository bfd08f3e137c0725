/* Optimizer updates: one pass over the parameters, nothing in between written to memory.
 *
 * Fast because: plain loops that the compiler turns into vector code (square root and division included, thanks to
 * -fno-math-errno), cut into chunks of 16,384 elements over threads. Why they are right: refnet/kernels/sgd.py,
 * rmsprop.py, adam.py.
 */
#ifndef RN_OPTIMIZE_H
#define RN_OPTIMIZE_H
#include "vec.h"

#define RN_sgd(dbl, ...) RN_CALL(dbl, sgd, __VA_ARGS__)
#define RN_rmsprop(dbl, ...) RN_CALL(dbl, rmsprop, __VA_ARGS__)
#define RN_adam(dbl, ...) RN_CALL(dbl, adam, __VA_ARGS__)
#define rn_root_f sqrtf
#define rn_root_d sqrt

#define RN_TEMPLATE "optimize.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *a, *b, *c; /* the parameter and up to three slots, which may be NULL */
    const REAL *g;
    REAL rate, x1, x2, rest, eps; /* learning rate (or alpha), two coefficients, 1 - rho (rounded once), epsilon */
    int flag;
    rn_int n;
} FN(update_job);

/* ---- SGD: a = velocity, x1 = momentum, flag = nesterov -------------------------------------------------------- */

static void FN(sgd_chunk)(void *p, rn_int chunk)
{
    const FN(update_job) *j = (const FN(update_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, momentum = j->x1;
    if (!j->a) {
        for (rn_int i = 0; i < n; i++)
            w[i] -= rate * g[i];
        return;
    }
    REAL *RN_RESTRICT u = j->a + at;
    if (j->flag)
        for (rn_int i = 0; i < n; i++) {
            const REAL v = momentum * u[i] - rate * g[i];
            u[i] = v;
            w[i] += momentum * v - rate * g[i];
        }
    else
        for (rn_int i = 0; i < n; i++) {
            const REAL v = momentum * u[i] - rate * g[i];
            u[i] = v;
            w[i] += v;
        }
}

RN_INLINE void FN(sgd)(REAL *w, const REAL *g, REAL *velocity, double rate, double momentum, int nesterov, rn_int n,
                       int threads)
{
    FN(update_job) j = {.w = w, .a = velocity, .g = g, .rate = (REAL)rate, .x1 = (REAL)momentum, .flag = nesterov,
                        .n = n};
    rn_run(FN(sgd_chunk), &j, rn_spans(n), threads);
}

/* ---- RMSprop: a = v, b = velocity, c = mean gradient, x1 = rho, x2 = momentum ----------------------------------- */

static void FN(rmsprop_chunk)(void *p, rn_int chunk)
{
    const FN(update_job) *j = (const FN(update_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT v = j->a + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL rate = j->rate, rho = j->x1, rest = j->rest, momentum = j->x2, eps = j->eps;
    if (!j->b && !j->c) {
        for (rn_int i = 0; i < n; i++) {
            const REAL s = rho * v[i] + rest * (g[i] * g[i]);
            v[i] = s;
            w[i] -= rate * g[i] / FN(rn_root)(s + eps);
        }
        return;
    }
    REAL *RN_RESTRICT u = j->b ? j->b + at : NULL, *RN_RESTRICT mean = j->c ? j->c + at : NULL;
    for (rn_int i = 0; i < n; i++) {
        const REAL s = rho * v[i] + rest * (g[i] * g[i]);
        REAL d = s;
        v[i] = s;
        if (mean) {
            const REAL m = rho * mean[i] + rest * g[i];
            mean[i] = m;
            d = s - m * m;
        }
        REAL step = rate * g[i] / FN(rn_root)(d + eps);
        if (u) {
            step += momentum * u[i];
            u[i] = step;
        }
        w[i] -= step;
    }
}

RN_INLINE void FN(rmsprop)(REAL *w, const REAL *g, REAL *v, REAL *velocity, REAL *mean, double rate, double rho,
                           double momentum, double eps, rn_int n, int threads)
{
    FN(update_job) j = {.w = w, .a = v, .b = velocity, .c = mean, .g = g, .rate = (REAL)rate, .x1 = (REAL)rho,
                        .x2 = (REAL)momentum, .rest = (REAL)(1 - rho), .eps = (REAL)eps, .n = n};
    rn_run(FN(rmsprop_chunk), &j, rn_spans(n), threads);
}

/* ---- Adam: a = m, b = v, c = v_max, x1 = 1 - beta_1, x2 = 1 - beta_2 -------------------------------------------- */

static void FN(adam_chunk)(void *p, rn_int chunk)
{
    const FN(update_job) *j = (const FN(update_job) *)p;
    const rn_int at = chunk * RN_SPAN, n = rn_span_end(j->n, chunk) - at;
    REAL *RN_RESTRICT w = j->w + at, *RN_RESTRICT m = j->a + at, *RN_RESTRICT v = j->b + at;
    const REAL *RN_RESTRICT g = j->g + at;
    const REAL alpha = j->rate, x1 = j->x1, x2 = j->x2, eps = j->eps;
    if (!j->c) {
        for (rn_int i = 0; i < n; i++) {
            const REAL first = m[i] + x1 * (g[i] - m[i]), second = v[i] + x2 * (g[i] * g[i] - v[i]);
            m[i] = first;
            v[i] = second;
            w[i] -= alpha * first / (FN(rn_root)(second) + eps);
        }
        return;
    }
    REAL *RN_RESTRICT top = j->c + at;
    for (rn_int i = 0; i < n; i++) {
        const REAL first = m[i] + x1 * (g[i] - m[i]), second = v[i] + x2 * (g[i] * g[i] - v[i]);
        const REAL most = top[i] < second || second != second ? second : top[i];
        m[i] = first;
        v[i] = second;
        top[i] = most;
        w[i] -= alpha * first / (FN(rn_root)(most) + eps);
    }
}

RN_INLINE void FN(adam)(REAL *w, const REAL *g, REAL *m, REAL *v, REAL *v_max, double alpha, double beta_1,
                        double beta_2, double eps, rn_int n, int threads)
{
    FN(update_job) j = {.w = w, .a = m, .b = v, .c = v_max, .g = g, .rate = (REAL)alpha, .x1 = (REAL)(1 - beta_1),
                        .x2 = (REAL)(1 - beta_2), .eps = (REAL)eps, .n = n};
    rn_run(FN(adam_chunk), &j, rn_spans(n), threads);
}
#endif
