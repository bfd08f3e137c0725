/* Matrix product around the register tile: C = f(A B + bias), either operand transposed.
 *
 * Ways to walk, chosen by shape:
 *   by panels   B is wide. A chunk owns panels (two vectors of columns); it packs a run of k of its panel into L1 and
 *               takes all rows through it. Nothing is packed twice and no thread waits for another.
 *   by rows     all else. B is packed beforehand (in parallel) or read in place; a chunk owns a block of rows and
 *               columns. A transposed A is packed tile by tile and used for all panels of the block.
 *   stripes, outer   few rows, tall narrow gradients: narrow.h.
 * Rows are cut into tiles of equal height (128 rows: 8 tiles of 13 and 2 of 12, not 9 of 14 and one of 2).
 * The plan depends on shape and instruction set only. Each element of C is summed in an order that the plan fixes.
 */
#ifndef RN_GEMM_H
#define RN_GEMM_H
#include "map.h"
#include "narrow.h"
#include "tile.h"
#include "transpose.h"

enum { RN_BY_ROWS, RN_BY_PANELS, RN_STRIPES, RN_OUTER };

typedef struct {
    /* what: A(i, k) = a[i lda + k], or a[k lda + i] if at; B(k, j) = b[k ldb + j], or b[j ldb + k] if bt */
    int dbl, at, bt, kind;
    rn_int m, n, k, lda, ldb, ldc;
    const void *a, *b, *bias;
    const int64_t *rows; /* if not NULL, row i of A in memory is row rows[i] of a: a batch drawn from a data set in place */
    void *c, *y; /* y: where f(C) goes if C itself must stay (gelu, silu); else NULL */
    /* plan */
    int walk, k_outer;
    rn_int tiles, panels, kc, first_packed, tiles_per, panels_per, row_chunks, panel_chunks;
    void *scratch;
} rn_gemm;

RN_INLINE void rn_gemm_set(rn_gemm *g, int dbl, rn_int m, rn_int n, rn_int k, const void *a, rn_int lda, int at,
                           const void *b, rn_int ldb, int bt, void *c)
{
    memset(g, 0, sizeof *g);
    g->dbl = dbl;
    g->m = m;
    g->n = n;
    g->k = k;
    g->a = a;
    g->lda = lda;
    g->at = at;
    g->b = b;
    g->ldb = ldb;
    g->bt = bt;
    g->c = c;
    g->ldc = n;
}

#ifdef RN_SCALAR
#define RN_KC 1024
#else
#define RN_KC (32768 / (2 * RN_VB)) /* a panel's run of k: 32 KiB, most of L1 */
#endif

/* float32 operations per nanosecond that one thread can be expected to do: for deciding whether threads are worth it */
#define RN_FLOPS_PER_NS (RN_VB >= 64 ? 150.0 : RN_VB >= 32 ? 75.0 : 15.0)

#define RN_TEMPLATE "gemm.h"
#include "both.h"

/* Plans, and returns the bytes of scratch that rn_gemm_run wants in g->scratch. */
RN_INLINE rn_int rn_gemm_plan(rn_gemm *g) { return g->dbl ? gemm_plan_d(g) : gemm_plan_f(g); }

RN_INLINE void rn_gemm_run(rn_gemm *g, int threads)
{
    if (g->dbl)
        gemm_run_d(g, threads);
    else
        gemm_run_f(g, threads);
}

/* ---- a batch of products whose operands lie one after the other ------------------------------------------------- */

typedef struct {
    const rn_gemm *g;
    rn_int need;
} rn_batch_job;

static void rn_batch_chunk(void *p, rn_int i)
{
    const rn_batch_job *j = (const rn_batch_job *)p;
    rn_gemm g = *j->g;
    const rn_int size = g.dbl ? 8 : 4;
    rn_int slot = 0;
#ifdef _OPENMP
    slot = omp_get_thread_num();
#endif
    g.a = (const char *)g.a + i * g.m * g.k * size;
    g.b = (const char *)g.b + i * g.k * g.n * size;
    g.c = (char *)g.c + i * g.m * g.n * size;
    g.scratch = (char *)g.scratch + slot * j->need;
    rn_gemm_run(&g, 1);
}

/* g is planned, for the first pair; g->scratch has `need` bytes for each of the threads. Whether products or parts of
 * one are given to threads changes nothing in the order of any sum. */
RN_INLINE void rn_gemm_batch(rn_gemm *g, rn_int count, rn_int need, int threads)
{
    rn_batch_job j = {g, need};
    if (count == 1)
        rn_gemm_run(g, threads);
    else if (count >= 2 * threads)
        rn_run(rn_batch_chunk, &j, count, threads);
    else
        for (rn_int i = 0; i < count; i++) {
            rn_gemm one = *g;
            const rn_int size = g->dbl ? 8 : 4;
            one.a = (const char *)g->a + i * g->m * g->k * size;
            one.b = (const char *)g->b + i * g->k * g->n * size;
            one.c = (char *)g->c + i * g->m * g->n * size;
            rn_gemm_run(&one, threads);
        }
}

#elif defined(REAL)

#define NR (2 * VL)

static rn_int FN(gemm_plan)(rn_gemm *g)
{
    const rn_int size = sizeof(REAL), m = g->m, n = g->n, k = g->k;
    const int tail = n % VL != 0;
    g->tiles = (m + RN_MR - 1) / RN_MR;
    g->panels = (n + NR - 1) / NR;
    if (!g->at && !g->bt && !g->rows && m <= 3 && n >= RN_STRIPE * VL && k > 1) {
        g->walk = RN_STRIPES;
        return 0;
    }
    if (g->at && !g->bt && n <= RN_OUTER_WIDE * VL && m >= 8 * n && m * k * size >= 262144) {
        g->walk = RN_OUTER;
        return 0;
    }
    g->walk = !g->at && g->panels >= 8 && g->tiles >= 3 && m <= 2048 ? RN_BY_PANELS : RN_BY_ROWS;
    if (g->walk == RN_BY_PANELS) {
        const rn_int runs = RN_MAX(1, (k + RN_KC - 1) / RN_KC);
        g->kc = (k + runs - 1) / runs;
        g->panels_per = (g->panels + 63) / 64;
        g->panel_chunks = (g->panels + g->panels_per - 1) / g->panels_per;
        g->row_chunks = 1;
        g->tiles_per = g->tiles;
        return 0;
    }
    const int in_place = !g->bt && (g->tiles <= 3 || g->ldb <= 2 * NR || k * g->ldb * size <= 32768);
    g->first_packed = !in_place ? 0 : tail ? g->panels - 1 : g->panels;
    g->panels_per = RN_MAX(1, RN_MIN(g->panels, 32));
    g->panel_chunks = (g->panels + g->panels_per - 1) / g->panels_per;
    g->tiles_per = RN_MAX(1, (g->tiles * g->panel_chunks + 31) / 32);
    g->row_chunks = (g->tiles + g->tiles_per - 1) / g->tiles_per;
    rn_int kc = RN_KC;
    if (!g->at) { /* B streams from L2; long runs keep the rows of A contiguous */
        kc = 524288 / (g->panels_per * NR * size);
        kc = RN_MIN(RN_MAX(kc, RN_KC), 2048);
    }
    const rn_int runs = RN_MAX(1, (k + kc - 1) / kc);
    g->kc = (k + runs - 1) / runs;
    g->k_outer = k * g->panels_per * NR * size > 786432;
    return (g->panels - g->first_packed) * k * NR * size;
}

/* columns j .. j + columns of B, rows k0 .. k1, into out[k - k0][wide], zero beyond the columns */
static void FN(pack_panel)(const rn_gemm *g, rn_int j, rn_int columns, rn_int wide, rn_int k0, rn_int k1, REAL *out)
{
    const REAL *b = (const REAL *)g->b;
    const rn_int ldb = g->ldb;
    if (!g->bt) {
        b += k0 * ldb + j;
        const rn_int rest = columns - (wide - VL); /* in the last vector */
        for (rn_int k = k0; k < k1; k++, b += ldb, out += wide) {
            if (wide > VL)
                FN(store)(out, FN(load)(b));
            FN(store)(out + wide - VL, rest == VL ? FN(load)(b + wide - VL) : FN(load_part)(b + wide - VL, rest));
        }
        return;
    }
    FN(pack_transposed)(b + j * ldb + k0, ldb, columns, k1 - k0, out, wide);
}

/* rows r .. r + mr of a transposed A, into out[k - k0][mr]. Whole vectors are stored: the next step overwrites what is
 * too much, and the buffer has room for the last. */
RN_INLINE void FN(pack_rows)(const rn_gemm *g, rn_int r, rn_int mr, rn_int k0, rn_int k1, REAL *out)
{
    for (rn_int k = k0; k < k1; k++, out += mr) {
        const REAL *a = (const REAL *)g->a + (g->rows ? (rn_int)g->rows[k] : k) * g->lda + r;
        rn_int i = 0;
        for (; i + VL <= mr; i += VL)
            FN(store)(out + i, FN(load)(a + i));
        if (i < mr) {
#if RN_VB == 64
            FN(store)(out + i, FN(load_part)(a + i, mr - i));
#else
            for (; i < mr; i++)
                out[i] = a[i];
#endif
        }
    }
}

RN_INLINE rn_int FN(tile_start)(const rn_gemm *g, rn_int t) /* balanced: the first m % tiles are one row higher */
{
    const rn_int high = g->m % g->tiles;
    return t * (g->m / g->tiles) + RN_MIN(t, high);
}

/* One tile: rows r .. r + mr, panel p, run k0 .. k1. apack: A packed, or NULL. */
RN_INLINE void FN(one_tile)(const rn_gemm *g, rn_int r, rn_int mr, rn_int p, rn_int k0, rn_int k1, const REAL *apack,
                            const REAL *b, rn_int ldb)
{
    const REAL *rows[RN_MR];
    const rn_int j = p * NR, columns = RN_MIN(NR, g->n - j), nv = columns > VL ? 2 : 1;
    const int last = k1 == g->k;
    REAL *c = (REAL *)g->c + r * g->ldc + j;
    const REAL *bias = last && g->bias ? (const REAL *)g->bias + j : NULL;
    if (apack)
        rows[0] = apack;
    else {
        const REAL *a = (const REAL *)g->a + k0;
        for (rn_int i = 0; i < mr; i++)
            rows[i] = a + (g->rows ? (rn_int)g->rows[r + i] : r + i) * g->lda;
    }
    const int flags = (k0 == 0 ? TILE_FIRST : 0) | (last && g->kind == RN_RELU ? TILE_RELU : 0);
    FN(tiles)[mr - 1][apack != NULL][nv - 1](k1 - k0, rows, b, ldb, c, g->ldc, bias, columns - (nv - 1) * VL, flags);
    if (last && g->kind > RN_RELU) { /* the tile is in L1 still */
        REAL *y = g->y ? (REAL *)g->y + r * g->ldc + j : c;
        for (rn_int i = 0; i < mr; i++)
            FN(map_span)(g->kind, c + i * g->ldc, y + i * g->ldc, columns);
    }
}

static void FN(by_panels)(void *job, rn_int chunk)
{
    const rn_gemm *g = (const rn_gemm *)job;
    RN_ALIGNED REAL pack[RN_KC * NR];
    const rn_int end = RN_MIN(g->panels, (chunk + 1) * g->panels_per);
    for (rn_int p = chunk * g->panels_per; p < end; p++) {
        const rn_int j = p * NR, columns = RN_MIN(NR, g->n - j), wide = columns > VL ? NR : VL;
        rn_int k0 = 0;
        do {
            const rn_int k1 = RN_MIN(g->k, k0 + g->kc);
            FN(pack_panel)(g, j, columns, wide, k0, k1, pack);
            for (rn_int t = 0; t < g->tiles; t++) {
                const rn_int r = FN(tile_start)(g, t);
                FN(one_tile)(g, r, FN(tile_start)(g, t + 1) - r, p, k0, k1, NULL, pack, wide);
            }
            k0 = k1;
        } while (k0 < g->k);
    }
}

#define PACK_ROWS 1024 /* rows of B per chunk of packing */

static void FN(pack_chunk)(void *job, rn_int chunk)
{
    const rn_gemm *g = (const rn_gemm *)job;
    const rn_int cuts = (g->k + PACK_ROWS - 1) / PACK_ROWS, p = g->first_packed + chunk / cuts;
    const rn_int k0 = chunk % cuts * PACK_ROWS, k1 = RN_MIN(g->k, k0 + PACK_ROWS);
    const rn_int j = p * NR, columns = RN_MIN(NR, g->n - j), wide = columns > VL ? NR : VL;
    REAL *out = (REAL *)g->scratch + (p - g->first_packed) * g->k * NR + k0 * wide;
    FN(pack_panel)(g, j, columns, wide, k0, k1, out);
}

static void FN(rows_run)(const rn_gemm *g, rn_int t, rn_int p0, rn_int p1, rn_int k0, rn_int k1, REAL *apack)
{
    const rn_int r = FN(tile_start)(g, t), mr = FN(tile_start)(g, t + 1) - r;
    if (apack)
        FN(pack_rows)(g, r, mr, k0, k1, apack);
    for (rn_int p = p0; p < p1; p++) {
        const rn_int j = p * NR;
        if (p >= g->first_packed) {
            const rn_int wide = g->n - j > VL ? NR : VL;
            const REAL *b = (const REAL *)g->scratch + (p - g->first_packed) * g->k * NR + k0 * wide;
            FN(one_tile)(g, r, mr, p, k0, k1, apack, b, wide);
        } else
            FN(one_tile)(g, r, mr, p, k0, k1, apack, (const REAL *)g->b + k0 * g->ldb + j, g->ldb);
    }
}

static void FN(by_rows)(void *job, rn_int chunk)
{
    const rn_gemm *g = (const rn_gemm *)job;
    RN_ALIGNED REAL space[RN_MR * RN_KC + VL];
    REAL *apack = g->at ? space : NULL;
    const rn_int rc = chunk / g->panel_chunks, pc = chunk % g->panel_chunks;
    const rn_int t0 = rc * g->tiles_per, t1 = RN_MIN(g->tiles, t0 + g->tiles_per);
    const rn_int p0 = pc * g->panels_per, p1 = RN_MIN(g->panels, p0 + g->panels_per);
    const rn_int kc = RN_MAX(g->kc, 1);
    if (g->k_outer) {
        for (rn_int k0 = 0; k0 < g->k; k0 += kc)
            for (rn_int t = t0; t < t1; t++)
                FN(rows_run)(g, t, p0, p1, k0, RN_MIN(g->k, k0 + kc), apack);
        return;
    }
    for (rn_int t = t0; t < t1; t++) {
        rn_int k0 = 0;
        do { /* at least once: with K = 0 the result is the bias */
            const rn_int k1 = RN_MIN(g->k, k0 + kc);
            FN(rows_run)(g, t, p0, p1, k0, k1, apack);
            k0 = k1;
        } while (k0 < g->k);
    }
}

static void FN(gemm_run)(rn_gemm *g, int threads)
{
    if (g->m == 0 || g->n == 0)
        return;
    if (g->walk == RN_BY_PANELS) {
        rn_run(FN(by_panels), g, g->panel_chunks, threads);
        return;
    }
    if (g->walk != RN_BY_ROWS) {
        FN(narrow_job) j = {(const REAL *)g->a, (const REAL *)g->b, (const REAL *)g->bias, (REAL *)g->c,
                            g->m, g->n, g->k, g->rows};
        if (g->walk == RN_OUTER) {
            rn_run(FN(outer_chunk), &j, (g->m + RN_OUTER_ROWS - 1) / RN_OUTER_ROWS, threads);
            return;
        }
        rn_run(FN(stripe_chunk), &j, (g->n + RN_STRIPE * VL - 1) / (RN_STRIPE * VL), threads);
        if (g->kind != RN_LINEAR)
            FN(map_span)(g->kind, j.c, g->y ? (REAL *)g->y : j.c, g->m * g->n);
        return;
    }
    rn_run(FN(pack_chunk), g, (g->panels - g->first_packed) * ((g->k + PACK_ROWS - 1) / PACK_ROWS), threads);
    rn_run(FN(by_rows), g, g->row_chunks * g->panel_chunks, threads);
}

#undef NR
#undef PACK_ROWS
#endif
