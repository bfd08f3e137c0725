/* Losses whose terms are functions of one prediction and its target: a mean (or a sum) over each row, and their gradients.
 *
 * Fast because: one visit to each row, no temporaries; a single column is treated as one long vector; the kind is a constant
 * in every copy of the loops. Why the formulas are right: refnet/kernels/errors.py, distances.py, divergences.py, margins.py
 * and cross_entropy.py (binary).
 *
 * A new loss is a number in RN_EACH_TERM, its term and its slopes.
 */
#ifndef RN_TERMS_H
#define RN_TERMS_H
#include "rows.h"

#define RN_EACH_TERM(X)                                                                                               \
    X(RN_SQUARED) X(RN_ABSOLUTE) X(RN_BINARY_LOGITS) X(RN_BINARY_PROBS) X(RN_HUBER) X(RN_LOG_COSH) X(RN_LOGARITHMIC)  \
    X(RN_PERCENTAGE) X(RN_KL) X(RN_POISSON) X(RN_HINGE) X(RN_SQUARED_HINGE)
#define RN_NAME(kind) kind,
enum { RN_EACH_TERM(RN_NAME) };
#undef RN_NAME

#define RN_LOG_2 0.69314718055994530942
#define RN_terms_forward(dbl, ...) RN_CALL(dbl, terms_forward, __VA_ARGS__)
#define RN_terms_backward(dbl, ...) RN_CALL(dbl, terms_backward, __VA_ARGS__)
#define RN_all_binary(dbl, ...) RN_CALL(dbl, all_binary, __VA_ARGS__)
#define RN_categorical_hinge_forward(dbl, ...) RN_CALL(dbl, categorical_hinge_forward, __VA_ARGS__)
#define RN_categorical_hinge_backward(dbl, ...) RN_CALL(dbl, categorical_hinge_backward, __VA_ARGS__)

#define RN_TEMPLATE "terms.h"
#include "both.h"

#elif defined(REAL)

/* ---- one term ------------------------------------------------------------------------------------------------- */

RN_FLAT VEC FN(clip_prob)(VEC p)
{
    return FN(vmin)(FN(vmax)(p, FN(splat)((REAL)1e-7)), FN(splat)((REAL)(1 - 1e-7)));
}

RN_FLAT IVEC FN(unclipped)(VEC p) /* [eps <= p <= 1 - eps]; false for NaN */
{
    const VEC low = FN(splat)((REAL)1e-7), high = FN(splat)((REAL)(1 - 1e-7));
    return (GREATER(p, low) | EQUAL(p, low)) & (LESS(p, high) | EQUAL(p, high));
}

RN_FLAT VEC FN(clip_unit)(VEC x, REAL low) { return FN(vmin)(FN(vmax)(x, FN(splat)(low)), FN(splat)(1)); }

RN_FLAT VEC FN(vsign)(VEC e) /* sign(e), 0 at 0, NaN for NaN */
{
    const VEC zero = FN(splat)(0);
    return FN(select)(EQUAL(e, zero) | ~EQUAL(e, e), e, FN(vsign_of)(FN(splat)(1), e));
}

RN_FLAT VEC FN(vstep)(VEC x, REAL at) /* the slope of max(x, at): 1/2 at the tie */
{
    const VEC low = FN(splat)(at), zero = FN(splat)(0);
    return FN(select)(GREATER(x, low), FN(splat)(1), FN(select)(EQUAL(x, low), FN(splat)((REAL)0.5), zero));
}

RN_FLAT VEC FN(vlog_of_1_and)(VEC u) /* log(1 + u), u >= 0: beyond 1 the rounding of 1 + u does no harm */
{
    return FN(select)(GREATER(u, FN(splat)(1)), FN(vlog)(1 + u), FN(vlog1p)(u));
}

/* How far apart the logarithms of 1 + max(y, a) and 1 + max(t, a) are. */
RN_FLAT VEC FN(log_gap)(VEC y, VEC t, REAL a)
{
    const VEC low = FN(splat)(a);
    return FN(vlog_of_1_and)(FN(vmax)(y, low)) - FN(vlog_of_1_and)(FN(vmax)(t, low));
}

/* The term of y and t; a is the loss's parameter. */
RN_FLAT VEC FN(term)(const int kind, VEC y, VEC t, REAL a)
{
    const VEC zero = FN(splat)(0), one = FN(splat)(1);
    if (kind == RN_SQUARED)
        return (y - t) * (y - t);
    if (kind == RN_ABSOLUTE)
        return FN(vabs)(y - t);
    if (kind == RN_BINARY_LOGITS)
        return (FN(vrelu)(y) - y * t) + FN(vlog1p)(FN(vexp)(-FN(vabs)(y)));
    if (kind == RN_BINARY_PROBS) {
        const VEC q = FN(clip_prob)(y);
        return -(t * FN(vlog)(q) + (1 - t) * FN(vlog)(1 - q));
    }
    if (kind == RN_HUBER) {
        const VEC e = FN(vabs)(y - t), c = FN(vmin)(e, FN(splat)(a));
        return c * (e - (REAL)0.5 * c);
    }
    if (kind == RN_LOG_COSH) {
        const VEC e = FN(vabs)(y - t), h = FN(vtanh)(FN(vmin)(e, one));
        const VEC near = (REAL)-0.5 * FN(vlog1p)(-h * h);
        return FN(select)(LESS(e, one), near, (e - (REAL)RN_LOG_2) + FN(vlog1p)(FN(vexp)((REAL)-2 * e)));
    }
    if (kind == RN_LOGARITHMIC) {
        const VEC h = FN(log_gap)(y, t, a);
        return h * h;
    }
    if (kind == RN_PERCENTAGE)
        return (REAL)100 * (FN(vabs)(y - t) / FN(vmax)(FN(vabs)(t), FN(splat)(a)));
    if (kind == RN_KL) {
        const VEC q = FN(clip_unit)(t, a);
        return q * FN(vlog)(q / FN(clip_unit)(y, a));
    }
    if (kind == RN_POISSON)
        return y - t * FN(vlog)(y + a);
    const VEC m = FN(vmax)(1 - t * y, zero);
    return kind == RN_HINGE ? m : m * m;
}

/* The slope with respect to y. */
RN_FLAT VEC FN(slope_y)(const int kind, VEC y, VEC t, REAL a)
{
    if (kind == RN_SQUARED)
        return 2 * (y - t);
    if (kind == RN_ABSOLUTE)
        return FN(vsign)(y - t);
    if (kind == RN_BINARY_LOGITS)
        return FN(vsigmoid)(y) - t;
    if (kind == RN_BINARY_PROBS) {
        const VEC q = FN(clip_prob)(y);
        return UNBITS(BITS((q - t) / (q * (1 - q))) & FN(unclipped)(y));
    }
    if (kind == RN_HUBER)
        return FN(vmin)(FN(vmax)(y - t, FN(splat)(-a)), FN(splat)(a));
    if (kind == RN_LOG_COSH)
        return FN(vtanh)(y - t);
    if (kind == RN_LOGARITHMIC)
        return 2 * FN(log_gap)(y, t, a) * FN(vstep)(y, a) / (1 + FN(vmax)(y, FN(splat)(a)));
    if (kind == RN_PERCENTAGE)
        return (REAL)100 * FN(vsign)(y - t) / FN(vmax)(FN(vabs)(t), FN(splat)(a));
    if (kind == RN_KL)
        return -(FN(clip_unit)(t, a) / FN(clip_unit)(y, a)) * (FN(vstep)(y, a) - FN(vstep)(y, 1));
    if (kind == RN_POISSON)
        return 1 - t / (y + a);
    const VEC m = 1 - t * y;
    return kind == RN_HINGE ? -t * FN(vstep)(m, 0) : -t * (2 * FN(vmax)(m, FN(splat)(0)));
}

/* The slope with respect to t. */
RN_FLAT VEC FN(slope_t)(const int kind, VEC y, VEC t, REAL a)
{
    if (kind == RN_LOGARITHMIC)
        return -2 * FN(log_gap)(y, t, a) * FN(vstep)(t, a) / (1 + FN(vmax)(t, FN(splat)(a)));
    if (kind == RN_PERCENTAGE) {
        const VEC size = FN(vabs)(t), r = FN(vmax)(size, FN(splat)(a));
        const VEC through_r = (REAL)100 * (FN(vabs)(y - t) / r) / r * FN(vstep)(size, a) * FN(vsign)(t);
        return -((REAL)100 * FN(vsign)(y - t) / r) - through_r;
    }
    if (kind == RN_KL)
        return (FN(vlog)(FN(clip_unit)(t, a) / FN(clip_unit)(y, a)) + 1) * (FN(vstep)(t, a) - FN(vstep)(t, 1));
    if (kind == RN_POISSON)
        return -FN(vlog)(y + a);
    if (kind == RN_HINGE)
        return -y * FN(vstep)(1 - t * y, 0);
    if (kind == RN_SQUARED_HINGE)
        return -y * (2 * FN(vmax)(1 - t * y, FN(splat)(0)));
    return -FN(slope_y)(kind, y, t, a); /* a function of y - t */
}

/* ---- rows of terms -------------------------------------------------------------------------------------------- */

typedef struct {
    int kind;
    const REAL *y, *t, *dl;
    REAL *l, *dy, *dt;
    rn_int m, n, step; /* rows, columns, rows per chunk */
    REAL a;            /* the loss's parameter */
    REAL grow, shift;  /* the loss sees grow t + shift: 1 and 0, or 2 and -1 (margins.py) */
    double count;      /* what the sum of a row is divided by */
} FN(term_job);

RN_FLAT void FN(term_rows)(const int kind, const FN(term_job) *j, rn_int from, rn_int to)
{
    const int signs = kind == RN_HINGE || kind == RN_SQUARED_HINGE;
    const rn_int n = j->n, rows = n == 1 ? 1 : to - from, length = n == 1 ? to - from : n;
    for (rn_int r = 0; r < rows; r++) { /* one column: the rows themselves are the vector */
        const REAL *y = j->y + from * n + r * n, *t = j->t + from * n + r * n;
        REAL *l = j->l + from + r;
        FN(sum64) sum;
        FN(sum_clear)(&sum);
        for (rn_int i = 0, left = length; i < length; i += VL, left -= VL) {
            VEC target = FN(take)(t + i, left);
            if (signs)
                target = target * j->grow + j->shift;
            const VEC term = FN(term)(kind, FN(take)(y + i, left), target, j->a);
            if (n == 1)
                FN(put)(l + i, term, left);
            else
                FN(sum_add)(&sum, left >= VL ? term : FN(fill)(term, left, 0));
        }
        if (n != 1)
            *l = (REAL)(FN(sum_total)(&sum) / j->count);
    }
}

RN_FLAT void FN(term_slope_rows)(const int kind, const FN(term_job) *j, rn_int from, rn_int to)
{
    const int signs = kind == RN_HINGE || kind == RN_SQUARED_HINGE;
    const rn_int n = j->n, rows = n == 1 ? 1 : to - from, length = n == 1 ? to - from : n;
    const REAL share = (REAL)1 / (REAL)j->count, a = j->a;
    for (rn_int r = 0; r < rows; r++) {
        const rn_int at = from * n + r * n;
        const REAL *yp = j->y + at, *tp = j->t + at, *dl = j->dl + from + r;
        REAL *dy = j->dy ? j->dy + at : NULL, *dt = j->dt ? j->dt + at : NULL;
        const VEC each = FN(splat)(n == 1 ? 0 : *dl * share);
        for (rn_int i = 0, left = length; i < length; i += VL, left -= VL) {
            const VEC g = n == 1 ? FN(take)(dl + i, left) : each;
            const VEC y = FN(take)(yp + i, left);
            VEC t = FN(take)(tp + i, left);
            if (signs)
                t = t * j->grow + j->shift;
            if (dy)
                FN(put)(dy + i, g * FN(slope_y)(kind, y, t, a), left);
            if (dt)
                FN(put)(dt + i, signs ? g * FN(slope_t)(kind, y, t, a) * j->grow : g * FN(slope_t)(kind, y, t, a), left);
        }
    }
}

static void FN(term_chunk)(void *p, rn_int c)
{
    const FN(term_job) *j = (const FN(term_job) *)p;
    const rn_int from = c * j->step, to = RN_MIN(j->m, from + j->step);
#define CASE(kind) case kind: FN(term_rows)(kind, j, from, to); break;
    switch (j->kind) { RN_EACH_TERM(CASE) }
#undef CASE
}

static void FN(term_slope_chunk)(void *p, rn_int c)
{
    const FN(term_job) *j = (const FN(term_job) *)p;
    const rn_int from = c * j->step, to = RN_MIN(j->m, from + j->step);
#define CASE(kind) case kind: FN(term_slope_rows)(kind, j, from, to); break;
    switch (j->kind) { RN_EACH_TERM(CASE) }
#undef CASE
}

/* y, t (m, n) -> l (m,): the mean of each row, or its sum; `binary`: targets are 0 and 1 and stand for -1 and 1. */
RN_INLINE void FN(terms_forward)(int kind, const REAL *y, const REAL *t, REAL *l, rn_int m, rn_int n, double a, int by_mean,
                                 int binary, int threads)
{
    FN(term_job) j = {.kind = kind, .y = y, .t = t, .l = l, .m = m, .n = n, .step = rn_rows(n), .a = (REAL)a,
                      .grow = (REAL)(binary ? 2 : 1), .shift = (REAL)(binary ? -1 : 0), .count = by_mean ? (double)n : 1};
    rn_run(FN(term_chunk), &j, (m + j.step - 1) / j.step, threads);
}

/* dl (m,) -> dy and dt (m, n), either of which may be NULL */
RN_INLINE void FN(terms_backward)(int kind, const REAL *dl, const REAL *y, const REAL *t, REAL *dy, REAL *dt, rn_int m,
                                  rn_int n, double a, int by_mean, int binary, int threads)
{
    FN(term_job) j = {.kind = kind, .y = y, .t = t, .dl = dl, .dy = dy, .dt = dt, .m = m, .n = n, .step = rn_rows(n),
                      .a = (REAL)a, .grow = (REAL)(binary ? 2 : 1), .shift = (REAL)(binary ? -1 : 0),
                      .count = by_mean ? (double)n : 1};
    rn_run(FN(term_slope_chunk), &j, (m + j.step - 1) / j.step, threads);
}

/* Whether each of n targets is 0 or 1. Others are found in the first few, nearly always. */
RN_INLINE int FN(all_binary)(const REAL *t, rn_int n)
{
    for (rn_int i = 0; i < n; i++)
        if (t[i] != 0 && t[i] != 1)
            return 0;
    return 1;
}

/* ---- categorical hinge: the true class against the best of the others ------------------------------------------ */

/* p, the true class's score, and q, the best of the others, of one row. A NaN may be lost in q: p has it too. */
RN_FLAT void FN(hinge_scores)(const REAL *y, const REAL *t, rn_int n, REAL *p, REAL *q)
{
    const VEC lowest = FN(splat)((REAL)-INFINITY);
    VEC top = lowest;
    FN(sum64) sum;
    FN(sum_clear)(&sum);
    for (rn_int i = 0, left = n; i < n; i += VL, left -= VL) {
        const VEC yv = FN(take)(y + i, left), tv = FN(take)(t + i, left);
        const VEC other = (1 - tv) * yv, v = left >= VL ? other : FN(fill)(other, left, (REAL)-INFINITY);
        FN(sum_add)(&sum, tv * yv); /* beyond the row both are 0 */
        top = FN(select)(GREATER(v, top), v, top);
    }
    *p = (REAL)FN(sum_total)(&sum);
    *q = FN(largest)(top);
}

static void FN(categorical_hinge_chunk)(void *ptr, rn_int c)
{
    const FN(term_job) *j = (const FN(term_job) *)ptr;
    const rn_int end = RN_MIN(j->m, (c + 1) * j->step);
    for (rn_int r = c * j->step; r < end; r++) {
        REAL p, q;
        FN(hinge_scores)(j->y + r * j->n, j->t + r * j->n, j->n, &p, &q);
        const REAL missing = (q - p) + 1;
        j->l[r] = missing <= 0 ? 0 : missing; /* NaN stays */
    }
}

static void FN(categorical_hinge_slope_chunk)(void *ptr, rn_int c)
{
    const FN(term_job) *j = (const FN(term_job) *)ptr;
    const rn_int n = j->n, end = RN_MIN(j->m, (c + 1) * j->step);
    for (rn_int r = c * j->step; r < end; r++) {
        const REAL *y = j->y + r * n, *t = j->t + r * n;
        REAL *dy = j->dy ? j->dy + r * n : NULL, *dt = j->dt ? j->dt + r * n : NULL;
        REAL p, q;
        FN(hinge_scores)(y, t, n, &p, &q);
        const REAL missing = (q - p) + 1, each = j->dl[r] * (REAL)(missing > 0 ? 1 : missing == 0 ? 0.5 : 0);
        rn_int winners = 0;
        for (rn_int i = 0; i < n; i++)
            winners += (1 - t[i]) * y[i] == q;
        const REAL share = (REAL)1 / (REAL)winners;
        for (rn_int i = 0, left = n; i < n; i += VL, left -= VL) {
            const VEC yv = FN(take)(y + i, left), tv = FN(take)(t + i, left);
            const VEC won = FN(select)(EQUAL((1 - tv) * yv, FN(splat)(q)), FN(splat)(1), FN(splat)(0)) * share;
            if (dy)
                FN(put)(dy + i, each * ((1 - tv) * won - tv), left);
            if (dt)
                FN(put)(dt + i, -each * yv * (1 + won), left);
        }
    }
}

RN_INLINE void FN(categorical_hinge_forward)(const REAL *y, const REAL *t, REAL *l, rn_int m, rn_int n, int threads)
{
    FN(term_job) j = {.y = y, .t = t, .l = l, .m = m, .n = n, .step = rn_rows(n)};
    rn_run(FN(categorical_hinge_chunk), &j, (m + j.step - 1) / j.step, threads);
}

RN_INLINE void FN(categorical_hinge_backward)(const REAL *dl, const REAL *y, const REAL *t, REAL *dy, REAL *dt, rn_int m,
                                              rn_int n, int threads)
{
    FN(term_job) j = {.y = y, .t = t, .dl = dl, .dy = dy, .dt = dt, .m = m, .n = n, .step = rn_rows(n)};
    rn_run(FN(categorical_hinge_slope_chunk), &j, (m + j.step - 1) / j.step, threads);
}

#endif
