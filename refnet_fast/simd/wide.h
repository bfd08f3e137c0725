/* float64 in the middle of a loop over vectors: a vector of numbers as one or two vectors of float64. */
#ifndef RN_WIDE_H
#define RN_WIDE_H
#include "vec.h"

#define RN_TEMPLATE "wide.h"
#include "both.h"

#elif defined(REAL)

#if defined(RN_SCALAR) || !IS_FLOAT
#define HALVES 1
#else
#define HALVES 2
#endif

/* A vector as one or two vectors of float64. */
RN_FLAT void FN(widen)(VEC v, vec_d *out)
{
    FN(sum64) s;
    FN(sum_clear)(&s);
    FN(sum_add)(&s, v);
    out[0] = s.lo;
    if (HALVES == 2)
        out[1] = s.hi;
}

RN_FLAT void FN(read_wide)(const double *p, rn_int left, vec_d *out)
{
    RN_ALIGNED double lanes[2 * (RN_VB >= 16 ? RN_VB / 8 : 1)] = {0};
    memcpy(lanes, p, (size_t)RN_MIN(left, VL) * sizeof(double));
    memcpy(out, lanes, HALVES * sizeof(vec_d));
}

RN_FLAT void FN(write_wide)(double *p, rn_int left, const vec_d *v)
{
    RN_ALIGNED double lanes[2 * (RN_VB >= 16 ? RN_VB / 8 : 1)];
    memcpy(lanes, v, HALVES * sizeof(vec_d));
    memcpy(p, lanes, (size_t)RN_MIN(left, VL) * sizeof(double));
}

#undef HALVES
#endif
