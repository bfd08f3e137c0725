/* Categorical cross-entropy: a value per sample, from the row of its classes; and its gradient.
 *
 * Fast because: one visit to each row (rows.h); the logarithms of 64 rows are taken together. Why the formulas are right:
 * refnet/kernels/cross_entropy.py. (Losses of one prediction and its target each: terms.h.)
 */
#ifndef RN_LOSS_H
#define RN_LOSS_H
#include "terms.h"

#define RN_categorical_forward(dbl, ...) RN_CALL(dbl, categorical_forward, __VA_ARGS__)
#define RN_categorical_backward(dbl, ...) RN_CALL(dbl, categorical_backward, __VA_ARGS__)

#define RN_TEMPLATE "loss.h"
#include "both.h"

#elif defined(REAL)

/* ---- categorical cross-entropy: targets t (m, n), or labels (m,) where t is NULL ------------------------------- */

RN_FLAT REAL FN(clip_one)(REAL p)
{
    const REAL low = (REAL)1e-7, high = (REAL)(1 - 1e-7);
    return p < low ? low : p > high ? high : p;
}

#define LOG_ROWS 64 /* rows whose logarithms are taken together */

/* In a block of rows: l = scale log(of) - rest */
typedef struct {
    double scale[LOG_ROWS], of[LOG_ROWS], rest[LOG_ROWS];
} FN(log_block);

RN_FLAT void FN(finish_block)(FN(log_block) *b, REAL *l, rn_int rows)
{
    enum { LANES = sizeof(vec_d) / sizeof(double) };
    for (rn_int r = 0; r < rows; r += LANES)
        store_d(b->of + r, vlog_d(load_d(b->of + r)));
    for (rn_int r = 0; r < rows; r++)
        l[r] = (REAL)(b->scale[r] * b->of[r] - b->rest[r]);
}

static void FN(categorical_chunk)(void *ptr, rn_int c)
{
    const FN(row_job) *j = (const FN(row_job) *)ptr;
    const rn_int n = j->n, end = RN_MIN(j->m, (c + 1) * j->step);
    FN(log_block) block;
    for (int i = 0; i < LOG_ROWS; i++)
        block.of[i] = 1;
    for (rn_int r0 = c * j->step; r0 < end; r0 += LOG_ROWS) {
        const rn_int rows = RN_MIN(LOG_ROWS, end - r0);
        for (rn_int i = 0; i < rows; i++) {
            const rn_int r = r0 + i;
            const REAL *y = j->a + r * n, *t = j->b ? j->b + r * n : NULL;
            REAL *p = j->out2 ? j->out2 + r * n : NULL;
            double scale = 1, of = 1, rest = 0;
            FN(sum64) sum;
            FN(sum_clear)(&sum);
            if (j->logits) {
                const REAL top = FN(row_max)(y, n);
                of = FN(row_exp)(y, top, p, n);
                if (t) { /* -sum t (x - top - log s) = log s sum t - sum t (x - top) */
                    FN(sum64) weight;
                    FN(sum_clear)(&weight);
                    COLUMNS(n)
                    {
                        const VEC tv = LOAD(t), shifted = LOAD(y) - top;
                        FN(sum_add)(&weight, tv);
                        FN(sum_add)(&sum, FILL(tv * shifted, 0));
                    }
                    scale = FN(sum_total)(&weight);
                    rest = FN(sum_total)(&sum);
                } else
                    rest = (double)(y[j->labels[r]] - top);
                if (p)
                    FN(row_divide)(p, (REAL)of, p, n);
            } else {
                const REAL s = (REAL)FN(row_sum)(y, n);
                if (j->out3)
                    j->out3[r] = s;
                if (p)
                    FN(row_divide)(y, s, p, n);
                if (t) {
                    COLUMNS(n)
                    {
                        const VEC term = LOAD(t) * FN(vlog)(FN(clip_prob)(LOAD(y) / s));
                        FN(sum_add)(&sum, FILL(term, 0));
                    }
                    rest = FN(sum_total)(&sum);
                } else {
                    scale = -1;
                    of = (double)FN(clip_one)(y[j->labels[r]] / s);
                }
            }
            block.scale[i] = scale;
            block.of[i] = of;
            block.rest[i] = rest;
        }
        FN(finish_block)(&block, j->out + r0, rows);
    }
}
#undef LOG_ROWS

/* y (m, n) -> l (m,), p (m, n) and s (m,) where not NULL */
RN_INLINE void FN(categorical_forward)(int logits, const REAL *y, const REAL *t, const int64_t *labels, REAL *l,
                                       REAL *p, REAL *s, rn_int m, rn_int n, int threads)
{
    FN(row_job) j = {.logits = logits, .a = y, .b = t, .labels = labels, .out = l, .out2 = p, .out3 = s,
                     .m = m, .n = n, .step = rn_rows(n)};
    rn_run(FN(categorical_chunk), &j, (m + j.step - 1) / j.step, threads);
}

typedef struct {
    const REAL *dl, *p, *s, *t;
    const int64_t *labels;
    REAL *dx;
    rn_int m, n, step;
} FN(categorical_job);

static void FN(categorical_slope_chunk)(void *ptr, rn_int c)
{
    const FN(categorical_job) *j = (const FN(categorical_job) *)ptr;
    const rn_int n = j->n, end = RN_MIN(j->m, (c + 1) * j->step);
    for (rn_int r = c * j->step; r < end; r++) {
        const REAL *p = j->p + r * n, *t = j->t ? j->t + r * n : NULL, dl = j->dl[r];
        REAL *dx = j->dx + r * n;
        if (!j->s && t) {
            const REAL weight = (REAL)FN(row_sum)(t, n);
            COLUMNS(n) STORE(dx, dl * (LOAD(p) * weight - LOAD(t)));
        } else if (!j->s) {
            COLUMNS(n) STORE(dx, dl * LOAD(p));
            dx[j->labels[r]] -= dl;
        } else if (t) {
            const REAL s = j->s[r];
            FN(sum64) sum;
            FN(sum_clear)(&sum);
            COLUMNS(n)
            {
                const VEC r_c = LOAD(p), q = FN(clip_prob)(r_c);
                const VEC dr = UNBITS(BITS((-dl * LOAD(t)) / q) & FN(unclipped)(r_c));
                STORE(dx, dr);
                FN(sum_add)(&sum, dr * r_c);
            }
            const REAL inner = (REAL)FN(sum_total)(&sum);
            COLUMNS(n) STORE(dx, (LOAD(dx) - inner) / s);
        } else {
            const REAL s = j->s[r], r_l = p[j->labels[r]], q = FN(clip_one)(r_l);
            const REAL dr = q == r_l ? -dl / q : 0; /* clipped: 0 */
            const VEC rest = FN(splat)(-(dr * r_l / s));
            COLUMNS(n) STORE(dx, rest);
            dx[j->labels[r]] += dr / s;
        }
    }
}

RN_INLINE void FN(categorical_backward)(const REAL *dl, const REAL *p, const REAL *s, const REAL *t,
                                        const int64_t *labels, REAL *dx, rn_int m, rn_int n, int threads)
{
    FN(categorical_job) j = {dl, p, s, t, labels, dx, m, n, rn_rows(n)};
    rn_run(FN(categorical_slope_chunk), &j, (m + j.step - 1) / j.step, threads);
}

#endif
