/* Row by row: what softmax and the losses share, and softmax itself.
 *
 * Fast because: a row stays in L1 (in a register, up to 16 classes) between its passes; rows are chunks for threads;
 * the sums over columns run in float64 lanes. Why the formulas are right: refnet/kernels/softmax.py.
 */
#ifndef RN_ROWS_H
#define RN_ROWS_H
#include "vecmath.h"

#define RN_softmax_forward(dbl, ...) RN_CALL(dbl, softmax_forward, __VA_ARGS__)
#define RN_softmax_backward(dbl, ...) RN_CALL(dbl, softmax_backward, __VA_ARGS__)

/* Body sees `left` columns from `i` on; LOAD and STORE take care of the partial vector at the end of a row. */
#define COLUMNS(n) for (rn_int i = 0, left = (n); i < (n); i += VL, left -= VL)
#define LOAD(p) (left >= VL ? FN(load)((p) + i) : FN(load_part)((p) + i, left))
#define STORE(p, v)                                                                                                   \
    do {                                                                                                              \
        if (left >= VL)                                                                                               \
            FN(store)((p) + i, (v));                                                                                  \
        else                                                                                                          \
            FN(store_part)((p) + i, (v), left);                                                                       \
    } while (0)
/* Lanes beyond the row, where they would count in a sum or a maximum. */
#define FILL(v, other) (left >= VL ? (v) : FN(fill)((v), left, (other)))

#define RN_TEMPLATE "rows.h"
#include "both.h"

#elif defined(REAL)

RN_FLAT VEC FN(fill)(VEC v, rn_int n, REAL other)
{
    return FN(select)(FN(first_lanes)(n), v, FN(splat)(other));
}

RN_FLAT REAL FN(row_max)(const REAL *x, rn_int n)
{
    VEC top = FN(splat)((REAL)-INFINITY);
    COLUMNS(n)
    {
        const VEC v = FILL(LOAD(x), (REAL)-INFINITY);
        top = FN(select)(GREATER(v, top), v, top);
    }
    return FN(largest)(top);
}

/* e_c = exp(x_c - top) into e (unless NULL); the sum in float64. */
RN_FLAT double FN(row_exp)(const REAL *x, REAL top, REAL *e, rn_int n)
{
    FN(sum64) sum;
    FN(sum_clear)(&sum);
    COLUMNS(n)
    {
        const VEC v = FN(vexp)(LOAD(x) - top);
        if (e)
            STORE(e, v);
        FN(sum_add)(&sum, FILL(v, 0));
    }
    return FN(sum_total)(&sum);
}

RN_FLAT void FN(row_divide)(const REAL *x, REAL s, REAL *y, rn_int n)
{
    COLUMNS(n) STORE(y, LOAD(x) / s);
}

RN_FLAT double FN(row_sum)(const REAL *x, rn_int n)
{
    FN(sum64) sum;
    FN(sum_clear)(&sum);
    COLUMNS(n) FN(sum_add)(&sum, LOAD(x));
    return FN(sum_total)(&sum);
}

RN_FLAT double FN(row_dot)(const REAL *x, const REAL *y, rn_int n)
{
    FN(sum64) sum;
    FN(sum_clear)(&sum);
    COLUMNS(n) FN(sum_add)(&sum, LOAD(x) * LOAD(y));
    return FN(sum_total)(&sum);
}

typedef struct {
    int kind, logits;
    const REAL *a, *b, *s; /* inputs */
    const int64_t *labels;
    REAL *out, *out2, *out3;
    rn_int m, n, step; /* rows, columns, rows per chunk */
} FN(row_job);

/* ---- softmax ------------------------------------------------------------------------------------------------- */

static void FN(softmax_chunk)(void *p, rn_int c)
{
    const FN(row_job) *j = (const FN(row_job) *)p;
    const rn_int n = j->n, end = RN_MIN(j->m, (c + 1) * j->step);
    for (rn_int r = c * j->step; r < end; r++) {
        const REAL *x = j->a + r * n;
        REAL *y = j->out + r * n;
        const REAL top = FN(row_max)(x, n);
        if (!j->logits) {
            const double s = FN(row_exp)(x, top, y, n);
            FN(row_divide)(y, (REAL)s, y, n);
        } else { /* log-softmax */
            const REAL logs = (REAL)log(FN(row_exp)(x, top, NULL, n));
            COLUMNS(n) STORE(y, (LOAD(x) - top) - logs);
        }
    }
}

RN_INLINE void FN(softmax_forward)(int is_log, const REAL *x, REAL *y, rn_int m, rn_int n, int threads)
{
    FN(row_job) j = {.logits = is_log, .a = x, .out = y, .m = m, .n = n, .step = rn_rows(n)};
    rn_run(FN(softmax_chunk), &j, (m + j.step - 1) / j.step, threads);
}

static void FN(softmax_backward_chunk)(void *p, rn_int c)
{
    const FN(row_job) *j = (const FN(row_job) *)p;
    const rn_int n = j->n, end = RN_MIN(j->m, (c + 1) * j->step);
    for (rn_int r = c * j->step; r < end; r++) {
        const REAL *dy = j->a + r * n, *y = j->b + r * n;
        REAL *dx = j->out + r * n;
        if (!j->logits) {
            const REAL inner = (REAL)FN(row_dot)(dy, y, n);
            COLUMNS(n) STORE(dx, LOAD(y) * (LOAD(dy) - inner));
        } else {
            const REAL total = (REAL)FN(row_sum)(dy, n);
            COLUMNS(n) STORE(dx, LOAD(dy) - FN(vexp)(LOAD(y)) * total);
        }
    }
}

RN_INLINE void FN(softmax_backward)(int is_log, const REAL *dy, const REAL *y, REAL *dx, rn_int m, rn_int n,
                                    int threads)
{
    FN(row_job) j = {.logits = is_log, .a = dy, .b = y, .out = dx, .m = m, .n = n, .step = rn_rows(n)};
    rn_run(FN(softmax_backward_chunk), &j, (m + j.step - 1) / j.step, threads);
}

#endif
