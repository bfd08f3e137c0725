/* Packing a transposed panel: VL rows of B become columns, a few steps of k at a time, through registers.
 *
 * A vector is put together from 128-bit pieces of VL / S different rows (S numbers fit a piece), lane q taking row S
 * q + j; an S x S transposition within the lanes then leaves step k of all VL rows in order in one vector. About 0.2
 * cycles a number, where single loads and stores take one.
 */
#ifndef RN_TRANSPOSE_H
#define RN_TRANSPOSE_H
#include "vec.h"

#if RN_VB == 64
RN_FLAT __m512 rn_pieces_f(const float *p, rn_int ld)
{
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 4 * ld), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 8 * ld), 2);
    return _mm512_insertf32x4(v, _mm_loadu_ps(p + 12 * ld), 3);
}
RN_FLAT __m512d rn_pieces_d(const double *p, rn_int ld)
{
    __m512d v = _mm512_castpd128_pd512(_mm_loadu_pd(p));
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p + 2 * ld), 1);
    v = _mm512_insertf64x2(v, _mm_loadu_pd(p + 4 * ld), 2);
    return _mm512_insertf64x2(v, _mm_loadu_pd(p + 6 * ld), 3);
}
#define RN_M(name) _mm512_##name
#define RN_PS __m512
#define RN_PD __m512d
#elif RN_VB == 32
RN_FLAT __m256 rn_pieces_f(const float *p, rn_int ld)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 4 * ld), 1);
}
RN_FLAT __m256d rn_pieces_d(const double *p, rn_int ld)
{
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + 2 * ld), 1);
}
#define RN_M(name) _mm256_##name
#define RN_PS __m256
#define RN_PD __m256d
#elif RN_VB == 16 && defined(__SSE2__)
RN_FLAT __m128 rn_pieces_f(const float *p, rn_int ld) { (void)ld; return _mm_loadu_ps(p); }
RN_FLAT __m128d rn_pieces_d(const double *p, rn_int ld) { (void)ld; return _mm_loadu_pd(p); }
#define RN_M(name) _mm_##name
#define RN_PS __m128
#define RN_PD __m128d
#endif

#ifdef RN_M
/* out[k * wide + i] = b[i * ld + k] for i < VL and 4 (float) or 2 (double) steps k */
RN_FLAT void rn_transpose_f(const float *b, rn_int ld, float *out, rn_int wide)
{
    const RN_PS r0 = rn_pieces_f(b, ld), r1 = rn_pieces_f(b + ld, ld), r2 = rn_pieces_f(b + 2 * ld, ld),
                r3 = rn_pieces_f(b + 3 * ld, ld);
    const RN_PS a = RN_M(unpacklo_ps)(r0, r1), c = RN_M(unpackhi_ps)(r0, r1), d = RN_M(unpacklo_ps)(r2, r3),
                e = RN_M(unpackhi_ps)(r2, r3);
    RN_M(storeu_ps)(out, RN_M(shuffle_ps)(a, d, 0x44));
    RN_M(storeu_ps)(out + wide, RN_M(shuffle_ps)(a, d, 0xEE));
    RN_M(storeu_ps)(out + 2 * wide, RN_M(shuffle_ps)(c, e, 0x44));
    RN_M(storeu_ps)(out + 3 * wide, RN_M(shuffle_ps)(c, e, 0xEE));
}
RN_FLAT void rn_transpose_d(const double *b, rn_int ld, double *out, rn_int wide)
{
    const RN_PD r0 = rn_pieces_d(b, ld), r1 = rn_pieces_d(b + ld, ld);
    RN_M(storeu_pd)(out, RN_M(unpacklo_pd)(r0, r1));
    RN_M(storeu_pd)(out + wide, RN_M(unpackhi_pd)(r0, r1));
}
#endif

#define RN_TEMPLATE "transpose.h"
#include "both.h"

#elif defined(REAL)

/* out[k * wide + i] = b[i * ld + k] for i < rows <= wide and k < run; zero for the other i < wide */
RN_NOINLINE void FN(pack_transposed)(const REAL *b, rn_int ld, rn_int rows, rn_int run, REAL *out, rn_int wide)
{
    rn_int i = 0;
#ifdef RN_M
    const rn_int step = IS_FLOAT ? 4 : 2;
    for (; i + VL <= rows; i += VL) {
        rn_int k = 0;
        for (; k + step <= run; k += step)
            FN(rn_transpose)(b + i * ld + k, ld, out + k * wide + i, wide);
        for (; k < run; k++)
            for (rn_int c = i; c < i + VL; c++)
                out[k * wide + c] = b[c * ld + k];
    }
#endif
    for (; i < wide; i++)
        for (rn_int k = 0; k < run; k++)
            out[k * wide + i] = i < rows ? b[i * ld + k] : 0;
}
#endif
