/* Both gradients of a 3x3 convolution with stride 1 by Winograd's minimal filtering, in one pass over dz.
 *
 * The forward pass (winograd.h) is linear, so its transpose is the gradient. In the 36 points, for each tile,
 *     D = A dz A^T                                   4x4 gradients -> 36 values
 *     dx += B (D U^T) B^T        U = G w G^T         6x6 places: those of neighbouring tiles overlap by two and add up
 *     dU += (B^T x B)^T D        dw = G^T dU G
 * Both need D, so it is made once, with the derivative of relu and the bias gradient on the way. And dx needs no more tiles
 * than y has: as a convolution of its own (the flipped kernel over dz) it would have more of them, as it is larger.
 *
 * Fast because: a block of tiles stays in L2 through all steps. If dx is wanted, a chunk is some whole images, so the tiles that add to one
 * place of dx belong to one thread, in their order; whichever comes first writes and the others add, nothing is cleared. Each chunk
 * has a dU of its own; they are added in index order.
 * The bias gradient: the 16 numbers of a tile are added in their own type, the tiles in float64.
 */
#ifndef RN_WINOGRAD_BACK_H
#define RN_WINOGRAD_BACK_H
#include "winograd.h"

typedef struct {
    rn_wino grid; /* geometry of the forward pass; x and w if dw and dx are wanted */
    int slope;    /* RN_RELU: dz is dy where kept > 0; RN_LINEAR: dz is dy */
    const void *dy, *kept;
    void *dx, *dw, *db; /* NULL: not wanted */
    const rn_unpool *pool; /* NULL, or dz comes from what was pooled (dy, kept, slope unused) */
    /* plan */
    rn_int unit, chunks, per, block, x_step, d_step, panels; /* chunks of `per` units of `unit` tiles */
    rn_int du_bytes, back_bytes, sum_bytes, thread_bytes;
    char *du, *back, *sums, *own;
} rn_wino_back;

#define RN_WINO_BACK_TILES 56
#define RN_WINO_BACK_IMAGES 4 /* from so many on chunks are whole images and dx can be made beside dw; below, dw alone */

RN_INLINE int rn_wino_back_pays(const rn_axis *axis, rn_int n, rn_int from, rn_int to, int size)
{
    return to >= RN_WINO_CHANNELS && 36 * from * to * size <= RN_WINO_BYTES / 4 && rn_wino_pays(axis, 0, n, from, to, size);
}

RN_INLINE rn_int rn_wino_back_plan(rn_wino_back *b, int threads)
{
    rn_wino *g = &b->grid;
    const rn_int size = g->dbl ? 8 : 4, wide = RN_VB ? 2 * RN_VB / size : 2;
    b->du_bytes = RN_ROUND(36 * g->from * g->to * size);
    b->chunks = RN_MAX(1, RN_MIN(RN_MIN(8, RN_MAX(4, 1048576 / b->du_bytes)), g->tiles / 32));
    b->unit = g->n >= RN_WINO_BACK_IMAGES ? g->down * g->across : 1;
    const rn_int units = g->tiles / b->unit;
    b->chunks = RN_MIN(b->chunks, units);
    b->per = (units + b->chunks - 1) / b->chunks;
    b->chunks = (units + b->per - 1) / b->per;
    const rn_int tiles = b->per * b->unit, blocks = (tiles + RN_WINO_BACK_TILES - 1) / RN_WINO_BACK_TILES;
    b->block = (tiles + blocks - 1) / blocks;
    b->panels = (g->from + wide - 1) / wide;
    b->x_step = b->block * g->from + 64 / size;
    b->d_step = b->block * g->to + 64 / size;
    b->back_bytes = b->dx ? RN_ROUND(36 * g->to * b->panels * wide * size) : 0;
    b->sum_bytes = RN_ROUND(g->to * 8);
    g->zero_bytes = RN_ROUND(RN_MAX(g->from, g->to) * size);
    b->thread_bytes = RN_MAX(RN_ROUND(36 * (b->x_step + b->d_step) * size), RN_ROUND(9 * g->to * wide * size));
    return b->back_bytes + g->zero_bytes + b->chunks * (b->sum_bytes + (b->dw ? b->du_bytes : 0)) + threads * b->thread_bytes;
}

#define RN_wino_back_run(dbl, ...) RN_CALL(dbl, wino_back_run, __VA_ARGS__)

#define RN_TEMPLATE "winograd_back.h"
#include "both.h"

#elif defined(REAL)

#define NR (2 * VL)

/* What the 16 numbers of a tile of dz come from: `place` pointers to dy (or what was pooled), to what f' needs, and to the winners. */
typedef struct {
    const REAL *dy[16], *kept[16];
    const uint8_t *winner[4];
} FN(wino_tile);

static void FN(wino_tile_at)(const rn_wino_back *b, FN(wino_at) at, FN(wino_tile) *s)
{
    const rn_wino *g = &b->grid;
    const REAL *zeros = (const REAL *)g->zeros;
    if (!b->pool) {
        FN(wino_pointers)((const REAL *)b->dy, g->dst, g->to, at.n, at.y, at.x, 4, zeros, s->dy);
        if (b->slope == RN_RELU)
            FN(wino_pointers)((const REAL *)b->kept, g->dst, g->to, at.n, at.y, at.x, 4, zeros, s->kept);
        return;
    }
    for (int i = 0; i < 4; i++) {
        const rn_int y = at.y / 2 + i / 2, x = at.x / 2 + i % 2, place = ((at.n * b->pool->out[0] + y) * b->pool->out[1] + x) * g->to;
        const int inside = y < b->pool->out[0] && x < b->pool->out[1];
        s->dy[i] = inside ? (const REAL *)b->pool->dy + place : zeros;
        s->kept[i] = inside ? (const REAL *)b->pool->kept + place : zeros;
        s->winner[i] = inside ? b->pool->winner + place : (const uint8_t *)zeros;
    }
}

RN_FLAT VEC FN(wino_slope)(int slope, const FN(wino_tile) *s, int place, rn_int k)
{
    const VEC dy = FN(load)(s->dy[place] + k);
    return slope == RN_RELU ? UNBITS(BITS(dy) & GREATER(FN(load)(s->kept[place] + k), FN(splat)(0))) : dy;
}

/* D of one tile, channels k .. k + VL, into d[point]; sums[0 .. VL) += its dz. */
RN_FLAT void FN(wino_slope_tile)(const int pooled, const int slope, const FN(wino_tile) *s, rn_int k, REAL *d, rn_int step, double *sums)
{
    VEC half[24], row[6], total = FN(splat)(0), won[4];
    IVEC winner[4];
    FN(sum64) sum;
    if (pooled) {
        RN_UNROLL
        for (int i = 0; i < 4; i++) {
            won[i] = FN(wino_slope)(slope, s, i, k);
            winner[i] = FN(read_winner)(s->winner[i] + k, VL);
        }
        total = (won[0] + won[1]) + (won[2] + won[3]);
    }
    for (int i = 0; i < 4; i++) {
        RN_UNROLL
        for (int j = 0; j < 4; j++) {
            const int from = i / 2 * 2 + j / 2, number = i % 2 * 2 + j % 2;
            row[j] = pooled ? UNBITS(BITS(won[from]) & (IVEC)EQUAL(winner[from], (IVEC){0} + (INT)number))
                            : FN(wino_slope)(slope, s, i * 4 + j, k);
        }
        if (!pooled)
            total += (row[0] + row[1]) + (row[2] + row[3]);
        FN(wino_out_back)(row, 1, half + i * 6);
    }
    FN(sum_clear)(&sum);
    FN(sum_add)(&sum, total);
    FN(sum_lanes)(&sum, sums);
    for (int j = 0; j < 6; j++) {
        FN(wino_out_back)(half + j, 6, row);
        for (int i = 0; i < 6; i++)
            FN(store)(d + (i * 6 + j) * step, row[i]);
    }
}

/* D of tiles first .. first + count, into d[point][tile][channel]; sums[channel] += their dz. */
static void FN(wino_slopes)(const rn_wino_back *b, rn_int first, rn_int count, REAL *d, double *sums)
{
    const rn_int to = b->grid.to, step = b->d_step;
    const int slope = b->pool ? b->pool->slope : b->slope;
    for (rn_int t = 0; t < count; t++, d += to) {
        FN(wino_tile) s;
        FN(wino_tile_at)(b, FN(wino_place)(&b->grid, first + t), &s);
        for (rn_int k = 0; k < to; k += VL)
            if (b->pool)
                FN(wino_slope_tile)(1, slope, &s, k, d + k, step, sums + k);
            else if (slope == RN_RELU)
                FN(wino_slope_tile)(0, RN_RELU, &s, k, d + k, step, sums + k);
            else
                FN(wino_slope_tile)(0, RN_LINEAR, &s, k, d + k, step, sums + k);
    }
}

/* dx += B m B^T of tiles first .. first + count. A tile's first two rows and columns are the last two of its neighbours. */
static void FN(wino_places)(const rn_wino_back *b, rn_int first, rn_int count, const REAL *m)
{
    const rn_wino *g = &b->grid;
    const rn_int c = g->from, step = b->x_step;
    for (rn_int t = 0; t < count; t++) {
        const FN(wino_at) at = FN(wino_place)(g, first + t);
        const rn_int y0 = at.y + g->origin[0], x0 = at.x + g->origin[1];
        const rn_int i0 = RN_MAX(0, -y0), i1 = RN_MIN(6, g->src[0] - y0), j0 = RN_MAX(0, -x0), j1 = RN_MIN(6, g->src[1] - x0);
        REAL *dx = (REAL *)b->dx + ((at.n * g->src[0] + y0) * g->src[1] + x0) * c;
        for (rn_int k = 0; k < c; k += VL) {
            VEC half[36], row[6];
            const REAL *in = m + t * c + k;
            for (int j = 0; j < 6; j++) {
                RN_UNROLL
                for (int i = 0; i < 6; i++)
                    row[i] = FN(load)(in + (i * 6 + j) * step);
                FN(wino_in_back)(row, 1, half + j * 6);
            }
            for (rn_int i = i0; i < i1; i++) {
                REAL *out = dx + i * g->src[1] * c + k;
                FN(wino_in_back)(half + i, 6, row);
                const rn_int seen = at.y > 0 && i < 2 ? 6 : at.x > 0 ? 2 : 0; /* that many have been written */
                for (rn_int j = j0; j < j1; j++)
                    FN(store)(out + j * c, j < seen ? FN(load)(out + j * c) + row[j] : row[j]);
            }
        }
    }
}

/* Places of dx that no tile reaches, at its end: there are some if the last windows were left out (conv_pool.h). */
static void FN(wino_rest)(const rn_wino_back *b, rn_int n)
{
    const rn_wino *g = &b->grid;
    const rn_int c = g->from, row = g->src[1] * c;
    const rn_int y1 = RN_MIN(g->src[0], 4 * g->down + 2 + g->origin[0]), x1 = RN_MIN(g->src[1], 4 * g->across + 2 + g->origin[1]);
    REAL *dx = (REAL *)b->dx + n * g->src[0] * row;
    for (rn_int y = 0; y < y1 && x1 < g->src[1]; y++)
        memset(dx + y * row + x1 * c, 0, (size_t)((g->src[1] - x1) * c) * sizeof(REAL));
    memset(dx + y1 * row, 0, (size_t)((g->src[0] - y1) * row) * sizeof(REAL));
}

/* dU[point] (+)= V[point]^T D[point]: `count` tiles are summed */
static void FN(wino_outer)(const rn_wino_back *b, const REAL *v, const REAL *d, rn_int count, REAL *du, int flags)
{
    static const rn_int none[1] = {0};
    const rn_int from = b->grid.from, to = b->grid.to, tiles = (from + RN_MR - 1) / RN_MR, low = from / tiles, high = from % tiles;
    FN(slide) t;
    t.jumps = none;
    t.runs = 1;
    t.length = count;
    t.step = from;
    t.ldb = t.ldc = to;
    t.bias = NULL;
    t.width = VL;
    t.flags = flags;
    for (int point = 0; point < 36; point++)
        for (rn_int j = 0; j < to; j += NR) {
            rn_int c = 0;
            t.b = d + point * b->d_step + j;
            for (rn_int i = 0; i < tiles; i++) {
                const rn_int mr = low + (i < high);
                for (rn_int k = 0; k < mr; k++)
                    t.rows[k] = v + point * b->x_step + c + k;
                t.c = du + (point * from + c) * to + j;
                FN(slides)[mr - 1][SLIDE_ENTRIES][to - j > VL](&t);
                c += mr;
            }
        }
}

static void FN(wino_back_weights)(void *job, rn_int panel)
{
    const rn_wino_back *b = (const rn_wino_back *)job;
    FN(wino_panel)((const REAL *)b->grid.w, b->grid.to, b->grid.from, 1, 0, panel, (REAL *)(b->own + rn_slot() * b->thread_bytes),
                   (REAL *)b->back);
}

static void FN(wino_back_chunk)(void *job, rn_int chunk)
{
    const rn_wino_back *b = (const rn_wino_back *)job;
    const rn_wino *g = &b->grid;
    REAL *v = (REAL *)(b->own + rn_slot() * b->thread_bytes), *d = v + 36 * b->x_step;
    double *sums = (double *)(b->sums + chunk * b->sum_bytes);
    const rn_int begin = chunk * b->per * b->unit, end = RN_MIN(g->tiles, begin + b->per * b->unit);
    memset(sums, 0, (size_t)b->sum_bytes);
    for (rn_int n = chunk * b->per; b->dx && n < RN_MIN(g->n, (chunk + 1) * b->per); n++)
        FN(wino_rest)(b, n);
    for (rn_int first = begin; first < end; first += b->block) {
        const rn_int count = RN_MIN(b->block, end - first);
        FN(wino_slopes)(b, first, count, d, sums);
        if (b->dx) {
            FN(wino_multiply)(d, b->d_step, count, g->to, (const REAL *)b->back, g->from, b->panels, v, b->x_step);
            FN(wino_places)(b, first, count, v);
        }
        if (b->dw) {
            FN(wino_source)(g, first, count, v, b->x_step);
            FN(wino_outer)(b, v, d, count, (REAL *)(b->du + chunk * b->du_bytes), first == begin ? 0 : SLIDE_ADD);
        }
    }
}

static void FN(wino_back_finish)(void *job, rn_int c)
{
    const rn_wino_back *b = (const rn_wino_back *)job;
    const rn_int from = b->grid.from, to = b->grid.to;
    for (rn_int k = 0; k < to; k += VL) {
        VEC half[18], six[6], three[3];
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 6; j++) {
                const char *p = b->du + (((i * 6 + j) * from + c) * to + k) * (rn_int)sizeof(REAL);
                six[j] = FN(load)((const REAL *)p);
                for (rn_int chunk = 1; chunk < b->chunks; chunk++)
                    six[j] += FN(load)((const REAL *)(p + chunk * b->du_bytes));
            }
            FN(wino_kernel_back)(six, 1, half + i * 3);
        }
        for (int j = 0; j < 3; j++) {
            FN(wino_kernel_back)(half + j, 3, three);
            for (int i = 0; i < 3; i++)
                FN(store)((REAL *)b->dw + ((i * 3 + j) * from + c) * to + k, three[i]);
        }
    }
}

static void FN(wino_back_run)(rn_wino_back *b, char *scratch, int threads)
{
    rn_wino *g = &b->grid;
    b->back = scratch;
    g->zeros = b->back + b->back_bytes;
    b->sums = g->zeros + g->zero_bytes;
    b->du = b->sums + b->chunks * b->sum_bytes;
    b->own = b->du + (b->dw ? b->chunks * b->du_bytes : 0);
    memset(g->zeros, 0, (size_t)g->zero_bytes);
    if (b->dx)
        rn_run(FN(wino_back_weights), b, b->panels, b->back_bytes > 131072 ? threads : 1);
    rn_run(FN(wino_back_chunk), b, b->chunks, threads);
    if (b->dw)
        rn_run(FN(wino_back_finish), b, g->from, b->chunks * b->du_bytes > 131072 ? threads : 1);
    if (b->db)
        for (rn_int f = 0; f < g->to; f++) {
            double total = 0;
            for (rn_int c = 0; c < b->chunks; c++)
                total += ((const double *)(b->sums + c * b->sum_bytes))[f];
            ((REAL *)b->db)[f] = (REAL)total;
        }
}

#undef NR
#endif
