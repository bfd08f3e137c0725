/* The leaf of convolutions: the register tile of tile.h over several runs of k.
 *
 * A row of the tile is a place (forward, gradient of the input) or an entry of the kernel (gradient of the kernel). For a
 * place, the window of an image in memory is a few stretches of numbers, one per row of the kernel; for an entry, what it meets is a
 * few rows of places. Either way k is cut into runs, all rows jump by the same distance from one run to the next, and B goes on
 * without a gap: all accumulators stay in registers over the whole sum, and nothing is copied into a matrix of windows.
 *
 * SLIDE_PLACES: elements of a run lie side by side. SLIDE_ENTRIES: they lie `step` apart. SLIDE_STRIP: the rows of the tile are neighbouring
 * places of an image of one or three channels, 1 or 3 elements apart: one pointer instead of 14, for windows so short that
 * finding them costs as much as multiplying them.
 */
#ifndef RN_SLIDE_H
#define RN_SLIDE_H
#include "vec.h"

enum { SLIDE_ADD = 1, SLIDE_RELU = 2 }; /* C is added to, not written; relu at the end */
enum { SLIDE_PLACES, SLIDE_ENTRIES, SLIDE_STRIP_1, SLIDE_STRIP_3, SLIDE_FORMS };

#define RN_TEMPLATE "slide.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    const REAL *rows[RN_MR]; /* where each row of the tile starts; strips: the first one only */
    const rn_int *jumps;     /* what is added to all of them for each run */
    rn_int runs, length, step;
    const REAL *b; /* (runs length, ldb); whole vectors can be read */
    rn_int ldb;
    REAL *c;
    rn_int ldc;
    const REAL *bias; /* NULL: none */
    rn_int width;     /* valid columns of the last vector, 1..VL */
    int flags;
} FN(slide);

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

RN_FLAT void FN(slide_tile)(const int mr, const int nv, const int form, const FN(slide) *t)
{
    VEC acc[RN_MR][2];
    const int last = nv - 1;
    const REAL *b = t->b;
    const rn_int ldb = t->ldb, length = t->length, step = form == SLIDE_ENTRIES ? t->step : 1;
    const rn_int apart = form == SLIDE_STRIP_1 ? 1 : form == SLIDE_STRIP_3 ? 3 : 0;
    RN_UNROLL
    for (int i = 0; i < mr; i++) {
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            acc[i][v] = FN(splat)(0);
    }
    for (rn_int r = 0; r < t->runs; r++) {
        const REAL *a[RN_MR];
        RN_UNROLL
        for (int i = 0; i < mr; i++)
            a[i] = t->rows[apart ? 0 : i] + t->jumps[r];
        for (rn_int s = 0; s < length; s++) {
            VEC panel[2];
            const REAL *strip = a[0] + s;
            RN_OPAQUE(strip); /* else gcc sees that the next step reads the same numbers, and carries 14 of them along in registers */
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                panel[v] = FN(load)(b + v * VL);
            RN_UNROLL
            for (int i = 0; i < mr; i++) {
                const VEC x = FN(splat)(apart ? strip[i * apart] : a[i][s * step]);
                RN_UNROLL
                for (int v = 0; v < nv; v++)
                    acc[i][v] += x * panel[v];
            }
            b += ldb;
        }
    }
    REAL *c = t->c;
    const rn_int ldc = t->ldc, width = t->width;
    if (t->flags & SLIDE_ADD) {
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += v == last ? LOAD_LAST(c + i * ldc + v * VL) : FN(load)(c + i * ldc + v * VL);
        }
    }
    if (t->bias) {
        VEC shift[2];
        RN_UNROLL
        for (int v = 0; v < nv; v++)
            shift[v] = v == last ? LOAD_LAST(t->bias + v * VL) : FN(load)(t->bias + v * VL);
        RN_UNROLL
        for (int i = 0; i < mr; i++) {
            RN_UNROLL
            for (int v = 0; v < nv; v++)
                acc[i][v] += shift[v];
        }
    }
    if (t->flags & SLIDE_RELU) {
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

typedef void (*FN(slide_fn))(const FN(slide) *t);

#define ONE_SLIDE(mr, nv, form)                                                                                       \
    RN_NOINLINE void FN(slide_##form##_##mr##_##nv)(const FN(slide) * t) { FN(slide_tile)(mr, nv, form, t); }
#define BOTH_WIDTHS(mr, form) ONE_SLIDE(mr, 1, form) ONE_SLIDE(mr, 2, form)
#define ALL_FORMS(mr) BOTH_WIDTHS(mr, 0) BOTH_WIDTHS(mr, 1) BOTH_WIDTHS(mr, 2) BOTH_WIDTHS(mr, 3)
#define NAMES(mr)                                                                                                     \
    {                                                                                                                 \
        {FN(slide_0_##mr##_1), FN(slide_0_##mr##_2)}, {FN(slide_1_##mr##_1), FN(slide_1_##mr##_2)},                   \
            {FN(slide_2_##mr##_1), FN(slide_2_##mr##_2)}, {FN(slide_3_##mr##_1), FN(slide_3_##mr##_2)}                \
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

static const FN(slide_fn) FN(slides)[RN_MR][SLIDE_FORMS][2] = { /* [mr - 1][form][nv - 1] */
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
#undef ONE_SLIDE
#undef ALL_FORMS
#undef BOTH_WIDTHS
#undef NAMES
#endif
