/* Where the windows of a convolution lie: geometry, pieces of work, and frames with zeros around an image.
 *
 * A convolution has two grids: the places of the image and the windows. Window i reads image places i s + u d - before, one for each
 * tap u of the kernel. A kernel of this library computes one grid, the destination, from the other, the source:
 *     forward   the windows from the image.
 *     back      the image from the windows: place p collects from the windows i = (p + before - u d)/s for those u where that is
 *               whole. Which u these are depends only on (p + before) mod s: the phase. All places of a phase read the windows the same
 *               way, as an ordinary convolution of stride 1 with a part of the kernel would. (Stride 1 has one phase.)
 * Either way: source index = m move + base + shift(tap), destination index = m step + start(phase), m = 0, 1, ...
 *
 * Units. Work is cut into units: some whole images, or a slab of one. Their number depends on shapes only. What a unit reads is
 * taken in place if no window leaves the source; else it is copied into a frame with zeros around it, small enough for L2.
 *
 * Everything has three axes here; those that an array lacks have length 1.
 */
#ifndef RN_WINDOW_H
#define RN_WINDOW_H
#include "map.h"
#ifdef _OPENMP
#include <omp.h>
#endif

typedef struct {
    rn_int in, out, kernel, stride, before, dilation; /* places of the image, windows, taps */
} rn_axis;

typedef struct {
    rn_axis axis[3];
    int back;
    rn_int pairs; /* not 0: bytes of a place of the result, which is pooled 2x2: units are an even number of rows of one image */
    rn_int n, channels; /* images; channels of the source (in the frame) */
    /* plan */
    rn_int src[3], dst[3], lo[3], extent[3];
    rn_int stride[3], image; /* of what is read, in elements: one step along an axis, one image */
    rn_int images, slabs, slab, units;
    int cut, in_place;
    rn_int frame; /* elements of a frame, 0 if in place */
    /* tables: for each axis the taps of each phase; then, over all axes, taps and their distances, phase by phase */
    rn_int taps, phases;
    rn_int *axis_start[3], *axis_tap[3], *axis_shift[3];
    rn_int *tap_start, *tap, *distance;
} rn_window;

#define RN_UNIT_NS 25000.0     /* work of a unit, at least, where there is enough of it */
#define RN_UNIT_BYTES 393216   /* what a unit reads, at most: it stays in L2 */
#define RN_PAIR_BYTES 32768    /* what a unit leaves in its buffer to be pooled, about: it stays in L1 */
#define RN_ROUND(bytes) (((bytes) + 63) / 64 * 64)

/* float32 operations per nanosecond that one thread can be expected to do: for deciding whether threads are worth it */
#define RN_CONV_FLOPS_PER_NS (RN_VB >= 64 ? 150.0 : RN_VB >= 32 ? 75.0 : 15.0)

RN_INLINE int rn_slot(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

RN_INLINE rn_int rn_floor_div(rn_int a, rn_int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
RN_INLINE rn_int rn_ceil_div(rn_int a, rn_int b) { return -rn_floor_div(-a, b); }

/* The source indices lo .. hi - 1 that destinations d0 .. d1 - 1 may read. */
RN_INLINE void rn_axis_reads(const rn_axis *a, int back, rn_int d0, rn_int d1, rn_int *lo, rn_int *hi)
{
    const rn_int span = (a->kernel - 1) * a->dilation;
    if (!back) {
        *lo = d0 * a->stride - a->before;
        *hi = (d1 - 1) * a->stride - a->before + span + 1;
    } else {
        *lo = rn_floor_div(d0 + a->before - span, a->stride);
        *hi = rn_floor_div(d1 - 1 + a->before, a->stride) + 1;
    }
}

/* ns: work for one image. copies: the source must go through a frame. most: bytes that a unit reads at most, where it can be cut.
 * No axis of either grid is empty. */
RN_INLINE void rn_window_plan(rn_window *w, double ns, rn_int size, int copies, rn_int most)
{
    rn_int bytes = w->channels * size;
    w->in_place = !copies;
    w->cut = 2;
    w->taps = w->phases = 1;
    for (int a = 2; a >= 0; a--) {
        const rn_axis *x = &w->axis[a];
        rn_int hi;
        w->src[a] = w->back ? x->out : x->in;
        w->dst[a] = w->back ? x->in : x->out;
        rn_axis_reads(x, w->back, 0, w->dst[a], &w->lo[a], &hi);
        w->extent[a] = hi - w->lo[a];
        w->in_place = w->in_place && w->lo[a] >= 0 && hi <= w->src[a];
        w->taps *= x->kernel;
        w->phases *= w->back ? x->stride : 1;
        bytes *= w->extent[a];
        if (w->dst[a] > 1)
            w->cut = a;
    }
    w->images = w->slabs = 1;
    if (w->pairs) {
        w->slabs = RN_MAX((bytes + most - 1) / most, w->dst[1] * w->dst[2] * w->pairs / RN_PAIR_BYTES + 1);
        w->slabs = RN_MIN(w->slabs, (w->dst[1] + 1) / 2);
    } else if (ns < RN_UNIT_NS) {
        const rn_int by_work = (rn_int)(RN_UNIT_NS / RN_MAX(ns, 1.0)) + 1, by_size = RN_MAX(most / RN_MAX(bytes, 1), 1);
        w->images = RN_MIN(w->n, RN_MIN(by_work, by_size));
    } else {
        w->slabs = (bytes + most - 1) / most;
        if (w->n * w->slabs < 16)
            w->slabs = RN_MAX(w->slabs, RN_MIN((16 + w->n - 1) / w->n, (rn_int)(ns / RN_UNIT_NS)));
        w->slabs = RN_MAX(1, RN_MIN(w->slabs, w->dst[w->cut]));
    }
    w->slab = (w->dst[w->cut] + w->slabs - 1) / w->slabs;
    if (w->pairs)
        w->slab += w->slab % 2;
    w->slabs = (w->dst[w->cut] + w->slab - 1) / w->slab;
    w->units = (w->n + w->images - 1) / w->images * w->slabs;
    if (w->slabs > 1) { /* as many as the highest slab may read: all frames have the same strides */
        const rn_axis *x = &w->axis[w->cut];
        const rn_int span = (x->kernel - 1) * x->dilation;
        w->extent[w->cut] = w->back ? (w->slab - 1 + span) / x->stride + 2 : (w->slab - 1) * x->stride + span + 1;
    }
    const rn_int *e = w->in_place ? w->src : w->extent;
    w->stride[2] = w->channels;
    w->stride[1] = e[2] * w->stride[2];
    w->stride[0] = e[1] * w->stride[1];
    w->image = e[0] * w->stride[0];
    w->frame = w->in_place ? 0 : w->images * w->image;
}

/* Places of the destination that a unit covers, at most. */
RN_INLINE rn_int rn_unit_places(const rn_window *w) { return w->dst[0] * w->dst[1] * w->dst[2] / w->dst[w->cut] * w->slab * w->images; }

RN_INLINE rn_int rn_window_table_bytes(const rn_window *w)
{
    rn_int count = 2 * w->taps + w->phases + 1;
    for (int a = 0; a < 3; a++)
        count += 2 * w->axis[a].kernel + (w->back ? w->axis[a].stride : 1) + 1;
    return RN_ROUND(count * (rn_int)sizeof(rn_int));
}

/* Fills the tables, into memory of rn_window_table_bytes. */
RN_INLINE void rn_window_tables(rn_window *w, void *memory)
{
    rn_int *free = (rn_int *)memory, count = 0;
    rn_int phases[3];
    for (int a = 0; a < 3; a++) {
        const rn_axis *x = &w->axis[a];
        phases[a] = w->back ? x->stride : 1;
        w->axis_start[a] = free;
        w->axis_tap[a] = free + phases[a] + 1;
        w->axis_shift[a] = w->axis_tap[a] + x->kernel;
        free = w->axis_shift[a] + x->kernel;
        rn_int at = 0;
        for (rn_int r = 0; r < phases[a]; r++) { /* in the order in which the source lies in memory */
            w->axis_start[a][r] = at;
            for (rn_int i = 0; i < x->kernel; i++) {
                const rn_int u = w->back ? x->kernel - 1 - i : i, far = w->back ? r - u * x->dilation : u * x->dilation;
                if (w->back && far % x->stride)
                    continue;
                w->axis_tap[a][at] = u;
                w->axis_shift[a][at++] = w->back ? far / x->stride : far;
            }
        }
        w->axis_start[a][phases[a]] = at;
    }
    w->tap_start = free;
    w->tap = free + w->phases + 1;
    w->distance = w->tap + w->taps;
    rn_int phase = 0;
    for (rn_int p = 0; p < phases[0]; p++)
        for (rn_int q = 0; q < phases[1]; q++)
            for (rn_int r = 0; r < phases[2]; r++) {
                w->tap_start[phase++] = count;
                for (rn_int i = w->axis_start[0][p]; i < w->axis_start[0][p + 1]; i++)
                    for (rn_int j = w->axis_start[1][q]; j < w->axis_start[1][q + 1]; j++)
                        for (rn_int k = w->axis_start[2][r]; k < w->axis_start[2][r + 1]; k++) {
                            w->tap[count] = (w->axis_tap[0][i] * w->axis[1].kernel + w->axis_tap[1][j]) * w->axis[2].kernel
                                            + w->axis_tap[2][k];
                            w->distance[count++] = w->axis_shift[0][i] * w->stride[0] + w->axis_shift[1][j] * w->stride[1]
                                                   + w->axis_shift[2][k] * w->stride[2];
                        }
            }
    w->tap_start[w->phases] = count;
}

/* Do the taps of a phase that differ only along the last axis lie side by side in the source? */
RN_INLINE int rn_window_side_by_side(const rn_window *w)
{
    const rn_int phases = w->back ? w->axis[2].stride : 1;
    for (rn_int r = 0; r < phases; r++)
        for (rn_int i = w->axis_start[2][r] + 1; i < w->axis_start[2][r + 1]; i++)
            if (w->axis_shift[2][i] != w->axis_shift[2][i - 1] + 1)
                return 0;
    return 1;
}

/* ---- a unit: images n0 .. n1, destinations d0 .. d1 along each axis, what is read begins at source index lo ---------- */

typedef struct {
    rn_int n0, n1, d0[3], d1[3], lo[3];
} rn_unit;

RN_INLINE void rn_window_unit(const rn_window *w, rn_int unit, rn_unit *u)
{
    const rn_int block = unit / w->slabs, s = unit % w->slabs;
    rn_int hi;
    u->n0 = block * w->images;
    u->n1 = RN_MIN(w->n, u->n0 + w->images);
    for (int a = 0; a < 3; a++) {
        u->d0[a] = 0;
        u->d1[a] = w->dst[a];
        if (a == w->cut) {
            u->d0[a] = s * w->slab;
            u->d1[a] = RN_MIN(w->dst[a], u->d0[a] + w->slab);
        }
        rn_axis_reads(&w->axis[a], w->back, u->d0[a], u->d1[a], &u->lo[a], &hi);
        if (w->in_place)
            u->lo[a] = 0;
    }
}

/* The places of one phase within a unit: how many along each axis, their first destination, where the first one reads. */
typedef struct {
    rn_int count[3], first[3], step[3], move[3], places, from;
} rn_patch;

RN_INLINE void rn_window_patch(const rn_window *w, const rn_unit *u, rn_int phase, rn_patch *p)
{
    p->places = u->n1 - u->n0;
    p->from = 0;
    for (int a = 2; a >= 0; a--) {
        const rn_axis *x = &w->axis[a];
        if (!w->back) {
            p->count[a] = u->d1[a] - u->d0[a];
            p->first[a] = u->d0[a];
            p->step[a] = 1;
            p->move[a] = x->stride * w->stride[a];
            p->from += (u->d0[a] * x->stride - x->before - u->lo[a]) * w->stride[a];
        } else {
            const rn_int r = phase % x->stride, m0 = rn_ceil_div(u->d0[a] + x->before - r, x->stride),
                         m1 = rn_floor_div(u->d1[a] - 1 + x->before - r, x->stride);
            phase /= x->stride;
            p->count[a] = RN_MAX(m1 - m0 + 1, 0);
            p->first[a] = r + m0 * x->stride - x->before;
            p->step[a] = x->stride;
            p->move[a] = w->stride[a];
            p->from += (m0 - u->lo[a]) * w->stride[a];
        }
        p->places *= p->count[a];
    }
}

#define RN_TEMPLATE "window.h"
#include "both.h"

#elif defined(REAL)

/* Copies what a unit reads into a frame, zeros where the source ends. repeat > 1: every channel so many times (depthwise).
 * kind: the source is dy, and dy f'(kept) is what is wanted; RN_LINEAR: as it is. */
static void FN(fill_frame)(const rn_window *w, const rn_unit *u, int kind, const REAL *src, const REAL *kept, rn_int repeat,
                           REAL *out)
{
    const rn_int *e = w->extent, c = w->channels, row = e[2] * c, own = c / repeat;
    const rn_int x0 = RN_MAX(u->lo[2], 0), x1 = RN_MAX(x0, RN_MIN(u->lo[2] + e[2], w->src[2]));
    const rn_int left = x1 > x0 ? (x0 - u->lo[2]) * c : row, middle = (x1 - x0) * c;
    for (rn_int n = u->n0; n < u->n1; n++)
        for (rn_int z = u->lo[0]; z < u->lo[0] + e[0]; z++)
            for (rn_int y = u->lo[1]; y < u->lo[1] + e[1]; y++, out += row) {
                if (z < 0 || z >= w->src[0] || y < 0 || y >= w->src[1] || !middle) {
                    memset(out, 0, (size_t)row * sizeof(REAL));
                    continue;
                }
                const rn_int at = (((n * w->src[0] + z) * w->src[1] + y) * w->src[2] + x0) * own;
                memset(out, 0, (size_t)left * sizeof(REAL));
                if (kind != RN_LINEAR)
                    FN(map_slope_span)(kind, src + at, kept + at, out + left, middle);
                else if (repeat == 1)
                    memcpy(out + left, src + at, (size_t)middle * sizeof(REAL));
                else
                    for (rn_int i = 0; i < middle; i++)
                        out[left + i] = src[at + i / repeat];
                memset(out + left + middle, 0, (size_t)(row - left - middle) * sizeof(REAL));
            }
}

/* Walks through the places of a patch in order: where each reads, and where in the destination it lies. */
typedef struct {
    const REAL *row;       /* at x = 0 of the current row */
    rn_int at, n, z, y, x; /* at: destination place of x = 0 */
} FN(walk);

RN_INLINE void FN(walk_row)(const rn_window *w, const rn_patch *p, const REAL *src, FN(walk) *k)
{
    k->row = src + p->from + k->n * w->image + k->z * p->move[0] + k->y * p->move[1];
    k->at = ((k->n * w->dst[0] + p->first[0] + k->z * p->step[0]) * w->dst[1] + p->first[1] + k->y * p->step[1]) * w->dst[2]
            + p->first[2];
}

RN_INLINE void FN(walk_begin)(const rn_window *w, const rn_patch *p, const REAL *src, FN(walk) *k)
{
    k->n = k->z = k->y = k->x = 0;
    FN(walk_row)(w, p, src, k);
}

/* To the beginning of the next row. */
RN_INLINE void FN(walk_down)(const rn_window *w, const rn_patch *p, const REAL *src, FN(walk) *k)
{
    k->x = 0;
    if (++k->y == p->count[1]) {
        k->y = 0;
        if (++k->z == p->count[0]) {
            k->z = 0;
            k->n++;
        }
    }
    FN(walk_row)(w, p, src, k);
}

/* The next `count` places; at may be NULL. */
RN_INLINE void FN(walk_next)(const rn_window *w, const rn_patch *p, const REAL *src, FN(walk) *k, rn_int count,
                             const REAL **rows, rn_int *at)
{
    for (rn_int i = 0; i < count; i++) {
        rows[i] = k->row + k->x * p->move[2];
        if (at)
            at[i] = k->at + k->x * p->step[2];
        if (++k->x == p->count[2])
            FN(walk_down)(w, p, src, k);
    }
}

/* sums[c] += the lanes of s, column by column */
RN_FLAT void FN(sum_lanes)(const FN(sum64) *s, double *sums)
{
    RN_ALIGNED double lanes[2 * (RN_VB >= 16 ? RN_VB / 8 : 1)];
    memcpy(lanes, &s->lo, sizeof s->lo);
    memcpy(lanes + sizeof s->lo / 8, &s->hi, sizeof s->hi);
    for (int i = 0; i < VL; i++)
        sums[i] += lanes[i];
}

/* sums[j] += the sums of the columns of x (m, c), rows ld apart, in float64 */
static void FN(add_columns)(const REAL *x, rn_int m, rn_int c, rn_int ld, double *sums)
{
    rn_int at = 0;
    for (; at + 2 * VL <= c; at += 2 * VL) {
        FN(sum64) s, t;
        FN(sum_clear)(&s);
        FN(sum_clear)(&t);
        for (rn_int i = 0; i < m; i++) {
            FN(sum_add)(&s, FN(load)(x + i * ld + at));
            FN(sum_add)(&t, FN(load)(x + i * ld + at + VL));
        }
        FN(sum_lanes)(&s, sums + at);
        FN(sum_lanes)(&t, sums + at + VL);
    }
    for (; at < c; at++) {
        double total = 0;
        for (rn_int i = 0; i < m; i++)
            total += (double)x[i * ld + at];
        sums[at] += total;
    }
}
#endif
