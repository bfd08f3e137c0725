/* Convolution around the sliding tile: forward, and gradient of the input (which is also the transpose forward).
 *
 * forward, input gradient   rows of the tile are places of the destination, B is the kernel, packed once per call in panels of two
 *            vectors (read as it lies where its rows are short and whole). A window is read as it lies in memory: for each row of
 *            the kernel a stretch of (taps along the last axis) x channels numbers. Bias and activation are applied before the
 *            tile leaves L1. A stride in the input gradient becomes phases (window.h), none of which multiplies by a zero.
 *            Up to four channels of the destination would leave the tile's columns empty: they are dot products along the window.
 * (The kernel's gradient: conv_dw.h.)
 *
 * Why it is right: refnet/kernels/convolution.py and convolution_transpose.py.
 */
#ifndef RN_CONV_H
#define RN_CONV_H
#include "conv_pool.h"
#include "slide.h"
#include "transpose.h"
#include "window.h"

typedef struct {
    rn_window win;
    int dbl, kind, slope; /* kind: f of the result; slope: the source is dy, what is read is dy f'(kept) */
    rn_int groups, from, to; /* channels of source and destination */
    const void *src, *kept, *w, *bias;
    void *dst, *y; /* y: where f goes if the result itself must stay (gelu, silu); else NULL */
    const rn_pool *pool; /* NULL, or 2x2 maxima of the result are wanted and not the result (dst, y unused) */
    /* plan */
    int packed, side_by_side, dots, form; /* form: of the tile */
    rn_int panels, table_bytes, pack_bytes, frame_bytes, pool_bytes; /* the last two of a thread */
    rn_int *run_start, *runs;
    void *pack, *frames;
} rn_conv;

/* A kernel of one tap with stride 1 sees no neighbours: all places of all images are one long axis. */
RN_INLINE void rn_window_flatten(rn_window *w)
{
    rn_int places = w->n;
    for (int a = 0; a < 3; a++) {
        const rn_axis *x = &w->axis[a];
        if (x->kernel != 1 || x->stride != 1 || x->before != 0 || x->in != x->out)
            return;
        places *= x->in;
    }
    const rn_axis one = {1, 1, 1, 1, 0, 1}, all = {places, places, 1, 1, 0, 1};
    w->axis[0] = w->axis[1] = one;
    w->axis[2] = all;
    w->n = 1;
}

RN_INLINE rn_int rn_volume(const rn_int *v) { return v[0] * v[1] * v[2]; }

#define RN_DOTS 4 /* so few channels of the destination are dot products: a panel would be almost empty */
#define RN_PANEL_COLUMNS(size) (RN_VB ? 2 * RN_VB / (size) : 2)

/* Bytes of scratch that rn_conv_run wants. src, dst, ... and win.axis, win.n are set; nothing is empty. */
RN_INLINE rn_int rn_conv_plan(rn_conv *g, int threads)
{
    rn_window *w = &g->win;
    const rn_int size = g->dbl ? 8 : 4, wide = RN_PANEL_COLUMNS(size), to = g->to / g->groups, from = g->from / g->groups;
    double ns = 2.0 * g->to * from / RN_CONV_FLOPS_PER_NS * (size / 4);
    if (g->pool)
        w->pairs = g->to * size;
    else
        rn_window_flatten(w);
    w->channels = g->from;
    for (int a = 0; a < 3; a++)
        ns *= (double)w->axis[a].kernel * (double)w->axis[a].out;
    rn_window_plan(w, ns, size, g->slope != RN_LINEAR, RN_UNIT_BYTES);
    g->panels = (to + wide - 1) / wide;
    const int whole = to % (wide / (RN_VB ? 2 : 1)) == 0;
    const rn_int tiles = (w->n * rn_volume(w->dst) + RN_MR - 1) / RN_MR;
    g->dots = g->groups == 1 && to <= RN_DOTS && from * 2 >= wide;
    g->packed = g->dots || w->back || !whole || (g->to > 2 * wide && tiles > 3);
    g->table_bytes = rn_window_table_bytes(w) + RN_ROUND((w->taps + w->phases + 1) * (rn_int)sizeof(rn_int));
    g->pack_bytes = g->packed ? RN_ROUND(w->taps * from * g->groups * g->panels * wide * size) : 0;
    g->frame_bytes = w->frame ? RN_ROUND(w->frame * size + 256) : 0;
    g->pool_bytes = g->pool ? RN_ROUND(rn_unit_places(w) * g->to * size) : 0;
    return g->table_bytes + g->pack_bytes + (g->frame_bytes + g->pool_bytes) * threads;
}

#define RN_conv_run(dbl, ...) RN_CALL(dbl, conv_run, __VA_ARGS__)

#define RN_TEMPLATE "conv.h"
#include "both.h"

#elif defined(REAL)

#define NR (2 * VL)

/* ---- forward and input gradient ------------------------------------------------------------------------------- */

/* Tap number `index` of the tables, all groups and panels: rows of the kernel into the panels of its phase. */
static void FN(conv_pack)(void *job, rn_int index)
{
    const rn_conv *g = (const rn_conv *)job;
    const rn_window *w = &g->win;
    const rn_int from = g->from / g->groups, to = g->to / g->groups, ld = w->back ? g->from : g->to;
    rn_int phase = 0;
    while (w->tap_start[phase + 1] <= index)
        phase++;
    const rn_int first = w->tap_start[phase], taps = w->tap_start[phase + 1] - first;
    const REAL *tap = (const REAL *)g->w + w->tap[index] * (w->back ? to * ld : from * ld);
    if (g->dots) { /* [phase][channel of the destination][tap][channel of the source] */
        REAL *rows = (REAL *)g->pack + first * from * to + (index - first) * from;
        for (rn_int j = 0; j < to; j++)
            for (rn_int k = 0; k < from; k++)
                rows[j * taps * from + k] = w->back ? tap[j * ld + k] : tap[k * ld + j];
        return;
    }
    REAL *out = (REAL *)g->pack + first * from * g->groups * g->panels * NR;
    for (rn_int q = 0; q < g->groups * g->panels; q++) {
        const rn_int group = q / g->panels, j = q % g->panels * NR, columns = RN_MIN(NR, to - j), wide = columns > VL ? NR : VL;
        REAL *p = out + q * taps * from * NR + (index - first) * from * wide;
        if (w->back) { /* B(f, c) = w[c, f] */
            FN(pack_transposed)(tap + j * ld + group * from, ld, columns, from, p, wide);
            continue;
        }
        const REAL *b = tap + group * to + j;
        const rn_int rest = columns - (wide - VL);
        for (rn_int k = 0; k < from; k++, b += ld, p += wide) {
            if (wide > VL)
                FN(store)(p, FN(load)(b));
            FN(store)(p + wide - VL, rest == VL ? FN(load)(b + wide - VL) : FN(load_part)(b + wide - VL, rest));
        }
    }
}

/* One tile: `mr` places, panel q of all groups' panels. */
RN_INLINE void FN(conv_tile)(const rn_conv *g, FN(slide) *t, rn_int mr, rn_int q, const rn_int *at, REAL *dst, REAL *y,
                             int direct)
{
    RN_ALIGNED REAL buffer[RN_MR * NR];
    const rn_int to = g->to / g->groups, j = q % g->panels * NR, columns = RN_MIN(NR, to - j), nv = columns > VL ? 2 : 1;
    const rn_int column = q / g->panels * to + j;
    t->c = direct ? dst + at[0] * g->to + column : buffer;
    t->ldc = direct ? g->to : NR;
    t->bias = g->bias ? (const REAL *)g->bias + column : NULL;
    t->width = columns - (nv - 1) * VL;
    FN(slides)[mr - 1][g->form][nv - 1](t);
    if (!direct)
        for (rn_int i = 0; i < mr; i++)
            memcpy(dst + at[i] * g->to + column, buffer + i * NR, (size_t)columns * sizeof(REAL));
    if (g->kind > RN_RELU) /* the tile is in L1 still */
        for (rn_int i = 0; i < mr; i++) {
            const rn_int there = (direct ? at[0] + i : at[i]) * g->to + column;
            FN(map_span)(g->kind, dst + there, y + there, columns);
        }
}

/* `count` places by `to` channels, each the sum over all runs; four places at a time hide the latency. */
RN_FLAT void FN(conv_dots)(const int to, const int count, const FN(slide) *t, rn_int deep, REAL *const *out)
{
    VEC acc[4][RN_DOTS];
    rn_int at = 0;
    RN_UNROLL
    for (int i = 0; i < count; i++) {
        RN_UNROLL
        for (int j = 0; j < to; j++)
            acc[i][j] = FN(splat)(0);
    }
    for (rn_int r = 0; r < t->runs; r++, at += t->length)
        for (rn_int s = 0; s < t->length; s += VL) {
            const rn_int left = t->length - s;
            VEC w[RN_DOTS];
            RN_UNROLL
            for (int j = 0; j < to; j++) {
                const REAL *p = t->b + j * deep + at + s;
                w[j] = left >= VL ? FN(load)(p) : FN(load_part)(p, left);
            }
            RN_UNROLL
            for (int i = 0; i < count; i++) {
                const REAL *p = t->rows[i] + t->jumps[r] + s;
                const VEC x = left >= VL ? FN(load)(p) : FN(load_part)(p, left);
                RN_UNROLL
                for (int j = 0; j < to; j++)
                    acc[i][j] += x * w[j];
            }
        }
    RN_UNROLL
    for (int i = 0; i < count; i++) {
        RN_UNROLL
        for (int j = 0; j < to; j++)
            out[i][j] = FN(total)(acc[i][j]) + (t->bias ? t->bias[j] : 0);
    }
}

#define DOTS(to)                                                                                                      \
    RN_NOINLINE void FN(conv_dots_##to)(int count, const FN(slide) * t, rn_int deep, REAL *const *out)                \
    {                                                                                                                 \
        if (count == 4)                                                                                               \
            FN(conv_dots)(to, 4, t, deep, out);                                                                       \
        else                                                                                                          \
            FN(conv_dots)(to, 1, t, deep, out);                                                                       \
    }
DOTS(1)
DOTS(2)
DOTS(3)
DOTS(4)
#undef DOTS

static void FN(conv_dot_places)(const rn_conv *g, const rn_patch *p, const REAL *src, FN(slide) *t, rn_int deep, REAL *dst,
                                REAL *y)
{
    static void (*const dots[RN_DOTS])(int, const FN(slide) *, rn_int, REAL *const *) = {FN(conv_dots_1), FN(conv_dots_2),
                                                                                        FN(conv_dots_3), FN(conv_dots_4)};
    const rn_int to = g->to;
    FN(walk) k;
    t->bias = (const REAL *)g->bias;
    FN(walk_begin)(&g->win, p, src, &k);
    for (rn_int done = 0; done < p->places;) {
        const int count = p->places - done >= 4 ? 4 : 1;
        rn_int at[4];
        REAL *out[4];
        FN(walk_next)(&g->win, p, src, &k, count, t->rows, at);
        for (int i = 0; i < count; i++)
            out[i] = dst + at[i] * to;
        dots[to - 1](count, t, deep, out);
        for (int i = 0; g->kind != RN_LINEAR && i < count; i++)
            FN(map_span)(g->kind, out[i], y + at[i] * to, to);
        done += count;
    }
}

/* B of panel q of all groups' panels. */
RN_INLINE void FN(conv_panel)(const rn_conv *g, const REAL *pack, rn_int deep, rn_int q, FN(slide) *t)
{
    const rn_int to = g->to / g->groups, j = q % g->panels * NR;
    if (g->packed) {
        t->b = pack + q * deep * NR;
        t->ldb = to - j > VL ? NR : VL;
    } else {
        t->b = (const REAL *)g->w + q / g->panels * to + j;
        t->ldb = g->to;
    }
}

/* Images of one or three channels: tiles are stretches of a row, and the windows of a tile need one pointer. */
static void FN(conv_strips)(const rn_conv *g, const rn_patch *p, const REAL *src, FN(slide) *t, REAL *dst, REAL *y)
{
    const rn_window *w = &g->win;
    const rn_int wide = p->count[2], tiles = (wide + RN_MR - 1) / RN_MR, low = wide / tiles, high = wide % tiles;
    const rn_int deep = w->taps * g->from;
    FN(walk) k;
    FN(walk_begin)(w, p, src, &k);
    for (rn_int done = 0; done < p->places; done += wide) {
        rn_int x = 0;
        for (rn_int i = 0; i < tiles; i++) {
            const rn_int mr = low + (i < high), at = k.at + x;
            t->rows[0] = k.row + x * g->from;
            for (rn_int q = 0; q < g->panels; q++) {
                FN(conv_panel)(g, (const REAL *)g->pack, deep, q, t);
                FN(conv_tile)(g, t, mr, q, &at, dst, y, 1);
            }
            x += mr;
        }
        FN(walk_down)(w, p, src, &k);
    }
}

static void FN(conv_unit)(void *job, rn_int unit)
{
    const rn_conv *g = (const rn_conv *)job;
    const rn_window *w = &g->win;
    const rn_int from = g->from / g->groups, all = g->groups * g->panels;
    const int direct = !w->back || w->phases == 1;
    rn_unit u;
    rn_window_unit(w, unit, &u);
    const rn_int base = u.n0 * rn_volume(w->dst) * g->to;
    REAL *dst = (REAL *)g->dst + base, *y = g->y ? (REAL *)g->y + base : dst;
    const REAL *src = (const REAL *)g->src + u.n0 * w->image;
    char *own = (char *)g->frames + rn_slot() * (g->frame_bytes + g->pool_bytes);
    if (g->pool) /* places are counted from the first row of the first image */
        dst = y = (REAL *)(own + g->frame_bytes) - u.d0[1] * w->dst[2] * g->to;
    if (!w->in_place) {
        REAL *frame = (REAL *)own;
        FN(fill_frame)(w, &u, g->slope, (const REAL *)g->src, (const REAL *)g->kept, 1, frame);
        src = frame;
    }
    for (rn_int phase = 0; phase < w->phases; phase++) {
        rn_patch p;
        FN(slide) t;
        rn_window_patch(w, &u, phase, &p);
        if (!p.places)
            continue;
        const rn_int taps = w->tap_start[phase + 1] - w->tap_start[phase], deep = taps * from;
        const rn_int tiles = (p.places + RN_MR - 1) / RN_MR, low = p.places / tiles, high = p.places % tiles;
        const rn_int r = w->back ? phase % w->axis[2].stride : 0;
        t.jumps = g->runs + g->run_start[phase];
        t.runs = g->run_start[phase + 1] - g->run_start[phase];
        t.length = g->side_by_side ? (w->axis_start[2][r + 1] - w->axis_start[2][r]) * from : from;
        t.step = 1;
        t.flags = g->kind == RN_RELU ? SLIDE_RELU : 0;
        if (g->dots) {
            t.b = (const REAL *)g->pack + w->tap_start[phase] * from * g->to;
            FN(conv_dot_places)(g, &p, src, &t, deep, dst, y);
            continue;
        }
        if (g->form != SLIDE_PLACES) {
            FN(conv_strips)(g, &p, src, &t, dst, y);
            continue;
        }
        const REAL *pack = (const REAL *)g->pack + w->tap_start[phase] * from * all * NR;
        /* All panels over one tile while they fit L2 together, else all tiles under one panel. */
        const rn_int block = deep * all * NR * (rn_int)sizeof(REAL) <= 524288 ? all : 1;
        for (rn_int q0 = 0; q0 < all; q0 += block) {
            FN(walk) k;
            rn_int at[RN_MR], group = -1;
            const REAL *places[RN_MR];
            FN(walk_begin)(w, &p, src, &k);
            for (rn_int i = 0; i < tiles; i++) {
                const rn_int mr = low + (i < high);
                FN(walk_next)(w, &p, src, &k, mr, places, at);
                for (rn_int q = q0; q < RN_MIN(all, q0 + block); q++) {
                    const rn_int of = q / g->panels;
                    if (of != group || q == q0) {
                        for (rn_int m = 0; m < mr; m++)
                            t.rows[m] = places[m] + of * from;
                        group = of;
                    }
                    FN(conv_panel)(g, pack, deep, q, &t);
                    FN(conv_tile)(g, &t, mr, q, at, dst, y, direct);
                }
            }
        }
    }
    if (g->pool)
        for (rn_int n = u.n0; n < u.n1; n++)
            FN(pool_pairs)(g->pool, n, u.d0[1], u.d1[1], w->dst[2], dst + ((n - u.n0) * w->dst[1] + u.d0[1]) * w->dst[2] * g->to);
}

static void FN(conv_run)(rn_conv *g, char *scratch, int threads)
{
    rn_window *w = &g->win;
    rn_window_tables(w, scratch);
    g->run_start = (rn_int *)(scratch + rn_window_table_bytes(w));
    g->runs = g->run_start + w->phases + 1;
    g->pack = scratch + g->table_bytes;
    g->frames = (char *)g->pack + g->pack_bytes;
    g->side_by_side = g->groups == 1 && rn_window_side_by_side(w);
    g->form = SLIDE_PLACES;
    if (!w->back && !g->dots && g->side_by_side && w->axis[2].stride == 1 && (g->from == 1 || g->from == 3))
        g->form = g->from == 1 ? SLIDE_STRIP_1 : SLIDE_STRIP_3;
    rn_int count = 0;
    for (rn_int phase = 0; phase < w->phases; phase++) {
        const rn_int r = w->back ? phase % w->axis[2].stride : 0, taps = w->axis_start[2][r + 1] - w->axis_start[2][r];
        const rn_int each = g->side_by_side ? RN_MAX(taps, 1) : 1;
        g->run_start[phase] = count;
        for (rn_int i = w->tap_start[phase]; i < w->tap_start[phase + 1]; i += each)
            g->runs[count++] = w->distance[i];
    }
    g->run_start[w->phases] = count;
    if (g->packed)
        rn_run(FN(conv_pack), g, w->taps, g->pack_bytes > 131072 ? threads : 1);
    rn_run(FN(conv_unit), g, w->units, threads);
}

#undef NR
#endif
