/* exp, log, tanh, erf and what is made of them, on vectors: polynomials, no tables, no branches.
 *
 * Method
 *     exp    x = n ln 2 + r, |r| <= ln 2 / 2;  e^x = 2^n (1 + r + r^2 P(r)); 2^n in two factors, for denormal results.
 *     expm1  2^n (r + r^2 P(r)) + (2^n - 1), for x >= 0 (no cancellation there).
 *     log    x = 2^e m, sqrt(1/2) <= m < sqrt(2);  s = (m-1)/(m+1);  log m = 2s + s^3 R(s^2)  (arranged as in fdlibm).
 *     tanh   E/(E + 2) with E = expm1(2|x|), the sign put back.
 *     erf    |x| < 1: x + x (2/sqrt(pi) - 1 + x^2 E(x^2));  else 1 - exp(-x^2) W(t), t = (|x| - 3)/(|x| + 3).
 *     P, R, E, W are Chebyshev fits made in 60 digits. exp(-x^2) splits x so that the square is exact enough.
 * Error bounds in units of the last place, float and double alike, over all exponents (tests/test_engine_vecmath.py):
 *     exp 1.2   log 1.0   erf 1.6   tanh 2.6   sigmoid 2.4.     NaN, infinities, zeros and their signs are exact.
 */
#ifndef RN_VECMATH_H
#define RN_VECMATH_H
#include "vec.h"

#define EXP_F \
    {0.5f, 0.1666657699f, 0.04166655462f, 0.008363179053f, 0.001392618359f}
#define EXP_D \
    {0.5, 0.1666666666666667099, 0.04166666666666666975, 0.008333333333326135126, 0.00138888888888837483, \
    0.0001984126987482062527, 0.00002480158732554774122, 2.755725540020642443e-6, 2.755727364311029533e-7, \
    2.510521700472074516e-8, 2.091468696808687723e-9}
#define LOG_F \
    {0.6666666655f, 0.4000012221f, 0.2855077863f, 0.2333161447f}
#define LOG_D \
    {0.6666666666666666646, 0.4000000000000088324, 0.2857142857079978503, 0.222222223925810451, \
    0.1818179554752113623, 0.1538624473762166661, 0.1326863836926682388, 0.1308803485092755383}
#define ERF_F \
    {-0.3761263838f, 0.1128375366f, -0.02686169995f, 0.005204578779f, -0.000816198654f, 8.379755582e-5f}
#define ERF_D \
    {-0.3761263890318375241, 0.1128379167095511021, -0.02686617064512383949, 0.005223977625303517895, \
    -0.0008548327010033327995, 0.0001205533221471627573, -0.00001492562250448984131, 1.646144665692856114e-6, \
    -1.635511861087770569e-7, 1.469248485913326316e-8, -1.150035715978529482e-9, 6.1740972213052543e-11}
#define ERFC_F \
    {0.1790011516f, -0.3262335709f, 0.2456037304f, -0.1501154633f, 0.07166764622f, -0.02439819986f, \
    0.004253575912f, 0.0007342064505f, -0.0005437501973f}
#define ERFC_D \
    {0.1790011511813899504, -0.3262335600430372635, 0.2456038017123309507, -0.1501159365007714875, \
    0.0716658371979666963, -0.02439249931894163893, 0.004269136333453750824, 0.0007077464444955854128, \
    -0.0005970619635428499737, 0.00004525524122549257926, 0.00006405674905971676916, -0.00001286021985923125771, \
    -7.979527543348909856e-6, 2.119780278082677501e-6, 1.258040418583181657e-6, -2.974587679232625347e-7, \
    -2.453101634770080704e-7, 4.28117753245898519e-8, 5.148305086478837916e-8, -1.663336845670603258e-8}

#define RN_SQRT_HALF 0.70710678118654752440
#define RN_TWO_OVER_SQRT_PI 1.12837916709551257390
#define RN_INV_SQRT_2PI 0.39894228040143267794
#define RN_SQRT_2_OVER_PI 0.79788456080286535588
#define RN_GELU_CUBIC 0.044715

#define RN_TEMPLATE "vecmath.h"
#include "both.h"

#elif defined(REAL)

#if IS_FLOAT
#define EXPONENT_BITS 23
#define BIAS 127
#define MAGIC 12582912.0f /* 1.5 2^23: adding it rounds to an integer, which stands in the low bits */
#define LN2_HI 0.693359375f
#define LN2_LO -2.12194440e-4f
#define EXP_MAX 89.0f    /* beyond: +inf */
#define EXP_MIN -104.0f  /* beyond: 0 */
#define TANH_ONE 10.0f   /* beyond: 1 to the last bit */
#define ERF_ONE 4.5f
#define TINY 1.17549435e-38f
#define TINY_SCALE 33554432.0f /* 2^25 */
#define TINY_SHIFT 25
#define SQRT_HALF_BITS 0x3f3504f3
#define CUT_MASK ((INT)0xfffff000)
#define COEF(name) name##_F
#else
#define EXPONENT_BITS 52
#define BIAS 1023
#define MAGIC 6755399441055744.0
#define LN2_HI 6.93147180369123816490e-01
#define LN2_LO 1.90821492927058770002e-10
#define EXP_MAX 710.0
#define EXP_MIN -746.0
#define TANH_ONE 20.0
#define ERF_ONE 6.5
#define TINY 2.2250738585072014e-308
#define TINY_SCALE 18014398509481984.0 /* 2^54 */
#define TINY_SHIFT 54
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdLL
#define CUT_MASK ((INT)0xfffffffff8000000LL)
#define COEF(name) name##_D
#endif

/* Horner; the loop has constant bounds and is unrolled. */
#define POLY(out, x, table)                                                                                           \
    do {                                                                                                              \
        static const REAL c_[] = table;                                                                               \
        enum { last_ = sizeof(c_) / sizeof(c_[0]) - 1 };                                                              \
        out = FN(splat)(c_[last_]);                                                                                   \
        RN_UNROLL                                                                                                     \
        for (int i_ = last_ - 1; i_ >= 0; i_--)                                                                       \
            out = out * (x) + c_[i_];                                                                                 \
    } while (0)

RN_FLAT VEC FN(vabs)(VEC x)
{
    return UNBITS(BITS(x) & ~BITS(FN(splat)((REAL)-0.0)));
}

RN_FLAT VEC FN(vsign_of)(VEC magnitude, VEC sign) /* magnitude >= 0 */
{
    return UNBITS(BITS(magnitude) | (BITS(sign) & BITS(FN(splat)((REAL)-0.0))));
}

/* r and n of x = n ln 2 + r; P = (e^r - 1)/1 = r + r^2 P(r). x must lie within the limits of exp. */
RN_FLAT VEC FN(exp_reduce)(VEC x, IVEC *n)
{
    const VEC t = x * (REAL)1.44269504088896340736 + MAGIC;
    const VEC k = t - MAGIC;
    *n = BITS(t) - BITS(FN(splat)(MAGIC));
    const VEC r = (x - k * LN2_HI) - k * LN2_LO;
    VEC p;
    POLY(p, r, COEF(EXP));
    return r + (r * r) * p;
}

RN_FLAT VEC FN(power_of_2)(IVEC n) { return UNBITS((n + BIAS) << EXPONENT_BITS); }

RN_FLAT VEC FN(vexp)(VEC x)
{
    IVEC n;
    x = FN(select)(GREATER(x, FN(splat)(EXP_MAX)), FN(splat)(EXP_MAX), x);
    x = FN(select)(LESS(x, FN(splat)(EXP_MIN)), FN(splat)(EXP_MIN), x);
    const VEC e = 1 + FN(exp_reduce)(x, &n);
    const IVEC half = n >> 1;
    return (e * FN(power_of_2)(half)) * FN(power_of_2)(n - half);
}

/* exp(x) - 1 for x <= 0: near 0 the power of 2 is 1 and nothing cancels; below, what is subtracted is at most 1/2. */
RN_FLAT VEC FN(vexpm1_below)(VEC x)
{
    IVEC n;
    const VEC zero = FN(splat)(0), far = FN(splat)(-40); /* there it is -1 to the last bit */
    x = FN(select)(LESS(x, far), far, FN(select)(GREATER(x, zero), zero, x));
    const VEC q = FN(exp_reduce)(x, &n), p2 = FN(power_of_2)(n);
    return p2 * q + (p2 - 1);
}

RN_FLAT VEC FN(vlog)(VEC x)
{
    const IVEC small = LESS(x, FN(splat)(TINY));
    const VEC scaled = FN(select)(small, x * TINY_SCALE, x);
    const IVEC bits = BITS(scaled) - SQRT_HALF_BITS;
    const IVEC e = bits >> EXPONENT_BITS;
    const VEC m = UNBITS(BITS(scaled) - (e << EXPONENT_BITS));
    const IVEC exponent = e - (small & TINY_SHIFT);
#ifdef RN_SCALAR
    const VEC k = (VEC)exponent;
#else
    const VEC k = __builtin_convertvector(exponent, VEC);
#endif
    const VEC f = m - 1, s = f / (2 + f), z = s * s, h = (REAL)0.5 * f * f;
    VEC p;
    POLY(p, z, COEF(LOG));
    VEC y = k * LN2_HI - ((h - (s * (h + z * p) + k * LN2_LO)) - f);
    const VEC zero = FN(splat)(0), inf = FN(splat)((REAL)INFINITY);
    y = FN(select)(EQUAL(x, inf) | ~EQUAL(x, x), x, y);
    y = FN(select)(LESS(x, zero), FN(splat)((REAL)NAN), y);
    return FN(select)(EQUAL(x, zero), -inf, y);
}

/* log(1 + u) for 0 <= u <= 1: the rounding error of 1 + u is put back to first order. */
RN_FLAT VEC FN(vlog1p)(VEC u)
{
    const VEC w = 1 + u;
    return FN(vlog)(w) - ((w - 1) - u) / w;
}

RN_FLAT VEC FN(vtanh)(VEC x)
{
    IVEC n;
    VEC a = FN(vabs)(x);
    a = FN(select)(GREATER(a, FN(splat)(TANH_ONE)), FN(splat)(TANH_ONE), a);
    const VEC q = FN(exp_reduce)(a + a, &n);
    const VEC p2 = FN(power_of_2)(n);
    const VEC e = p2 * q + (p2 - 1); /* expm1(2a) */
    return FN(vsign_of)(e / (e + 2), x);
}

RN_FLAT VEC FN(vsigmoid)(VEC x)
{
    const VEC e = FN(vexp)(-FN(vabs)(x));
    return FN(select)(LESS(x, FN(splat)(0)), e, FN(splat)(1)) / (1 + e);
}

/* exp(-x^2) without the error that rounding x^2 would bring: x^2 = z + low exactly (Dekker: x = cut + rest, whose
 * products are exact), and exp(-z - low) = exp(-z) (1 - low), low being tiny. */
RN_FLAT VEC FN(vexp_minus_square)(VEC x)
{
    const VEC cut = UNBITS(BITS(x) & CUT_MASK), rest = x - cut, z = x * x;
    const VEC low = ((cut * cut - z) + 2 * cut * rest) + rest * rest;
    const VEC e = FN(vexp)(-z);
    return e - e * low;
}

RN_FLAT VEC FN(verf)(VEC x)
{
    VEC a = FN(vabs)(x), p, w;
    const VEC z = x * x;
    POLY(p, z, COEF(ERF));
    const VEC inner = x + x * ((REAL)(RN_TWO_OVER_SQRT_PI - 1) + z * p); /* the correction is small: so is its error */
    a = FN(select)(GREATER(a, FN(splat)(ERF_ONE)), FN(splat)(ERF_ONE), a);
    const VEC t = (a - 3) / (a + 3);
    POLY(w, t, COEF(ERFC));
    const VEC outer = FN(vsign_of)(1 - FN(vexp)(-(a * a)) * w, x); /* erfc < 0.16 here: errors of exp shrink with it */
    return FN(select)(LESS(a, FN(splat)(1)), inner, outer);
}

/* Phi(x), the normal distribution function; its lower tail keeps its relative precision. */
RN_FLAT VEC FN(vnormal_cdf)(VEC x)
{
    VEC p, w;
    const VEC u = x * (REAL)RN_SQRT_HALF, z = u * u, far = FN(splat)(IS_FLOAT ? (REAL)11 : (REAL)28);
    VEC a = FN(vabs)(u);
    POLY(p, z, COEF(ERF));
    const VEC inner = (REAL)0.5 + (REAL)0.5 * (u + u * ((REAL)(RN_TWO_OVER_SQRT_PI - 1) + z * p));
    a = FN(select)(GREATER(a, far), far, a);
    const VEC t = (a - 3) / (a + 3);
    POLY(w, t, COEF(ERFC));
    const VEC tail = (REAL)0.5 * FN(vexp_minus_square)(a) * w;
    const VEC outer = FN(select)(LESS(u, FN(splat)(0)), tail, 1 - tail);
    return FN(select)(LESS(a, FN(splat)(1)), inner, outer);
}

#undef EXPONENT_BITS
#undef BIAS
#undef MAGIC
#undef LN2_HI
#undef LN2_LO
#undef EXP_MAX
#undef EXP_MIN
#undef TANH_ONE
#undef ERF_ONE
#undef TINY
#undef TINY_SCALE
#undef TINY_SHIFT
#undef SQRT_HALF_BITS
#undef CUT_MASK
#undef COEF
#undef POLY
#endif
