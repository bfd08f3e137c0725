/* 3x3 convolution with stride 1 by Winograd's minimal filtering, F(4x4, 3x3): a quarter of the multiplications.
 *
 * Idea. A tile of 4x4 results depends on 6x6 places. Read both as polynomials: the convolution is their product, and a product of
 * polynomials is found from values at points. Evaluate at six points per axis, multiply the values (36 products for each pair of
 * channels instead of 144), interpolate:
 *     y = A^T [ (G w G^T) . (B^T x B) ] A                  . elementwise in the 36 values, summed over channels: 36 small matrix products
 * All maps are linear, so the gradients are their transposes: winograd_back.h.
 *
 * Points 0, 3/4, -3/4, 3/2, -3/2, infinity: B and A are exact in binary, and the error is half of that for the usual 0, 1, -1, 2, -2.
 * Error against float64, x and results of size 1: 32 channels rms 6e-7, largest 7e-6; 64: 8e-7, 8e-6; 128: 1.1e-6, 1e-5 (direct: 1.2e-7
 * to 2e-7, largest 0.7e-6 to 1.2e-6). Half of it comes from the sums over channels, in single precision at each point. That is within the rule
 * for the twin from 32 summed channels on, and those are the layers it is used for. A NaN or an infinity spreads to its 4x4 tile.
 *
 * Fast because: blocks of about 28 tiles go through all three steps in L2; transforms work on vectors of channels; the products are
 * the register tile. Zeros around the image are a pointer to zeros: nothing is padded.
 * References: Winograd (1980), Arithmetic complexity of computations; Lavin, Gray (2016), arXiv:1509.09308.
 */
#ifndef RN_WINOGRAD_H
#define RN_WINOGRAD_H
#include "conv_pool.h"
#include "slide.h"
#include "transpose.h"
#include "window.h"

typedef struct {
    int dbl, back, kind;
    rn_int n, from, to;               /* images; channels of source and destination */
    rn_int src[2], dst[2], origin[2]; /* places; origin: the first source place that destination 0 reads, may be negative */
    const void *x, *w, *bias;
    void *y, *z; /* z, and y = f(z) where that is not z */
    const rn_pool *pool; /* NULL, or 2x2 maxima of y are wanted and not y */
    /* plan */
    rn_int down, across, tiles, block, blocks, panels;
    rn_int x_step, y_step; /* elements between two of the 36 matrices of a block */
    rn_int weight_bytes, thread_bytes, zero_bytes;
    char *weights, *own, *zeros;
} rn_wino;

#define RN_WINO_TILES 28
#define RN_WINO_BYTES 41943040 /* of transformed kernels, at most */
#define RN_WINO_CHANNELS 32    /* summed in each product, at least: below, the error would exceed the rule for the twin */

/* Does it pay, and is it accurate enough? axis: of the convolution; from, to: channels of source and destination. */
RN_INLINE int rn_wino_pays(const rn_axis *axis, int back, rn_int n, rn_int from, rn_int to, int size)
{
    const rn_int lanes = RN_VB ? RN_VB / size : 1;
    if (axis[0].kernel != 1 || axis[0].in != 1 || axis[0].out != 1 || from < RN_WINO_CHANNELS || to < 32 || from % lanes || to % lanes)
        return 0;
    if (36 * from * to * size > RN_WINO_BYTES)
        return 0;
    rn_int tiles = n, places = n;
    for (int a = 1; a < 3; a++) {
        const rn_int out = back ? axis[a].in : axis[a].out;
        if (axis[a].kernel != 3 || axis[a].stride != 1 || axis[a].dilation != 1)
            return 0;
        tiles *= (out + 3) / 4;
        places *= out;
    }
    return tiles >= 32 && places * 9 * 2 >= tiles * 36 * 3;
}

RN_INLINE void rn_wino_set(rn_wino *g, const rn_axis *axis, int back)
{
    g->back = back;
    for (int a = 0; a < 2; a++) {
        const rn_axis *x = &axis[a + 1];
        g->src[a] = back ? x->out : x->in;
        g->dst[a] = back ? x->in : x->out;
        g->origin[a] = back ? x->before - 2 : -x->before;
    }
    g->down = (g->dst[0] + 3) / 4;
    g->across = (g->dst[1] + 3) / 4;
    g->tiles = g->n * g->down * g->across;
}

RN_INLINE rn_int rn_wino_plan(rn_wino *g, int threads)
{
    const rn_int size = g->dbl ? 8 : 4, wide = RN_VB ? 2 * RN_VB / size : 2;
    g->blocks = (g->tiles + RN_WINO_TILES - 1) / RN_WINO_TILES;
    if (g->blocks < 16)
        g->blocks = RN_MIN((g->blocks + 3) / 4 * 4, g->tiles);
    g->block = (g->tiles + g->blocks - 1) / g->blocks;
    g->blocks = (g->tiles + g->block - 1) / g->block;
    g->panels = (g->to + wide - 1) / wide;
    g->x_step = g->block * g->from + 64 / size;
    g->y_step = g->block * g->to + 64 / size;
    g->zero_bytes = RN_ROUND(RN_MAX(g->from, g->to) * size);
    g->weight_bytes = RN_ROUND(36 * g->from * g->panels * wide * size);
    g->thread_bytes = RN_MAX(RN_ROUND(36 * (g->x_step + g->y_step) * size), RN_ROUND(9 * g->from * wide * size)); /* packing uses it first */
    return g->weight_bytes + g->zero_bytes + threads * g->thread_bytes;
}

#define RN_wino_run(dbl, ...) RN_CALL(dbl, wino_run, __VA_ARGS__)

#define RN_TEMPLATE "winograd.h"
#include "both.h"

#elif defined(REAL)

#define NR (2 * VL)
#define PA ((REAL)0.75) /* the points */
#define PB ((REAL)1.5)
#define PA2 (PA * PA)
#define PB2 (PB * PB)
#define PA3 (PA2 * PA)
#define PB3 (PB2 * PB)
#define G0 ((REAL)(1 / (0.5625 * 2.25)))
#define GA ((REAL)(1 / (2 * 0.5625 * (0.5625 - 2.25))))
#define GB ((REAL)(1 / (2 * 2.25 * (2.25 - 0.5625))))

/* B^T d: six places -> values at six points */
RN_FLAT void FN(wino_in)(const VEC *d, rn_int step, VEC *v)
{
    const VEC d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const VEC even_a = d4 - PB2 * d2, odd_a = PA * (d3 - PB2 * d1), even_b = d4 - PA2 * d2, odd_b = PB * (d3 - PA2 * d1);
    v[0] = PA2 * PB2 * d0 - (PA2 + PB2) * d2 + d4;
    v[1] = even_a + odd_a;
    v[2] = even_a - odd_a;
    v[3] = even_b + odd_b;
    v[4] = even_b - odd_b;
    v[5] = PA2 * PB2 * d1 - (PA2 + PB2) * d3 + d5;
}

/* B v: six points -> six places (the transpose of wino_in) */
RN_FLAT void FN(wino_in_back)(const VEC *v, rn_int step, VEC *d)
{
    const VEC v0 = v[0], v5 = v[5 * step], sa = v[step] + v[2 * step], da = PA * (v[step] - v[2 * step]);
    const VEC sb = v[3 * step] + v[4 * step], db = PB * (v[3 * step] - v[4 * step]);
    d[0] = PA2 * PB2 * v0;
    d[1] = PA2 * PB2 * v5 - PB2 * da - PA2 * db;
    d[2] = -((PA2 + PB2) * v0 + PB2 * sa + PA2 * sb);
    d[3] = da + db - (PA2 + PB2) * v5;
    d[4] = v0 + sa + sb;
    d[5] = v5;
}

/* A^T m: values at six points -> four results */
RN_FLAT void FN(wino_out)(const VEC *m, rn_int step, VEC *y)
{
    const VEC sa = m[step] + m[2 * step], da = m[step] - m[2 * step], sb = m[3 * step] + m[4 * step], db = m[3 * step] - m[4 * step];
    y[0] = m[0] + sa + sb;
    y[1] = PA * da + PB * db;
    y[2] = PA2 * sa + PB2 * sb;
    y[3] = PA3 * da + PB3 * db + m[5 * step];
}

/* A z: four results -> six points (the transpose of wino_out) */
RN_FLAT void FN(wino_out_back)(const VEC *z, rn_int step, VEC *v)
{
    const VEC z0 = z[0], z1 = z[step], z2 = z[2 * step], z3 = z[3 * step];
    const VEC even_a = z0 + PA2 * z2, odd_a = PA * z1 + PA3 * z3, even_b = z0 + PB2 * z2, odd_b = PB * z1 + PB3 * z3;
    v[0] = z0;
    v[1] = even_a + odd_a;
    v[2] = even_a - odd_a;
    v[3] = even_b + odd_b;
    v[4] = even_b - odd_b;
    v[5] = z3;
}

/* G g: three entries of a kernel -> six points */
RN_FLAT void FN(wino_kernel)(const VEC *g, rn_int step, VEC *u)
{
    const VEC g0 = g[0], g1 = g[step], g2 = g[2 * step];
    const VEC even_a = (g0 + PA2 * g2) * GA, odd_a = (PA * GA) * g1, even_b = (g0 + PB2 * g2) * GB, odd_b = (PB * GB) * g1;
    u[0] = g0 * G0;
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g2;
}

/* G^T u: six points -> three entries of a kernel (the transpose of wino_kernel) */
RN_FLAT void FN(wino_kernel_back)(const VEC *u, rn_int step, VEC *g)
{
    const VEC sa = (u[step] + u[2 * step]) * GA, da = (u[step] - u[2 * step]) * (PA * GA);
    const VEC sb = (u[3 * step] + u[4 * step]) * GB, db = (u[3 * step] - u[4 * step]) * (PB * GB);
    g[0] = u[0] * G0 + sa + sb;
    g[1] = da + db;
    g[2] = PA2 * sa + PB2 * sb + u[5 * step];
}

/* ---- steps over a block of tiles ------------------------------------------------------------------------------------ */

typedef struct {
    rn_int n, y, x; /* of a tile: image, first destination place */
} FN(wino_at);

RN_INLINE FN(wino_at) FN(wino_place)(const rn_wino *g, rn_int tile)
{
    FN(wino_at) at = {tile / (g->down * g->across), tile / g->across % g->down * 4, tile % g->across * 4};
    return at;
}

/* rows x rows pointers into a grid (n, h, w, c), zeros where it ends */
RN_INLINE void FN(wino_pointers)(const REAL *grid, const rn_int *size, rn_int c, rn_int n, rn_int y0, rn_int x0, int rows,
                                 const REAL *zeros, const REAL **p)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            const rn_int y = y0 + i, x = x0 + j;
            const int inside = y >= 0 && y < size[0] && x >= 0 && x < size[1];
            p[i * rows + j] = inside ? grid + ((n * size[0] + y) * size[1] + x) * c : zeros;
        }
}

/* Tiles first .. first + count of the source: B^T x B, into v[point][tile][channel], points `step` apart. */
static void FN(wino_source)(const rn_wino *g, rn_int first, rn_int count, REAL *v, rn_int step)
{
    const rn_int c = g->from;
    for (rn_int t = 0; t < count; t++) {
        const REAL *p[36];
        const FN(wino_at) at = FN(wino_place)(g, first + t);
        FN(wino_pointers)((const REAL *)g->x, g->src, c, at.n, at.y + g->origin[0], at.x + g->origin[1], 6, (const REAL *)g->zeros, p);
        for (rn_int k = 0; k < c; k += VL) {
            VEC half[36], row[6];
            REAL *out = v + t * c + k;
            for (int i = 0; i < 6; i++) {
                RN_UNROLL
                for (int j = 0; j < 6; j++)
                    row[j] = FN(load)(p[i * 6 + j] + k);
                FN(wino_in)(row, 1, half + i * 6);
            }
            for (int j = 0; j < 6; j++) {
                FN(wino_in)(half + j, 6, row);
                RN_UNROLL
                for (int i = 0; i < 6; i++)
                    FN(store)(out + (i * 6 + j) * step, row[i]);
            }
        }
    }
}

/* Panel number `panel` of G w G^T, into out[point][panel][from][NR]. `exchanged`: w is (3, 3, to, from), not (3, 3, from, to);
 * `flipped`: read backwards as well. pack: room for 9 from NR numbers. */
static void FN(wino_panel)(const REAL *w, rn_int from, rn_int to, int exchanged, int flipped, rn_int panel, REAL *pack, REAL *out)
{
    const rn_int j = panel * NR, columns = RN_MIN(NR, to - j), panels = (to + NR - 1) / NR, each = from * panels * NR;
    rn_int ld = to, tap = from * to;
    out += panel * from * NR;
    if (exchanged) {
        for (int t = 0; t < 9; t++)
            FN(pack_transposed)(w + ((flipped ? 8 - t : t) * to + j) * from, from, columns, from, pack + t * from * NR, NR);
        w = pack;
        ld = NR;
        tap = from * NR;
    } else
        w += j;
    for (rn_int k = 0; k < from; k++)
        for (rn_int q = 0; q < columns; q += VL) {
            VEC taps[9], half[18], u[6];
            for (int t = 0; t < 9; t++)
                taps[t] = FN(load)(w + t * tap + k * ld + q);
            for (int i = 0; i < 3; i++)
                FN(wino_kernel)(taps + i * 3, 1, half + i * 6);
            for (int b = 0; b < 6; b++) {
                FN(wino_kernel)(half + b, 6, u);
                for (int a = 0; a < 6; a++)
                    FN(store)(out + (a * 6 + b) * each + k * NR + q, u[a]);
            }
        }
}

/* The 36 products of a block: c[point] (rows, n) = a[point] (rows, k) b[point] (k, n), b in panels [point][panel][k][NR]. */
static void FN(wino_multiply)(const REAL *a, rn_int a_step, rn_int rows, rn_int k, const REAL *b, rn_int n, rn_int panels, REAL *c,
                              rn_int c_step)
{
    static const rn_int none[1] = {0};
    const rn_int tiles = (rows + RN_MR - 1) / RN_MR, low = rows / tiles, high = rows % tiles;
    FN(slide) t;
    t.jumps = none;
    t.runs = 1;
    t.length = k;
    t.step = 1;
    t.ldb = NR;
    t.ldc = n;
    t.bias = NULL;
    t.width = VL;
    t.flags = 0;
    for (int point = 0; point < 36; point++)
        for (rn_int panel = 0; panel < panels; panel++) {
            const int two = n - panel * NR > VL;
            rn_int r = 0;
            t.b = b + (point * panels + panel) * k * NR;
            for (rn_int i = 0; i < tiles; i++) {
                const rn_int mr = low + (i < high);
                for (rn_int m = 0; m < mr; m++)
                    t.rows[m] = a + point * a_step + (r + m) * k;
                t.c = c + point * c_step + r * n + panel * NR;
                FN(slides)[mr - 1][SLIDE_PLACES][two](&t);
                r += mr;
            }
        }
}

static void FN(wino_weights)(void *job, rn_int panel)
{
    const rn_wino *g = (const rn_wino *)job;
    FN(wino_panel)((const REAL *)g->w, g->from, g->to, g->back, g->back, panel, (REAL *)(g->own + rn_slot() * g->thread_bytes),
                   (REAL *)g->weights);
}

/* The 2x2 maxima of a tile y[column][row] of one vector of channels, from k on. */
RN_FLAT void FN(wino_pool)(const rn_wino *g, FN(wino_at) at, rn_int k, const VEC *y)
{
    const rn_pool *pool = g->pool;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const rn_int row = at.y / 2 + i, column = at.x / 2 + j;
            const VEC *four = y + j * 8 + i * 2;
            if (row >= pool->axis[1].out || column >= pool->axis[2].out)
                continue;
            const rn_int to = ((at.n * pool->axis[1].out + row) * pool->axis[2].out + column) * g->to + k;
            VEC best = four[0];
            IVEC winner = (IVEC){0};
            for (int p = 1; p < 4; p++) { /* rows, then columns */
                const VEC v = four[p % 2 * 4 + p / 2];
                const IVEC better = FN(beats)(v, best);
                best = FN(select)(better, v, best);
                winner = (better & (INT)p) | (winner & ~better);
            }
            FN(store)((REAL *)pool->out + to, best);
            if (pool->winner)
                FN(put_winner)(pool, to, winner, VL);
        }
}

static void FN(wino_block)(void *job, rn_int block)
{
    const rn_wino *g = (const rn_wino *)job;
    const rn_int from = g->from, to = g->to, first = block * g->block, count = RN_MIN(g->block, g->tiles - first);
    REAL *v = (REAL *)(g->own + rn_slot() * g->thread_bytes), *m = v + 36 * g->x_step;
    FN(wino_source)(g, first, count, v, g->x_step);
    FN(wino_multiply)(v, g->x_step, count, from, (const REAL *)g->weights, to, g->panels, m, g->y_step);
    const REAL *bias = (const REAL *)g->bias;
    for (rn_int t = 0; t < count; t++) {
        const FN(wino_at) at = FN(wino_place)(g, first + t);
        const rn_int rows = RN_MIN(4, g->dst[0] - at.y), columns = RN_MIN(4, g->dst[1] - at.x);
        REAL *z = (REAL *)g->z + ((at.n * g->dst[0] + at.y) * g->dst[1] + at.x) * to;
        for (rn_int k = 0; k < to; k += VL) {
            VEC half[24], six[6], y[16];
            const REAL *in = m + t * to + k;
            const VEC shift = bias ? FN(load)(bias + k) : FN(splat)(0);
            for (int i = 0; i < 6; i++) {
                RN_UNROLL
                for (int j = 0; j < 6; j++)
                    six[j] = FN(load)(in + (i * 6 + j) * g->y_step);
                FN(wino_out)(six, 1, half + i * 4);
            }
            for (int j = 0; j < 4; j++) {
                FN(wino_out)(half + j, 4, y + j * 4);
                for (int i = 0; i < 4; i++) {
                    const VEC sum = y[j * 4 + i] + shift;
                    y[j * 4 + i] = g->kind == RN_RELU ? FN(vrelu)(sum) : sum;
                }
            }
            if (g->pool) {
                if (g->kind > RN_RELU) /* values may become equal, so not after the maximum */
                    for (int i = 0; i < 16; i++)
                        y[i] = g->kind == RN_TANH ? FN(vtanh)(y[i]) : FN(vsigmoid)(y[i]);
                FN(wino_pool)(g, at, k, y);
                continue;
            }
            for (int j = 0; j < columns; j++)
                for (int i = 0; i < rows; i++)
                    FN(store)(z + (i * g->dst[1] + j) * to + k, y[j * 4 + i]);
        }
        if (g->kind > RN_RELU && !g->pool)
            for (rn_int i = 0; i < rows; i++) {
                REAL *row = z + i * g->dst[1] * to;
                FN(map_span)(g->kind, row, row - (REAL *)g->z + (REAL *)g->y, columns * to);
            }
    }
}

static void FN(wino_run)(rn_wino *g, char *scratch, int threads)
{
    g->weights = scratch;
    g->zeros = scratch + g->weight_bytes;
    g->own = g->zeros + g->zero_bytes;
    memset(g->zeros, 0, (size_t)g->zero_bytes);
    rn_run(FN(wino_weights), g, g->panels, g->weight_bytes > 131072 ? threads : 1);
    rn_run(FN(wino_block), g, g->blocks, threads);
}

#undef NR
#undef PA
#undef PB
#undef PA2
#undef PB2
#undef PA3
#undef PB3
#undef G0
#undef GA
#undef GB
#endif
