/* A product with data that are mostly zeros: x w and x^T dz at the price of what is not zero.
 *
 * Handwriting on black paper, bags of words, one-hot features: of what a first layer multiplies, four fifths and more
 * may be zeros. Fast because: one pass over x writes down value and column of what is not zero (AVX-512: a comparison
 * and a compression for 16 numbers). A row of x w is then a sum of few rows of w, kept in registers over up to eight
 * vectors of columns; for x^T dz a row of dz is kept there and spread over the rows of dw, chunks owning ranges of them
 * that fit into the cache.
 *
 * It is the same sum: a term that is left out is 0 times a number, and that is 0, if the number is finite. So the caller
 * looks first (all_finite) and multiplies in the other way (gemm.h) where one is not. Sums of more than RN_RUN terms are
 * taken in runs, as in the tile. The order of every sum follows from x alone.
 */
#ifndef RN_SPARSE_H
#define RN_SPARSE_H
#include "map.h"

#define RN_RUN 256   /* terms of a sum before it is added to the whole */
#define RN_SCAN 16   /* rows of x per chunk of the scan: they share room for their entries */
#define RN_RANGES 16 /* ranges of the columns of x, for x^T dz */
#define RN_GROUP 512 /* rows of x whose terms in x^T dz are added up before they are added to the whole */
#define RN_SPARSE_VECTORS (RN_VB >= 64 ? 8 : 4) /* of columns at a time */
#define RN_SPARSE_SAMPLES 8
#define RN_SPARSE_BLOCKS 16 /* of 64 bytes, in each of the sampled rows */

typedef struct {
    rn_int m, k, chunks, room; /* rows and columns of x; chunks of rows, and entries that each has room for */
    int64_t *start, *length;   /* of each row's entries */
    int32_t *column;
    void *value;
} rn_nonzeros;

/* Room for half of x per chunk, and for the vector that a compression writes beyond its end. */
RN_INLINE rn_int rn_nonzeros_size(rn_nonzeros *z, rn_int m, rn_int k, rn_int size)
{
    z->m = m;
    z->k = k;
    z->chunks = (m + RN_SCAN - 1) / RN_SCAN;
    z->room = RN_MIN(RN_SCAN, m) * k / 2 + 32;
    return 2 * m * (rn_int)sizeof(int64_t) + z->chunks * z->room * (size + (rn_int)sizeof(int32_t));
}

RN_INLINE void rn_nonzeros_place(rn_nonzeros *z, void *memory, rn_int size)
{
    z->start = (int64_t *)memory;
    z->length = z->start + z->m;
    z->value = z->length + z->m;
    z->column = (int32_t *)((char *)z->value + z->chunks * z->room * size);
}

/* Bytes of scratch for sparse_transposed with n columns of dz: where each row's entries pass from range to range, and a
 * second dw if there are rows for more than one group. */
RN_INLINE rn_int rn_spread_size(const rn_nonzeros *z, rn_int n, rn_int size)
{
    return (z->m * (RN_RANGES + 1) * (rn_int)sizeof(int32_t) + 7) / 8 * 8 + (z->m > RN_GROUP ? z->k * n * size : 0);
}

#define RN_looks_sparse(dbl, ...) RN_CALL(dbl, looks_sparse, __VA_ARGS__)
#define RN_scan(dbl, ...) RN_CALL(dbl, scan, __VA_ARGS__)
#define RN_all_finite(dbl, ...) RN_CALL(dbl, all_finite, __VA_ARGS__)
#define RN_sparse_product(dbl, ...) RN_CALL(dbl, sparse_product, __VA_ARGS__)
#define RN_sparse_transposed(dbl, ...) RN_CALL(dbl, sparse_transposed, __VA_ARGS__)

#define RN_TEMPLATE "sparse.h"
#include "both.h"

#elif defined(REAL)

/* Whether at most `most` of the entries are not zero, to judge by blocks all over some rows. */
RN_INLINE int FN(looks_sparse)(const REAL *x, const int64_t *rows, rn_int m, rn_int k, double most)
{
    const rn_int samples = RN_MIN(m, RN_SPARSE_SAMPLES), wide = RN_MIN(k, (rn_int)(64 / sizeof(REAL)));
    const rn_int blocks = RN_MAX(1, RN_MIN(RN_SPARSE_BLOCKS, k / wide));
    rn_int found = 0;
    for (rn_int s = 0; s < samples; s++) {
        const rn_int r = s * m / samples;
        const REAL *row = x + (rows ? (rn_int)rows[r] : r) * k;
        for (rn_int b = 0; b < blocks; b++) {
            const REAL *p = row + b * (k - wide) / RN_MAX(1, blocks - 1);
            for (rn_int i = 0; i < wide; i++)
                found += p[i] != 0;
        }
    }
    return (double)found <= most * (double)(samples * blocks * wide);
}

/* ---- are all numbers finite? 0 times one that is not would be NaN ----------------------------------------------- */

typedef struct {
    const REAL *p;
    rn_int n;
    volatile int found;
} FN(finite_job);

static void FN(finite_chunk)(void *job, rn_int chunk)
{
    FN(finite_job) *j = (FN(finite_job) *)job;
    const rn_int end = rn_span_end(j->n, chunk);
    REAL sum[16] = {0}; /* of 0 p: 0, or NaN */
    rn_int i = chunk * RN_SPAN;
    for (; i + 16 <= end; i += 16)
        for (int l = 0; l < 16; l++)
            sum[l] += 0 * j->p[i + l];
    for (; i < end; i++)
        sum[0] += 0 * j->p[i];
    for (int l = 0; l < 16; l++)
        if (!(sum[l] == 0))
            j->found = 1;
}

RN_INLINE int FN(all_finite)(const REAL *p, rn_int n, int threads)
{
    FN(finite_job) j = {p, n, 0};
    rn_run(FN(finite_chunk), &j, rn_spans(n), threads);
    return !j.found;
}

/* ---- the scan ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const REAL *x;
    const int64_t *rows;
    rn_nonzeros *z;
    volatile int full;
} FN(scan_job);

static void FN(scan_chunk)(void *job, rn_int chunk)
{
    FN(scan_job) *j = (FN(scan_job) *)job;
    rn_nonzeros *z = j->z;
    const rn_int k = z->k, end = RN_MIN(z->m, (chunk + 1) * RN_SCAN), first = chunk * z->room;
    int32_t *column = z->column + first;
    REAL *value = (REAL *)z->value + first;
    rn_int at = 0;
    for (rn_int r = chunk * RN_SCAN; r < end; r++) {
        const REAL *x = j->x + (j->rows ? (rn_int)j->rows[r] : r) * k;
        const rn_int before = at;
        rn_int i = 0;
        for (; i + 16 <= k; i += 16) {
#if RN_VB == 64 && IS_FLOAT
            const __m512 v = _mm512_loadu_ps(x + i);
            const __mmask16 some = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
            if (!some)
                continue;
            if (at > z->room - 32) {
                j->full = 1;
                return;
            }
            const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            const __m512i columns = _mm512_add_epi32(lanes, _mm512_set1_epi32((int32_t)i));
            _mm512_storeu_ps(value + at, _mm512_maskz_compress_ps(some, v));
            _mm512_storeu_si512(column + at, _mm512_maskz_compress_epi32(some, columns));
            at += __builtin_popcount(some);
#else
            uint64_t words[16 * sizeof(REAL) / 8], some = 0;
            memcpy(words, x + i, sizeof words);
            for (size_t w = 0; w < 16 * sizeof(REAL) / 8; w++)
                some |= words[w];
            if (!some)
                continue;
            if (at > z->room - 32) {
                j->full = 1;
                return;
            }
            for (int l = 0; l < 16; l++) {
                column[at] = (int32_t)(i + l);
                value[at] = x[i + l];
                at += x[i + l] != 0;
            }
#endif
        }
        if (at > z->room - 32) {
            j->full = 1;
            return;
        }
        for (; i < k; i++) {
            column[at] = (int32_t)i;
            value[at] = x[i];
            at += x[i] != 0;
        }
        z->start[r] = first + before;
        z->length[r] = at - before;
    }
}

/* Whether all of it found room. */
RN_INLINE int FN(scan)(const REAL *x, const int64_t *rows, rn_nonzeros *z, int threads)
{
    FN(scan_job) j = {x, rows, z, 0};
    rn_run(FN(scan_chunk), &j, z->chunks, threads);
    return !j.full;
}

/* ---- c = sum of value[e] times row index[e] of b, over nv vectors of columns, `width` valid in the last --------------- */

RN_FLAT void FN(weighted_rows)(rn_int count, const int32_t *index, const REAL *value, const REAL *b, rn_int ldb,
                               const REAL *bias, REAL *c, rn_int width, int relu, const int nv)
{
    VEC sum[8];
    for (int i = 0; i < nv; i++)
        sum[i] = !bias ? FN(splat)(0)
                 : i < nv - 1 || width == VL ? FN(load)(bias + i * VL) : FN(load_part)(bias + i * VL, width);
    for (rn_int e = 0; e < count; e += RN_RUN) {
        const rn_int end = RN_MIN(count, e + RN_RUN);
        VEC run[8];
        RN_UNROLL for (int i = 0; i < nv; i++)
            run[i] = FN(splat)(0);
        for (rn_int q = e; q < end; q++) {
            const REAL *row = b + (rn_int)index[q] * ldb;
            const VEC v = FN(splat)(value[q]);
            RN_UNROLL for (int i = 0; i < nv - 1; i++)
                run[i] += v * FN(load)(row + i * VL);
            run[nv - 1] += v * (width == VL ? FN(load)(row + (nv - 1) * VL) : FN(load_part)(row + (nv - 1) * VL, width));
        }
        RN_UNROLL for (int i = 0; i < nv; i++)
            sum[i] += run[i];
    }
    for (int i = 0; i < nv; i++) {
        const VEC y = relu ? FN(vrelu)(sum[i]) : sum[i];
        if (i < nv - 1 || width == VL)
            FN(store)(c + i * VL, y);
        else
            FN(store_part)(c + i * VL, y, width);
    }
}

typedef void (*FN(rows_fn))(rn_int, const int32_t *, const REAL *, const REAL *, rn_int, const REAL *, REAL *, rn_int,
                            int);
#define SUM_OF(nv)                                                                                                    \
    static void FN(rows_##nv)(rn_int count, const int32_t *index, const REAL *value, const REAL *b, rn_int ldb,       \
                              const REAL *bias, REAL *c, rn_int width, int relu)                                      \
    {                                                                                                                 \
        FN(weighted_rows)(count, index, value, b, ldb, bias, c, width, relu, nv);                                     \
    }
SUM_OF(1)
SUM_OF(2)
SUM_OF(3)
SUM_OF(4)
SUM_OF(5)
SUM_OF(6)
SUM_OF(7)
SUM_OF(8)
#undef SUM_OF
static const FN(rows_fn) FN(rows_of)[8] = {FN(rows_1), FN(rows_2), FN(rows_3), FN(rows_4),
                                           FN(rows_5), FN(rows_6), FN(rows_7), FN(rows_8)};

/* row index[e] of c += value[e] times a row of dz, over nv vectors of columns */

RN_FLAT void FN(spread)(rn_int count, const int32_t *index, const REAL *value, const REAL *dz, REAL *c, rn_int ldc,
                        rn_int width, const int nv)
{
    VEC d[8];
    if (!count)
        return;
    RN_UNROLL for (int i = 0; i < nv - 1; i++)
        d[i] = FN(load)(dz + i * VL);
    d[nv - 1] = width == VL ? FN(load)(dz + (nv - 1) * VL) : FN(load_part)(dz + (nv - 1) * VL, width);
    for (rn_int q = 0; q < count; q++) {
        REAL *row = c + (rn_int)index[q] * ldc;
        const VEC v = FN(splat)(value[q]);
        RN_UNROLL for (int i = 0; i < nv - 1; i++)
            FN(store)(row + i * VL, FN(load)(row + i * VL) + v * d[i]);
        row += (nv - 1) * VL;
        if (width == VL)
            FN(store)(row, FN(load)(row) + v * d[nv - 1]);
        else
            FN(store_part)(row, FN(load_part)(row, width) + v * d[nv - 1], width);
    }
}

typedef void (*FN(spread_fn))(rn_int, const int32_t *, const REAL *, const REAL *, REAL *, rn_int, rn_int);
#define SPREAD(nv)                                                                                                    \
    static void FN(spread_##nv)(rn_int count, const int32_t *index, const REAL *value, const REAL *dz, REAL *c,       \
                                rn_int ldc, rn_int width)                                                             \
    {                                                                                                                 \
        FN(spread)(count, index, value, dz, c, ldc, width, nv);                                                       \
    }
SPREAD(1)
SPREAD(2)
SPREAD(3)
SPREAD(4)
SPREAD(5)
SPREAD(6)
SPREAD(7)
SPREAD(8)
static const FN(spread_fn) FN(spread_of)[8] = {FN(spread_1), FN(spread_2), FN(spread_3), FN(spread_4),
                                               FN(spread_5), FN(spread_6), FN(spread_7), FN(spread_8)};

/* columns c0 .. of n, as nv vectors */
RN_INLINE int FN(vectors_from)(rn_int c0, rn_int n, rn_int *width)
{
    const rn_int rest = n - c0, nv = RN_MIN(RN_SPARSE_VECTORS, (rest + VL - 1) / VL);
    *width = RN_MIN(VL, rest - (nv - 1) * VL);
    return (int)nv;
}

/* ---- z = x w + b, and f of it ------------------------------------------------------------------------------------ */

typedef struct {
    const rn_nonzeros *z;
    int kind;
    const REAL *b, *bias;
    REAL *c, *y;
    rn_int n;
    /* for x^T dz */
    int32_t *cuts;
    REAL *second;
    rn_int step;
} FN(sparse_job);

static void FN(product_chunk)(void *job, rn_int chunk) /* chunks of one block of columns follow each other: it is in L2 */
{
    const FN(sparse_job) *j = (const FN(sparse_job) *)job;
    const rn_nonzeros *z = j->z;
    const rn_int n = j->n, c0 = chunk / z->chunks * RN_SPARSE_VECTORS * VL, r0 = chunk % z->chunks * RN_SCAN;
    rn_int width;
    const int nv = FN(vectors_from)(c0, n, &width);
    const rn_int columns = (nv - 1) * VL + width;
    for (rn_int r = r0; r < RN_MIN(z->m, r0 + RN_SCAN); r++) {
        REAL *c = j->c + r * n + c0;
        FN(rows_of)[nv - 1]((rn_int)z->length[r], z->column + z->start[r], (const REAL *)z->value + z->start[r],
                            j->b + c0, n, j->bias ? j->bias + c0 : NULL, c, width, j->kind == RN_RELU);
        if (j->kind > RN_RELU)
            FN(map_span)(j->kind, c, j->y + r * n + c0, columns);
    }
}

/* c (m, n) = x b + bias with x (m, k) as its nonzeros; y = f(c), which may be c */
RN_INLINE void FN(sparse_product)(const rn_nonzeros *z, int kind, const REAL *b, const REAL *bias, REAL *c, REAL *y,
                                  rn_int n, int threads)
{
    FN(sparse_job) j = {.z = z, .kind = kind, .b = b, .bias = bias, .c = c, .y = y, .n = n};
    const rn_int blocks = (n + RN_SPARSE_VECTORS * VL - 1) / (RN_SPARSE_VECTORS * VL);
    rn_run(FN(product_chunk), &j, blocks * z->chunks, threads);
}

/* ---- dw = x^T dz -------------------------------------------------------------------------------------------------- */

/* cuts[r][t]: how many entries of row r lie in columns before those of range t */
static void FN(cut_chunk)(void *job, rn_int chunk)
{
    const FN(sparse_job) *j = (const FN(sparse_job) *)job;
    const rn_nonzeros *z = j->z;
    const rn_int step = j->step;
    for (rn_int r = chunk * RN_SCAN; r < RN_MIN(z->m, (chunk + 1) * RN_SCAN); r++) {
        const int32_t *column = z->column + z->start[r];
        int32_t *cut = j->cuts + r * (RN_RANGES + 1);
        const int32_t count = (int32_t)z->length[r];
        rn_int t = 0, next = 0; /* the first column of range t */
        for (int32_t e = 0; e < count; e++)
            for (; column[e] >= next; next += step)
                cut[t++] = e;
        for (; t <= RN_RANGES; t++)
            cut[t] = count;
    }
}

static void FN(spread_chunk)(void *job, rn_int chunk)
{
    const FN(sparse_job) *j = (const FN(sparse_job) *)job;
    const rn_nonzeros *z = j->z;
    const rn_int k0 = RN_MIN(z->k, chunk * j->step), k1 = RN_MIN(z->k, k0 + j->step), n = j->n;
    for (rn_int c0 = 0; c0 < n; c0 += RN_SPARSE_VECTORS * VL) {
        rn_int width;
        const int nv = FN(vectors_from)(c0, n, &width);
        const rn_int columns = (nv - 1) * VL + width;
        for (rn_int r0 = 0; r0 < z->m; r0 += RN_GROUP) {
            REAL *sum = r0 ? j->second : j->c;
            for (rn_int i = k0; i < k1; i++)
                memset(sum + i * n + c0, 0, (size_t)columns * sizeof(REAL));
            for (rn_int r = r0; r < RN_MIN(z->m, r0 + RN_GROUP); r++) {
                const int32_t *cut = j->cuts + r * (RN_RANGES + 1) + chunk;
                const rn_int first = (rn_int)z->start[r] + cut[0];
                FN(spread_of)[nv - 1](cut[1] - cut[0], z->column + first, (const REAL *)z->value + first,
                                      j->b + r * n + c0, sum + c0, n, width);
            }
            if (r0)
                for (rn_int i = k0; i < k1; i++)
                    for (rn_int c = c0; c < c0 + columns; c++)
                        j->c[i * n + c] += sum[i * n + c];
        }
    }
}

/* dw (k, n) = x^T dz with x (m, k) as its nonzeros, dz (m, n); scratch of rn_spread_size bytes */
RN_INLINE void FN(sparse_transposed)(const rn_nonzeros *z, const REAL *dz, REAL *dw, rn_int n, void *scratch,
                                     int threads)
{
    FN(sparse_job) j = {.z = z, .b = dz, .c = dw, .n = n};
    j.cuts = (int32_t *)scratch;
    j.second = (REAL *)((char *)scratch + (z->m * (RN_RANGES + 1) * (rn_int)sizeof(int32_t) + 7) / 8 * 8);
    j.step = (z->k + RN_RANGES - 1) / RN_RANGES;
    rn_run(FN(cut_chunk), &j, z->chunks, threads);
    rn_run(FN(spread_chunk), &j, RN_RANGES, threads);
}
#endif
