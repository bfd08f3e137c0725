/* Activations beside the usual ones, with up to two parameters, and their derivatives: one loop for all of bends.py.
 *
 * Fast because: one pass over memory, no branches, chunks of 16,384 elements over threads; the kind is a constant in every copy
 * of the loops. Why the formulas are right: refnet/kernels/bends.py.
 *
 * A new one is a name in RN_EACH_BEND, its value and its slope.
 */
#ifndef RN_BENDS_H
#define RN_BENDS_H
#include "vecmath.h"

#define RN_EACH_BEND(X)                                                                                               \
    X(RN_LEAKY_RELU) X(RN_RELU6) X(RN_ELU) X(RN_CELU) X(RN_SOFTPLUS) X(RN_LOG_SIGMOID) X(RN_SOFTSIGN)                 \
    X(RN_SQUAREPLUS) X(RN_MISH) X(RN_SPARSE_PLUS) X(RN_SPARSE_SIGMOID) X(RN_HARD_SIGMOID) X(RN_HARD_SILU)             \
    X(RN_HARD_TANH) X(RN_TANH_SHRINK) X(RN_HARD_SHRINK) X(RN_SOFT_SHRINK) X(RN_THRESHOLD)
#define RN_NAME(kind) kind,
enum { RN_EACH_BEND(RN_NAME) };
#undef RN_NAME

#define RN_bend_forward(dbl, ...) RN_CALL(dbl, bend_forward, __VA_ARGS__)
#define RN_bend_backward(dbl, ...) RN_CALL(dbl, bend_backward, __VA_ARGS__)

#define RN_TEMPLATE "bends.h"
#include "both.h"

#elif defined(REAL)

RN_FLAT VEC FN(limited)(VEC x, REAL low, REAL high)
{
    return FN(vmin)(FN(vmax)(x, FN(splat)(low)), FN(splat)(high));
}

RN_FLAT VEC FN(one_if)(IVEC m) { return FN(select)(m, FN(splat)(1), FN(splat)(0)); }
RN_FLAT IVEC FN(within)(VEC x, REAL limit) { return LESS(FN(vabs)(x), FN(splat)(limit)); } /* false for NaN */
RN_FLAT VEC FN(vsoftplus)(VEC x) { return FN(vrelu)(x) + FN(vlog1p)(FN(vexp)(-FN(vabs)(x))); }

RN_FLAT VEC FN(vsqrt)(VEC x)
{
#if defined(RN_SCALAR)
    return (REAL)sqrt((double)x);
#elif RN_VB == 64 && IS_FLOAT
    return (VEC)_mm512_sqrt_ps((__m512)x);
#elif RN_VB == 64
    return (VEC)_mm512_sqrt_pd((__m512d)x);
#else
    VEC y;
    for (int i = 0; i < VL; i++)
        y[i] = (REAL)(IS_FLOAT ? sqrtf((float)x[i]) : sqrt((double)x[i]));
    return y;
#endif
}

/* (x + root) / 2 with root = sqrt(x^2 + a), without cancellation */
RN_FLAT VEC FN(squareplus)(VEC x, VEC root, REAL a)
{
    const VEC zero = FN(splat)(0);
    return FN(select)(LESS(x, zero), a / (2 * (root - x)), (REAL)0.5 * (x + root));
}

RN_FLAT VEC FN(bend)(const int kind, VEC x, REAL a, REAL b)
{
    const VEC zero = FN(splat)(0);
    switch (kind) {
    case RN_LEAKY_RELU: return FN(select)(LESS(x, zero), a * x, x);
    case RN_RELU6: return FN(limited)(x, 0, 6);
    case RN_ELU: return b * FN(select)(GREATER(x, zero), x, a * FN(vexpm1_below)(x));
    case RN_CELU: return FN(select)(GREATER(x, zero), x, a * FN(vexpm1_below)(x / a));
    case RN_SOFTPLUS: return FN(vsoftplus)(x);
    case RN_LOG_SIGMOID: return -FN(vsoftplus)(-x);
    case RN_SOFTSIGN: return x / (1 + FN(vabs)(x));
    case RN_SQUAREPLUS: return FN(squareplus)(x, FN(vsqrt)(x * x + a), a);
    case RN_MISH: return x * FN(vtanh)(FN(vsoftplus)(x));
    case RN_SPARSE_PLUS: {
        const VEC between = (REAL)0.25 * (x + 1) * (x + 1), above = FN(select)(LESS(x, FN(splat)(1)), between, x);
        return FN(select)(GREATER(x, FN(splat)(-1)) | ~EQUAL(x, x), above, zero);
    }
    case RN_SPARSE_SIGMOID: return FN(limited)((REAL)0.5 * (x + 1), 0, 1);
    case RN_HARD_SIGMOID: return FN(limited)(x / 6 + (REAL)0.5, 0, 1);
    case RN_HARD_SILU: return x * FN(limited)(x / 6 + (REAL)0.5, 0, 1);
    case RN_HARD_TANH: return FN(limited)(x, -1, 1);
    case RN_TANH_SHRINK: return x - FN(vtanh)(x);
    case RN_HARD_SHRINK: return FN(select)(GREATER(FN(vabs)(x), FN(splat)(a)), x, zero);
    case RN_SOFT_SHRINK:
        return FN(select)(GREATER(x, FN(splat)(a)), x - a, FN(select)(LESS(x, FN(splat)(-a)), x + a, zero));
    default: return FN(select)(GREATER(x, FN(splat)(a)), x, FN(splat)(b)); /* threshold */
    }
}

RN_FLAT VEC FN(bend_slope)(const int kind, VEC x, REAL a, REAL b)
{
    const VEC zero = FN(splat)(0), one = FN(splat)(1);
    switch (kind) {
    case RN_LEAKY_RELU: return FN(select)(GREATER(x, zero) | EQUAL(x, zero), one, FN(splat)(a));
    case RN_RELU6: return FN(one_if)(GREATER(x, zero) & LESS(x, FN(splat)(6)));
    case RN_ELU: return b * FN(select)(GREATER(x, zero), one, a * FN(vexp)(x));
    case RN_CELU: return FN(select)(GREATER(x, zero), one, FN(vexp)(x / a));
    case RN_SOFTPLUS: return FN(vsigmoid)(x);
    case RN_LOG_SIGMOID: return FN(vsigmoid)(-x);
    case RN_SOFTSIGN: {
        const VEC d = 1 + FN(vabs)(x);
        return 1 / (d * d);
    }
    case RN_SQUAREPLUS: {
        const VEC root = FN(vsqrt)(x * x + a);
        return FN(squareplus)(x, root, a) / root;
    }
    case RN_MISH: {
        const VEC h = FN(vtanh)(FN(vsoftplus)(x));
        return h + x * (1 - h * h) * FN(vsigmoid)(x);
    }
    case RN_SPARSE_PLUS: return FN(limited)((REAL)0.5 * (x + 1), 0, 1);
    case RN_SPARSE_SIGMOID: {
        const VEC size = FN(vabs)(x);
        return (REAL)0.25 * (FN(one_if)(LESS(size, one)) + FN(one_if)(LESS(size, one) | EQUAL(size, one)));
    }
    case RN_HARD_SIGMOID: return FN(one_if)(FN(within)(x, 3)) / 6;
    case RN_HARD_SILU:
        return FN(limited)(x / 6 + (REAL)0.5, 0, 1) + FN(one_if)(FN(within)(x, 3)) * x / 6;
    case RN_HARD_TANH: return FN(one_if)(LESS(FN(vabs)(x), one) | EQUAL(FN(vabs)(x), one));
    case RN_TANH_SHRINK: {
        const VEC h = FN(vtanh)(x);
        return h * h;
    }
    case RN_HARD_SHRINK:
    case RN_SOFT_SHRINK: return FN(one_if)(GREATER(FN(vabs)(x), FN(splat)(a)));
    default: return FN(one_if)(GREATER(x, FN(splat)(a))); /* threshold */
    }
}

typedef struct {
    int kind;
    const REAL *x, *dy;
    REAL *out;
    rn_int n;
    REAL a, b;
} FN(bend_job);

RN_FLAT void FN(bend_span)(const int kind, const FN(bend_job) *j, rn_int from, rn_int to)
{
    const REAL a = j->a, b = j->b;
    for (rn_int i = from, left = to - from; i < to; i += VL, left -= VL)
        FN(put)(j->out + i, FN(bend)(kind, FN(take)(j->x + i, left), a, b), left);
}

RN_FLAT void FN(bend_slope_span)(const int kind, const FN(bend_job) *j, rn_int from, rn_int to)
{
    const REAL a = j->a, b = j->b;
    for (rn_int i = from, left = to - from; i < to; i += VL, left -= VL)
        FN(put)(j->out + i, FN(take)(j->dy + i, left) * FN(bend_slope)(kind, FN(take)(j->x + i, left), a, b), left);
}

static void FN(bend_chunk)(void *p, rn_int c)
{
    const FN(bend_job) *j = (const FN(bend_job) *)p;
#define CASE(kind) case kind: FN(bend_span)(kind, j, c * RN_SPAN, rn_span_end(j->n, c)); break;
    switch (j->kind) { RN_EACH_BEND(CASE) }
#undef CASE
}

static void FN(bend_slope_chunk)(void *p, rn_int c)
{
    const FN(bend_job) *j = (const FN(bend_job) *)p;
#define CASE(kind) case kind: FN(bend_slope_span)(kind, j, c * RN_SPAN, rn_span_end(j->n, c)); break;
    switch (j->kind) { RN_EACH_BEND(CASE) }
#undef CASE
}

RN_INLINE void FN(bend_forward)(int kind, const REAL *x, REAL *y, rn_int n, double a, double b, int threads)
{
    FN(bend_job) j = {.kind = kind, .x = x, .out = y, .n = n, .a = (REAL)a, .b = (REAL)b};
    rn_run(FN(bend_chunk), &j, rn_spans(n), threads);
}

RN_INLINE void FN(bend_backward)(int kind, const REAL *dy, const REAL *x, REAL *dx, rn_int n, double a, double b,
                                 int threads)
{
    FN(bend_job) j = {.kind = kind, .x = x, .dy = dy, .out = dx, .n = n, .a = (REAL)a, .b = (REAL)b};
    rn_run(FN(bend_slope_chunk), &j, rn_spans(n), threads);
}

#endif
