/* Elementwise functions and their derivatives, by number: one loop for all of activation.py and elementary.py.
 *
 * Fast because: vector polynomials (vecmath.h), one pass over memory, chunks of 16,384 elements over threads. Why the
 * formulas are right: refnet/kernels/activation.py and elementary.py.
 */
#ifndef RN_MAP_H
#define RN_MAP_H
#include "vecmath.h"

enum { RN_LINEAR, RN_RELU, RN_SIGMOID, RN_TANH, RN_GELU, RN_GELU_TANH, RN_SILU, RN_EXP, RN_LOG, RN_ERF };

#define RN_map_forward(dbl, ...) RN_CALL(dbl, map_forward, __VA_ARGS__)
#define RN_map_backward(dbl, ...) RN_CALL(dbl, map_backward, __VA_ARGS__)

#define RN_TEMPLATE "map.h"
#include "both.h"

#elif defined(REAL)

/* OUT[i] = EXPR of x for i in [0, n); the last, partial vector takes the same path through masked loads and stores. */
#define MAP1(OUT, IN, EXPR)                                                                                           \
    for (rn_int i = 0; i < n; i += VL) {                                                                              \
        const rn_int left = n - i;                                                                                    \
        const VEC x = left >= VL ? FN(load)((IN) + i) : FN(load_part)((IN) + i, left);                                \
        const VEC r = (EXPR);                                                                                         \
        if (left >= VL)                                                                                               \
            FN(store)((OUT) + i, r);                                                                                  \
        else                                                                                                          \
            FN(store_part)((OUT) + i, r, left);                                                                       \
    }
#define MAP2(OUT, IN1, IN2, EXPR)                                                                                     \
    for (rn_int i = 0; i < n; i += VL) {                                                                              \
        const rn_int left = n - i;                                                                                    \
        const VEC g = left >= VL ? FN(load)((IN1) + i) : FN(load_part)((IN1) + i, left);                              \
        const VEC x = left >= VL ? FN(load)((IN2) + i) : FN(load_part)((IN2) + i, left);                              \
        const VEC r = (EXPR);                                                                                         \
        if (left >= VL)                                                                                               \
            FN(store)((OUT) + i, r);                                                                                  \
        else                                                                                                          \
            FN(store_part)((OUT) + i, r, left);                                                                       \
    }

RN_FLAT VEC FN(gelu_inner)(VEC x)
{
    return (x + (REAL)RN_GELU_CUBIC * x * x * x) * (REAL)RN_SQRT_2_OVER_PI;
}

RN_FLAT VEC FN(gelu_slope)(VEC x)
{
    return FN(vnormal_cdf)(x) + x * ((REAL)RN_INV_SQRT_2PI * FN(vexp)((REAL)-0.5 * x * x));
}

RN_FLAT VEC FN(gelu_tanh_slope)(VEC x)
{
    const VEC t = FN(vtanh)(FN(gelu_inner)(x));
    const VEC du = ((REAL)(3 * RN_GELU_CUBIC) * x * x + 1) * (REAL)RN_SQRT_2_OVER_PI;
    return (REAL)0.5 * (1 + t) + (REAL)0.5 * x * (1 - t * t) * du;
}

RN_FLAT VEC FN(silu_slope)(VEC x)
{
    const VEC s = FN(vsigmoid)(x);
    return s * (1 + x * (1 - s));
}

/* y = f(x) on n elements; y may be x. */
RN_NOINLINE void FN(map_span)(int kind, const REAL *in, REAL *out, rn_int n)
{
    switch (kind) {
    case RN_RELU: MAP1(out, in, FN(vrelu)(x)) break;
    case RN_SIGMOID: MAP1(out, in, FN(vsigmoid)(x)) break;
    case RN_TANH: MAP1(out, in, FN(vtanh)(x)) break;
    case RN_GELU: MAP1(out, in, x * FN(vnormal_cdf)(x)) break;
    case RN_GELU_TANH: MAP1(out, in, (REAL)0.5 * x * (1 + FN(vtanh)(FN(gelu_inner)(x)))) break;
    case RN_SILU: MAP1(out, in, x * FN(vsigmoid)(x)) break;
    case RN_EXP: MAP1(out, in, FN(vexp)(x)) break;
    case RN_LOG: MAP1(out, in, FN(vlog)(x)) break;
    case RN_ERF: MAP1(out, in, FN(verf)(x)) break;
    default:
        if (out != in)
            memcpy(out, in, (size_t)n * sizeof(REAL));
    }
}

/* dx = dy f'(.): x below is what the chapter saves, y for relu, sigmoid, tanh and exp, the input for the others. */
RN_NOINLINE void FN(map_slope_span)(int kind, const REAL *dy, const REAL *kept, REAL *dx, rn_int n)
{
    const VEC zero = FN(splat)(0);
    switch (kind) {
    case RN_RELU: MAP2(dx, dy, kept, UNBITS(BITS(g) & GREATER(x, zero))) break;
    case RN_SIGMOID: MAP2(dx, dy, kept, g * (x * (1 - x))) break;
    case RN_TANH: MAP2(dx, dy, kept, g * (1 - x * x)) break;
    case RN_GELU: MAP2(dx, dy, kept, g * FN(gelu_slope)(x)) break;
    case RN_GELU_TANH: MAP2(dx, dy, kept, g * FN(gelu_tanh_slope)(x)) break;
    case RN_SILU: MAP2(dx, dy, kept, g * FN(silu_slope)(x)) break;
    case RN_EXP: MAP2(dx, dy, kept, g * x) break;
    case RN_LOG: MAP2(dx, dy, kept, g / x) break;
    case RN_ERF: MAP2(dx, dy, kept, g * ((REAL)RN_TWO_OVER_SQRT_PI * FN(vexp)(-x * x))) break;
    default: memcpy(dx, dy, (size_t)n * sizeof(REAL));
    }
}

typedef struct {
    int kind;
    const REAL *in, *kept;
    REAL *out;
    rn_int n;
} FN(map_job);

static void FN(map_forward_chunk)(void *p, rn_int c)
{
    const FN(map_job) *j = (const FN(map_job) *)p;
    const rn_int at = c * RN_SPAN;
    FN(map_span)(j->kind, j->in + at, j->out + at, rn_span_end(j->n, c) - at);
}

static void FN(map_backward_chunk)(void *p, rn_int c)
{
    const FN(map_job) *j = (const FN(map_job) *)p;
    const rn_int at = c * RN_SPAN;
    FN(map_slope_span)(j->kind, j->in + at, j->kept + at, j->out + at, rn_span_end(j->n, c) - at);
}

RN_INLINE void FN(map_forward)(int kind, const REAL *x, REAL *y, rn_int n, int threads)
{
    FN(map_job) j = {kind, x, NULL, y, n};
    rn_run(FN(map_forward_chunk), &j, rn_spans(n), threads);
}

RN_INLINE void FN(map_backward)(int kind, const REAL *dy, const REAL *kept, REAL *dx, rn_int n, int threads)
{
    FN(map_job) j = {kind, dy, kept, dx, n};
    rn_run(FN(map_backward_chunk), &j, rn_spans(n), threads);
}

#undef MAP1
#undef MAP2
#endif
