/* The leaf: a register tile, mr rows by one or two vectors of columns, C += A B over a run of k.
 *
 * Fast because: all mr x nv accumulators live in registers for the whole run; each step loads nv vectors of B once and
 * broadcasts one element of A per row, so that a fused multiply-add needs about half a load. mr and nv are compile-time
 * constants: one function per pair, found in a table. Bias and relu are applied before the tile leaves the registers.
 *
 * A comes in two forms. TILE_ROWS: a pointer per row (a dense row; later a convolution window or a recurrent state),
 * read in place. TILE_PACKED: a copy [k][mr], for a transposed A, whose rows are not contiguous.
 * B is a panel: row k at b + k ldb, nv vectors wide; the caller guarantees that they can be read.
 *
 * Each run starts from zero and is added to C at its end. With K cut into runs this is a two-level summation, whose
 * rounding error is smaller than that of one long sum.
 */
#ifndef RN_TILE_H
#define RN_TILE_H
#include "vec.h"

enum { TILE_FIRST = 1, TILE_RELU = 2 }; /* first run: C is written, not added to; relu at the end of the last run */
enum { TILE_ROWS, TILE_PACKED };

#define RN_TEMPLATE "tile.h"
#include "both.h"

#elif defined(REAL)

/* width: valid columns of the last vector, 1..VL. bias: NULL but in the last run. */
typedef void (*FN(tile_fn))(rn_int k, const REAL *const *rows, const REAL *b, rn_int ldb, REAL *c, rn_int ldc,
                            const REAL *bias, rn_int width, int flags);

#if RN_VB == 64 /* a masked load costs what a whole one does: no branch */
#define LOAD_LAST(p) FN(load_part)((p), width)
#define STORE_LAST(p, v) FN(store_part)((p), (v), width)
#else
#define LOAD_LAST(p) (width == VL ? FN(load)(p) : FN(load_part)((p), width))
#define STORE_LAST(p, v)                                                                                              \
    do {                                                                                                              \
        if (width == VL)                                                                                              \
            FN(store)((p), (v));                                                                                      \
        else                                                                                                          \
            FN(store_part)((p), (v), width);                                                                          \
    } while (0)
#endif

RN_FLAT void FN(tile)(const int mr, const int nv, const int form, rn_int k, const REAL *const *rows, const REAL *b,
                      rn_int ldb, REAL *c, rn_int ldc, const REAL *bias, rn_int width, int flags)
{
    VEC acc[RN_MR][2];
    const REAL *a[RN_MR];
    const int last = nv - 1;
    RN_UNROLL
    for (int i = 0; i < mr; i++) {
        a[i] = rows[form == TILE_ROWS ? i : 0];
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            acc[i][v] = FN(splat)(0);
    }
    for (rn_int s = 0; s < k; s++) {
        VEC panel[2];
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            panel[v] = FN(load)(b + v * VL);
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            const VEC x = FN(splat)(form == TILE_ROWS ? a[i][s] : a[0][s * mr + i]);
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += x * panel[v];
        }
        b += ldb;
    }
    if (!(flags & TILE_FIRST)) {
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += v == last ? LOAD_LAST(c + i * ldc + v * VL) : FN(load)(c + i * ldc + v * VL);
        }
    }
    if (bias) {
        VEC shift[2];
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            shift[v] = v == last ? LOAD_LAST(bias + v * VL) : FN(load)(bias + v * VL);
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += shift[v];
        }
    }
    if (flags & TILE_RELU) {
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] = FN(vrelu)(acc[i][v]);
        }
    }
    RN_UNROLL
    for (int i = 0; i < mr; i++) {
        RN_UNROLL
        for (int v = 0; v < last; v++)
            FN(store)(c + i * ldc + v * VL, acc[i][v]);
        STORE_LAST(c + i * ldc + last * VL, acc[i][last]);
    }
}

#define ONE_TILE(mr, nv, form)                                                                                        \
    RN_NOINLINE void FN(tile_##form##_##mr##_##nv)(rn_int k, const REAL *const *rows, const REAL *b, rn_int ldb,      \
                                                   REAL *c, rn_int ldc, const REAL *bias, rn_int width, int flags)    \
    {                                                                                                                 \
        FN(tile)(mr, nv, form, k, rows, b, ldb, c, ldc, bias, width, flags);                                          \
    }
#define ALL_FORMS(mr) ONE_TILE(mr, 1, 0) ONE_TILE(mr, 2, 0) ONE_TILE(mr, 1, 1) ONE_TILE(mr, 2, 1)
#define NAMES(mr)                                                                                                     \
    {                                                                                                                 \
        {FN(tile_0_##mr##_1), FN(tile_0_##mr##_2)}, {FN(tile_1_##mr##_1), FN(tile_1_##mr##_2)}                        \
    }

ALL_FORMS(1)
ALL_FORMS(2)
ALL_FORMS(3)
ALL_FORMS(4)
#if RN_MR >= 6
ALL_FORMS(5)
ALL_FORMS(6)
#endif
#if RN_MR >= 12
ALL_FORMS(7)
ALL_FORMS(8)
ALL_FORMS(9)
ALL_FORMS(10)
ALL_FORMS(11)
ALL_FORMS(12)
#endif
#if RN_MR >= 14
ALL_FORMS(13)
ALL_FORMS(14)
#endif

static const FN(tile_fn) FN(tiles)[RN_MR][2][2] = { /* [mr - 1][form][nv - 1] */
    NAMES(1), NAMES(2), NAMES(3), NAMES(4),
#if RN_MR >= 6
    NAMES(5), NAMES(6),
#endif
#if RN_MR >= 12
    NAMES(7), NAMES(8), NAMES(9), NAMES(10), NAMES(11), NAMES(12),
#endif
#if RN_MR >= 14
    NAMES(13), NAMES(14),
#endif
};

#undef LOAD_LAST
#undef STORE_LAST
#undef ONE_TILE
#undef ALL_FORMS
#undef NAMES
#endif
