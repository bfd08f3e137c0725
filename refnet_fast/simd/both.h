/* Includes RN_TEMPLATE twice: with REAL float and names ending in _f, with REAL double and names ending in _d.
 *
 * VL is the number of elements of a vector, FN(x) the name of x in this type. C11 has no templates; this is the one
 * trick that lets a header be read as if it were about one type.
 */
#define REAL float
#define INT int32_t
#define FN(name) name##_f
#define IS_FLOAT 1
#ifdef RN_SCALAR
#define VL 1
#else
#define VL (RN_VB / 4)
#endif
#define VEC FN(vec)
#define IVEC FN(ivec)
#include RN_TEMPLATE
#undef REAL
#undef INT
#undef FN
#undef IS_FLOAT
#undef VL

#define REAL double
#define INT int64_t
#define FN(name) name##_d
#define IS_FLOAT 0
#ifdef RN_SCALAR
#define VL 1
#else
#define VL (RN_VB / 8)
#endif
#include RN_TEMPLATE
#undef REAL
#undef INT
#undef FN
#undef IS_FLOAT
#undef VL
#undef VEC
#undef IVEC
#undef RN_TEMPLATE
