/* Vectors of float and of double: the few operations that C's + - * / do not give.
 *
 * GCC's vector extensions make a vector an arithmetic type, so that one source serves 128, 256 and 512 bits. Under a
 * compiler without them a vector is one number and everything still works.
 */
#ifndef RN_VEC_H
#define RN_VEC_H
#include "base.h"
#ifndef RN_SCALAR
#define RN_VECTOR __attribute__((vector_size(RN_VB)))
#define RN_LOOSE __attribute__((vector_size(RN_VB), aligned(1), may_alias)) /* for loads and stores at any address */
typedef float vec_f RN_VECTOR;
typedef double vec_d RN_VECTOR;
typedef int32_t ivec_f RN_VECTOR;
typedef int64_t ivec_d RN_VECTOR;
typedef float loose_f RN_LOOSE;
typedef double loose_d RN_LOOSE;
typedef float half_f __attribute__((vector_size(RN_VB / 2)));
#else
typedef float vec_f;
typedef double vec_d;
typedef int32_t ivec_f;
typedef int64_t ivec_d;
typedef float loose_f;
typedef double loose_d;
#endif

/* Bits of a vector as integers and back; a comparison as a mask of all ones or all zeros; m ? a : b lane by lane. */
#ifndef RN_SCALAR
#define BITS(v) ((IVEC)(v))
#define UNBITS(i) ((VEC)(i))
#define LESS(a, b) ((a) < (b))
#define GREATER(a, b) ((a) > (b))
#define EQUAL(a, b) ((a) == (b))
#else
RN_INLINE int32_t rn_bits_f(float v) { int32_t i; memcpy(&i, &v, 4); return i; }
RN_INLINE int64_t rn_bits_d(double v) { int64_t i; memcpy(&i, &v, 8); return i; }
RN_INLINE float rn_unbits_f(int32_t i) { float v; memcpy(&v, &i, 4); return v; }
RN_INLINE double rn_unbits_d(int64_t i) { double v; memcpy(&v, &i, 8); return v; }
#define BITS(v) FN(rn_bits)(v)
#define UNBITS(i) FN(rn_unbits)(i)
#define LESS(a, b) ((INT) - ((a) < (b)))
#define GREATER(a, b) ((INT) - ((a) > (b)))
#define EQUAL(a, b) ((INT) - ((a) == (b)))
#endif

#define RN_TEMPLATE "vec.h"
#include "both.h"

#elif defined(REAL)

RN_FLAT VEC FN(load)(const REAL *p) { return *(const FN(loose) *)p; }
RN_FLAT void FN(store)(REAL *p, VEC v) { *(FN(loose) *)p = v; }

#ifdef RN_SCALAR
RN_FLAT VEC FN(splat)(REAL x) { return x; }
RN_FLAT REAL FN(lane)(VEC v, int i) { (void)i; return v; }
#else
RN_FLAT VEC FN(splat)(REAL x) { return x - (VEC){0}; } /* a scalar operand is broadcast; x - 0 keeps -0 and NaN */
RN_FLAT REAL FN(lane)(VEC v, int i) { return v[i]; }
#endif

RN_FLAT VEC FN(select)(IVEC m, VEC a, VEC b) { return UNBITS((BITS(a) & m) | (BITS(b) & ~m)); }

/* A mask of the first n lanes, n <= VL, read from a table: a comparison would do, but gcc 12 cannot compile it for
 * SSE2. */
RN_FLAT IVEC FN(first_lanes)(rn_int n)
{
    static const INT table[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    return BITS(FN(load)((const REAL *)(table + 16 - n)));
}

/* The first n < VL elements; the others read as zero and are never written. */
RN_FLAT VEC FN(load_part)(const REAL *p, rn_int n)
{
#if RN_VB == 64 && IS_FLOAT
    return (VEC)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif RN_VB == 64
    return (VEC)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#else
    RN_ALIGNED REAL part[VL] = {0};
    for (rn_int i = 0; i < n; i++)
        part[i] = p[i];
    return FN(load)(part);
#endif
}

RN_FLAT void FN(store_part)(REAL *p, VEC v, rn_int n)
{
#if RN_VB == 64 && IS_FLOAT
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif RN_VB == 64
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#else
    RN_ALIGNED REAL part[VL];
    FN(store)(part, v);
    for (rn_int i = 0; i < n; i++)
        p[i] = part[i];
#endif
}

/* `left` elements from p on, at most a vector. */
RN_FLAT VEC FN(take)(const REAL *p, rn_int left) { return left >= VL ? FN(load)(p) : FN(load_part)(p, left); }

RN_FLAT void FN(put)(REAL *p, VEC v, rn_int left)
{
    if (left >= VL)
        FN(store)(p, v);
    else
        FN(store_part)(p, v, left);
}

/* NaN wins, as in numpy.maximum: a NaN in a stays because both comparisons with it are false. */
RN_FLAT VEC FN(vmax)(VEC a, VEC b) { return FN(select)(LESS(a, b) | ~EQUAL(b, b), b, a); }
RN_FLAT VEC FN(vmin)(VEC a, VEC b) { return FN(select)(GREATER(a, b) | ~EQUAL(b, b), b, a); }

/* Largest lane. A NaN may be lost: softmax, its only user, meets that NaN again in the sum of exponentials. */
RN_FLAT REAL FN(largest)(VEC v)
{
#if RN_VB == 64 && IS_FLOAT
    return _mm512_reduce_max_ps((__m512)v);
#elif RN_VB == 64
    return _mm512_reduce_max_pd((__m512d)v);
#else
    REAL top = FN(lane)(v, 0);
    for (int i = 1; i < VL; i++)
        top = FN(lane)(v, i) > top ? FN(lane)(v, i) : top;
    return top;
#endif
}

/* Sum of the lanes. */
RN_FLAT REAL FN(total)(VEC v)
{
#if RN_VB == 64 && IS_FLOAT
    return _mm512_reduce_add_ps((__m512)v);
#elif RN_VB == 64
    return _mm512_reduce_add_pd((__m512d)v);
#else
    REAL sum = FN(lane)(v, 0);
    for (int i = 1; i < VL; i++)
        sum += FN(lane)(v, i);
    return sum;
#endif
}

/* relu: 0 where z <= 0, else z; a NaN is not <= 0, so it stays. */
RN_FLAT VEC FN(vrelu)(VEC z)
{
    const VEC zero = FN(splat)(0);
    return UNBITS(BITS(z) & ~(LESS(z, zero) | EQUAL(z, zero)));
}

/* A sum in float64, whatever the type: lanes first, then lanes in order. */
typedef struct {
    vec_d lo, hi;
} FN(sum64);

RN_FLAT void FN(sum_clear)(FN(sum64) *s)
{
    memset(s, 0, sizeof *s);
}

RN_FLAT void FN(sum_add)(FN(sum64) *s, VEC v)
{
#if defined(RN_SCALAR) || !IS_FLOAT
    s->lo += v;
#else
    half_f lo, hi;
#if defined(__clang__) || __GNUC__ >= 12
#if RN_VB == 64
    lo = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
    hi = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#elif RN_VB == 32
    lo = __builtin_shufflevector(v, v, 0, 1, 2, 3);
    hi = __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
    lo = __builtin_shufflevector(v, v, 0, 1);
    hi = __builtin_shufflevector(v, v, 2, 3);
#endif
#else
    memcpy(&lo, &v, sizeof lo);
    memcpy(&hi, (const char *)&v + sizeof lo, sizeof hi);
#endif
    s->lo += __builtin_convertvector(lo, vec_d);
    s->hi += __builtin_convertvector(hi, vec_d);
#endif
}

RN_INLINE double FN(sum_total)(const FN(sum64) *s)
{
    const vec_d v = s->lo + s->hi;
    double total = 0;
#if defined(RN_SCALAR)
    total = v;
#elif RN_VB == 64
    total = _mm512_reduce_add_pd((__m512d)v);
#else
    for (int i = 0; i < RN_VB / 8; i++)
        total += v[i];
#endif
    return total;
}

#endif
