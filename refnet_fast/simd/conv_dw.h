/* The gradient of a convolution's kernel, and of its bias, around the sliding tile.
 *
 * Fast because: rows of the tile are entries of the kernel, k runs over places, B is dz, in panels where its rows are long or a slope has to
 * be applied. A block of 128-256 places stays in L1 and L2 while all tiles pass over it. Each chunk of images has its own sum; they
 * are added in index order. The bias gradient is summed beside it, in float64.
 *
 * Why it is right: refnet/kernels/convolution.py.
 */
#ifndef RN_CONV_DW_H
#define RN_CONV_DW_H
#include "conv.h"

typedef struct {
    rn_window win;
    int dbl, slope;
    rn_int groups, channels, filters;
    const void *x, *dy, *kept;
    void *dw, *db; /* either may be NULL */
    const rn_unpool *pool; /* NULL, or dz comes from what was pooled (dy, kept unused; slope is linear) */
    /* plan */
    int copy;
    rn_int panels, chunks, per, table_bytes, frame_bytes, dz_bytes, pool_bytes, dw_bytes, places;
    void *frames, *partial;
    double *sums;
} rn_conv_dw;

RN_INLINE rn_int rn_conv_dw_plan(rn_conv_dw *g, int threads)
{
    rn_window *w = &g->win;
    const rn_int size = g->dbl ? 8 : 4, wide = RN_PANEL_COLUMNS(size), per_group = g->filters / g->groups;
    const rn_int channels = g->channels / g->groups;
    double ns = 2.0 * g->filters * channels / RN_CONV_FLOPS_PER_NS * (size / 4);
    if (g->pool)
        w->pairs = g->filters * size;
    else
        rn_window_flatten(w);
    w->channels = g->channels;
    w->taps = w->axis[0].kernel * w->axis[1].kernel * w->axis[2].kernel;
    for (int a = 0; a < 3; a++)
        ns *= (double)w->axis[a].kernel * (double)w->axis[a].out;
    g->dw_bytes = RN_ROUND(w->taps * channels * g->filters * size);
    /* every unit reads and writes all of dw: if that exceeds L2, make units large */
    rn_window_plan(w, ns, size, 0, g->dw_bytes > 1048576 ? 8 * RN_UNIT_BYTES : RN_UNIT_BYTES);
    g->panels = (per_group + wide - 1) / wide;
    g->copy = g->slope != RN_LINEAR || per_group % (RN_VB ? wide / 2 : 1) != 0 || g->filters > 2 * wide;
    const double chunks = ns * (double)w->n / 50000.0;
    g->chunks = chunks < 1 ? 1 : chunks > 16 ? 16 : (rn_int)chunks;
    g->chunks = RN_MIN(g->chunks, RN_MAX(4, 4194304 / g->dw_bytes));
    g->chunks = RN_MIN(g->chunks, w->units);
    g->per = (w->units + g->chunks - 1) / g->chunks;
    g->chunks = (w->units + g->per - 1) / g->per;
    g->places = rn_unit_places(w);
    g->table_bytes = rn_window_table_bytes(w);
    g->frame_bytes = w->frame ? RN_ROUND(w->frame * size + 256) : 0;
    g->dz_bytes = g->copy ? RN_ROUND(g->groups * g->panels * g->places * wide * size + 2 * g->filters * size + 256) : 0;
    g->pool_bytes = g->pool ? RN_ROUND(g->places * g->filters * size) : 0;
    return g->table_bytes + (g->frame_bytes + g->dz_bytes + g->pool_bytes) * threads + (g->chunks > 1 && g->dw ? g->chunks * g->dw_bytes : 0)
           + g->chunks * RN_ROUND(g->filters * 8);
}

#define RN_conv_dw_run(dbl, ...) RN_CALL(dbl, conv_dw_run, __VA_ARGS__)

#define RN_TEMPLATE "conv_dw.h"
#include "both.h"

#elif defined(REAL)

#define NR (2 * VL)
#define BLOCK 256 /* places that all tiles pass over before the next ones, at most */

/* dz of `m` places in panels [panel][m][NR], from dy (m, filters) */
static void FN(dz_panels)(const rn_conv_dw *g, const REAL *dy, const REAL *kept, rn_int m, REAL *out, REAL *row)
{
    const rn_int f = g->filters, per_group = f / g->groups, all = g->groups * g->panels;
    if (all == 1 && f == NR) { /* a panel is the array as it is */
        FN(map_slope_span)(g->slope, dy, kept, out, m * f);
        return;
    }
    if (g->slope == RN_RELU && per_group % NR == 0) {
        const VEC zero = FN(splat)(0);
        for (rn_int i = 0; i < m; i++)
            for (rn_int q = 0; q < all; q++, dy += NR, kept += NR) {
                REAL *p = out + (q * m + i) * NR;
                FN(store)(p, UNBITS(BITS(FN(load)(dy)) & GREATER(FN(load)(kept), zero)));
                FN(store)(p + VL, UNBITS(BITS(FN(load)(dy + VL)) & GREATER(FN(load)(kept + VL), zero)));
            }
        return;
    }
    for (rn_int i = 0; i < m; i++, dy += f, kept += f) {
        const REAL *dz = dy;
        if (g->slope != RN_LINEAR) {
            FN(map_slope_span)(g->slope, dy, kept, row, f);
            dz = row;
        }
        for (rn_int q = 0; q < all; q++) {
            const rn_int j = q % g->panels * NR, columns = RN_MIN(NR, per_group - j);
            const REAL *b = dz + q / g->panels * per_group + j;
            REAL *p = out + (q * m + i) * NR;
            if (columns >= VL) {
                FN(store)(p, FN(load)(b));
                if (columns > VL)
                    FN(store)(p + VL, columns == NR ? FN(load)(b + VL) : FN(load_part)(b + VL, columns - VL));
            } else
                FN(store)(p, FN(load_part)(b, columns));
        }
    }
}

static void FN(conv_dw_chunk)(void *job, rn_int chunk)
{

    const rn_conv_dw *g = (const rn_conv_dw *)job;
    const rn_window *w = &g->win;
    const rn_int f = g->filters, per_group = f / g->groups, channels = g->channels / g->groups;
    const rn_int all = g->groups * g->panels, entries = w->taps * channels;
    const rn_int tiles = (entries + RN_MR - 1) / RN_MR, low = entries / tiles, high = entries % tiles;
    REAL *dw = g->chunks == 1 ? (REAL *)g->dw : (REAL *)((char *)g->partial + chunk * g->dw_bytes);
    double *sums = (double *)((char *)g->sums + chunk * RN_ROUND(f * 8));
    char *own = (char *)g->frames + rn_slot() * (g->frame_bytes + g->dz_bytes + g->pool_bytes);
    int first = 1;
    memset(sums, 0, (size_t)f * sizeof(double));
    for (rn_int unit = chunk * g->per; unit < RN_MIN(w->units, (chunk + 1) * g->per); unit++) {
        rn_unit u;
        rn_patch p;
        rn_window_unit(w, unit, &u);
        rn_window_patch(w, &u, 0, &p);
        const rn_int at = (((u.n0 * w->dst[0] + u.d0[0]) * w->dst[1] + u.d0[1]) * w->dst[2] + u.d0[2]) * f;
        const REAL *dz = (const REAL *)g->dy + at, *x = (const REAL *)g->x + u.n0 * w->image;
        rn_int ld = f;
        if (g->pool) {
            REAL *places = (REAL *)(own + g->frame_bytes + g->dz_bytes);
            for (rn_int n = u.n0; n < u.n1; n++)
                FN(unpool_pairs)(g->pool, n, u.d0[1], u.d1[1], places + (n - u.n0) * (u.d1[1] - u.d0[1]) * w->dst[2] * f,
                                 g->db ? sums : NULL);
            dz = places;
        }
        if (g->copy) {
            REAL *panels = (REAL *)(own + g->frame_bytes);
            FN(dz_panels)(g, dz, g->kept ? (const REAL *)g->kept + at : dz, p.places, panels,
                          panels + all * p.places * NR);
            dz = panels;
            ld = NR;
        }
        if (g->db && !g->pool)
            for (rn_int q = 0; q < (g->copy ? all : 1); q++) {
                const rn_int j = q % g->panels * NR;
                if (g->copy)
                    FN(add_columns)(dz + q * p.places * NR, p.places, RN_MIN(NR, per_group - j), NR,
                                    sums + q / g->panels * per_group + j);
                else
                    FN(add_columns)(dz, p.places, f, f, sums);
            }
        if (!g->dw)
            continue;
        if (!w->in_place) {
            FN(fill_frame)(w, &u, RN_LINEAR, (const REAL *)g->x, NULL, 1, (REAL *)own);
            x = (const REAL *)own;
        }
        /* k runs along rows of places: several short rows at a time, or a piece of a long one */
        const rn_int length = p.count[2], rows = p.places / length;
        const rn_int pieces = (length + BLOCK - 1) / BLOCK, together = RN_MAX(1, BLOCK / length);
        for (rn_int r0 = 0; r0 < rows; r0 += together)
            for (rn_int piece = 0; piece < pieces; piece++) {
                rn_int jumps[BLOCK];
                FN(slide) t;
                const rn_int k0 = piece * length / pieces, k1 = (piece + 1) * length / pieces;
                t.runs = RN_MIN(together, rows - r0);
                t.length = k1 - k0;
                t.step = p.move[2];
                t.jumps = jumps;
                t.bias = NULL;
                t.flags = first ? 0 : SLIDE_ADD;
                t.ldb = ld;
                t.ldc = f;
                for (rn_int r = 0; r < t.runs; r++) {
                    const rn_int row = r0 + r, y = row % p.count[1], z = row / p.count[1] % p.count[0],
                                 n = row / p.count[1] / p.count[0];
                    jumps[r] = p.from + n * w->image + z * p.move[0] + y * p.move[1] + k0 * p.move[2];
                }
                for (rn_int q = 0; q < all; q++) {
                    const rn_int group = q / g->panels, j = q % g->panels * NR, columns = RN_MIN(NR, per_group - j);
                    const rn_int nv = columns > VL ? 2 : 1, column = group * per_group + j;
                    t.b = g->copy ? dz + (q * p.places + r0 * length + k0) * NR : dz + (r0 * length + k0) * f + column;
                    t.width = columns - (nv - 1) * VL;
                    rn_int tap = 0, c = 0, e = 0;
                    for (rn_int i = 0; i < tiles; i++) {
                        const rn_int mr = low + (i < high);
                        t.c = dw + e * f + column;
                        for (rn_int m = 0; m < mr; m++) {
                            t.rows[m] = x + w->distance[tap] + group * channels + c;
                            if (++c == channels) {
                                c = 0;
                                tap++;
                            }
                        }
                        e += mr;
                        FN(slides)[mr - 1][SLIDE_ENTRIES][nv - 1](&t);
                    }
                }
                first = 0;
            }
    }
}

static void FN(conv_dw_add)(void *job, rn_int span)
{
    const rn_conv_dw *g = (const rn_conv_dw *)job;
    const rn_int n = g->win.taps * (g->channels / g->groups) * g->filters, from = span * 4096, to = RN_MIN(n, from + 4096);
    REAL *dw = (REAL *)g->dw;
    memcpy(dw + from, (const REAL *)g->partial + from, (size_t)(to - from) * sizeof(REAL));
    for (rn_int c = 1; c < g->chunks; c++) {
        const REAL *part = (const REAL *)((const char *)g->partial + c * g->dw_bytes);
        for (rn_int i = from; i < to; i++)
            dw[i] += part[i];
    }
}

static void FN(conv_dw_run)(rn_conv_dw *g, char *scratch, int threads)
{
    rn_window *w = &g->win;
    rn_window_tables(w, scratch);
    scratch += g->table_bytes;
    g->sums = (double *)scratch;
    scratch += g->chunks * RN_ROUND(g->filters * 8);
    g->frames = scratch;
    g->partial = scratch + threads * (g->frame_bytes + g->dz_bytes + g->pool_bytes);
    rn_run(FN(conv_dw_chunk), g, g->chunks, threads);
    if (g->dw && g->chunks > 1)
        rn_run(FN(conv_dw_add), g, (w->taps * (g->channels / g->groups) * g->filters + 4095) / 4096, threads);
    if (g->db)
        for (rn_int f = 0; f < g->filters; f++) {
            double total = 0;
            for (rn_int c = 0; c < g->chunks; c++)
                total += ((const double *)((const char *)g->sums + c * RN_ROUND(g->filters * 8)))[f];
            ((REAL *)g->db)[f] = (REAL)total;
        }
}

#undef NR
#undef BLOCK
#endif
