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
#ifdef RN_SCALAR
#define RN_VL(size) 1
#else
#define RN_VL(size) (RN_VB / (size))
#endif
#define RN_SPARSE_SAMPLES 8
#define RN_SPARSE_BLOCKS 16 /* of 64 bytes, in each of the sampled rows */

typedef struct {
    rn_int m, k, chunks, room; /* rows and columns of x; chunks of rows, and entries that each has room for */
    int64_t *start, *length;   /* of each row's entries */
    int32_t *column;
    void *value;
} rn_nonzeros;

/* Room for four times what the samples had, at least a sixteenth of x and at most half; and for the vector that a compression
 * writes beyond its end. */
RN_INLINE rn_int rn_nonzeros_size(rn_nonzeros *z, rn_int m, rn_int k, double share, rn_int size)
{
    const double part = RN_MIN(0.5, RN_MAX(0.0625, 4 * share));
    z->m = m;
    z->k = k;
    z->chunks = (m + RN_SCAN - 1) / RN_SCAN;
    z->room = (rn_int)(part * (double)(RN_MIN(RN_SCAN, m) * k)) + 32;
    return 2 * m * (rn_int)sizeof(int64_t) + z->chunks * z->room * (size + (rn_int)sizeof(int32_t));
}

RN_INLINE void rn_nonzeros_place(rn_nonzeros *z, void *memory, rn_int size)
{
    z->start = (int64_t *)memory;
    z->length = z->start + z->m;
    z->value = z->length + z->m;
    z->column = (int32_t *)((char *)z->value + z->chunks * z->room * size);
}

/* The parts into which sparse_product cuts the rows of x: so many that there are four chunks at least. */
RN_INLINE rn_int rn_product_parts(const rn_nonzeros *z, rn_int blocks)
{
    return RN_MIN(z->m, (3 + blocks) / blocks);
}

/* Bytes of scratch for sparse_product, and for sparse_transposed: a block of columns of w, or of dw, whose rows lie one
 * after the other (rows that are a power of two apart would fight for few places of the cache), and where each row's
 * entries pass from range to range. */
RN_INLINE rn_int rn_product_size(const rn_nonzeros *z, rn_int n, rn_int size, int threads)
{
    const rn_int wide = RN_SPARSE_VECTORS * RN_VL(size), blocks = (n + wide - 1) / wide;
    return n > wide ? RN_MIN(threads, blocks * rn_product_parts(z, blocks)) * z->k * wide * size : 0;
}

RN_INLINE rn_int rn_spread_size(const rn_nonzeros *z, rn_int n, rn_int size)
{
    const rn_int wide = RN_SPARSE_VECTORS * RN_VL(size);
    return (n > wide || z->m > RN_GROUP ? z->k * wide * size : 0)
           + z->m * (RN_RANGES + 1) * (rn_int)sizeof(int32_t);
}

#if defined(__GNUC__) || defined(__clang__)
#define rn_lowest(bits) __builtin_ctz(bits) /* the number of the lowest bit that is set */
#else
RN_INLINE int rn_lowest(unsigned bits)
{
    int at = 0;
    for (; !(bits & 1); bits >>= 1)
        at++;
    return at;
}
#endif

#define RN_sampled_share(dbl, ...) RN_CALL(dbl, sampled_share, __VA_ARGS__)
#define RN_scan(dbl, ...) RN_CALL(dbl, scan, __VA_ARGS__)
#define RN_all_finite(dbl, ...) RN_CALL(dbl, all_finite, __VA_ARGS__)
#define RN_sparse_product(dbl, ...) RN_CALL(dbl, sparse_product, __VA_ARGS__)
#define RN_sparse_transposed(dbl, ...) RN_CALL(dbl, sparse_transposed, __VA_ARGS__)

#define RN_TEMPLATE "sparse.h"
#include "both.h"

#elif defined(REAL)

/* The share of x that is not zero, to judge by blocks all over some rows. */
RN_INLINE double FN(sampled_share)(const REAL *x, const int64_t *rows, rn_int m, rn_int k)
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
    return (double)found / (double)(samples * blocks * wide);
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

/* A bit for each of 16 numbers: is it other than zero? NaN is. */
RN_INLINE unsigned FN(not_zero)(const REAL *x)
{
    unsigned some = 0;
#if defined(RN_SCALAR) || !(defined(__x86_64__) || defined(_M_X64))
    for (int l = 0; l < 16; l++)
        some |= (unsigned)(x[l] != 0) << l;
#elif IS_FLOAT
    for (int l = 0; l < 16; l += 4)
        some |= (unsigned)_mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(x + l), _mm_setzero_ps())) << l;
#else
    for (int l = 0; l < 16; l += 2)
        some |= (unsigned)_mm_movemask_pd(_mm_cmpneq_pd(_mm_loadu_pd(x + l), _mm_setzero_pd())) << l;
#endif
    return some;
}

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
            at += _mm_popcnt_u32(some);
#else
            unsigned some = FN(not_zero)(x + i);
            if (!some)
                continue;
            if (at > z->room - 32) {
                j->full = 1;
                return;
            }
            for (; some; some &= some - 1) {
                const int l = rn_lowest(some);
                column[at] = (int32_t)(i + l);
                value[at++] = x[i + l];
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

/* ---- row index[e] of c += value[e] times a row of dz, over nv vectors of columns: of the last, `width` are valid in dz, and
 * `room` may be written in c ---- */

RN_FLAT void FN(spread)(rn_int count, const int32_t *index, const REAL *value, const REAL *dz, rn_int width, REAL *c,
                        rn_int ldc, rn_int room, const int nv)
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
        if (room == VL)
            FN(store)(row, FN(load)(row) + v * d[nv - 1]);
        else
            FN(store_part)(row, FN(load_part)(row, room) + v * d[nv - 1], room);
    }
}

typedef void (*FN(spread_fn))(rn_int, const int32_t *, const REAL *, const REAL *, rn_int, REAL *, rn_int, rn_int);
#define SPREAD(nv)                                                                                                    \
    static void FN(spread_##nv)(rn_int count, const int32_t *index, const REAL *value, const REAL *dz, rn_int width,  \
                                REAL *c, rn_int ldc, rn_int room)                                                     \
    {                                                                                                                 \
        FN(spread)(count, index, value, dz, width, c, ldc, room, nv);                                                 \
    }
SPREAD(1)
SPREAD(2)
SPREAD(3)
SPREAD(4)
SPREAD(5)
SPREAD(6)
SPREAD(7)
SPREAD(8)
#undef SPREAD
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
    const REAL *b, *bias; /* w; or dz */
    REAL *c, *y;
    rn_int n, parts;  /* columns; parts of the rows of x */
    REAL *block;      /* for what of w or dw lies in a block of columns, [k][vectors]; NULL: in place */
    volatile int odd; /* a weight is not finite */
    int32_t *cuts;    /* for x^T dz */
    rn_int step;
} FN(sparse_job);

static void FN(product_rows)(const FN(sparse_job) *j, rn_int c0, rn_int r0, rn_int r1, const REAL *b, rn_int ldb)
{
    const rn_nonzeros *z = j->z;
    rn_int width;
    const int nv = FN(vectors_from)(c0, j->n, &width);
    for (rn_int r = r0; r < r1; r++) {
        REAL *c = j->c + r * j->n + c0;
        FN(rows_of)[nv - 1]((rn_int)z->length[r], z->column + z->start[r], (const REAL *)z->value + z->start[r], b, ldb,
                            j->bias ? j->bias + c0 : NULL, c, width, j->kind == RN_RELU);
        if (j->kind > RN_RELU)
            FN(map_span)(j->kind, c, j->y + r * j->n + c0, (nv - 1) * VL + width);
    }
}

static void FN(narrow_chunk)(void *job, rn_int chunk) /* all columns of some rows, w in place */
{
    const FN(sparse_job) *j = (const FN(sparse_job) *)job;
    FN(product_rows)(j, 0, chunk * RN_SCAN, RN_MIN(j->z->m, (chunk + 1) * RN_SCAN), j->b, j->n);
}

/* A block of columns for a part of the rows. A thread copies the block for itself: it is faster than to fetch from another's
 * cache what that has copied. On the way it sees whether all numbers are finite. */
static void FN(block_chunk)(void *job, rn_int chunk)
{
    FN(sparse_job) *j = (FN(sparse_job) *)job;
    const rn_int wide = RN_SPARSE_VECTORS * VL, c0 = chunk / j->parts * wide, part = chunk % j->parts;
    const rn_int k = j->z->k, m = j->z->m, n = j->n;
    rn_int width, slot = 0;
    const int nv = FN(vectors_from)(c0, n, &width);
    VEC sum = FN(splat)(0);
#ifdef _OPENMP
    slot = omp_get_thread_num();
#endif
    REAL *block = j->block + slot * k * wide;
    for (rn_int i = 0; i < k; i++) {
        const REAL *from = j->b + i * n + c0;
        REAL *to = block + i * nv * VL;
        for (int v = 0; v < nv; v++) {
            const VEC w = v < nv - 1 || width == VL ? FN(load)(from + v * VL) : FN(load_part)(from + v * VL, width);
            sum += FN(splat)(0) * w;
            FN(store)(to + v * VL, w);
        }
    }
    if (FN(total)(sum) == 0)
        FN(product_rows)(j, c0, m * part / j->parts, m * (part + 1) / j->parts, block, nv * VL);
    else
        j->odd = 1;
}

/* c (m, n) = x w + bias with x (m, k) as its nonzeros; y = f(c), which may be c. Scratch of rn_product_size bytes.
 * Returns 0, and leaves anything in c and y, if a weight is not finite. */
RN_INLINE int FN(sparse_product)(const rn_nonzeros *z, int kind, const REAL *w, const REAL *bias, REAL *c, REAL *y,
                                 rn_int n, void *scratch, int threads)
{
    const rn_int wide = RN_SPARSE_VECTORS * VL, blocks = (n + wide - 1) / wide;
    FN(sparse_job) j = {.z = z, .kind = kind, .b = w, .bias = bias, .c = c, .y = y, .n = n, .block = (REAL *)scratch};
    if (n <= wide) {
        if (!FN(all_finite)(w, z->k * n, threads))
            return 0;
        rn_run(FN(narrow_chunk), &j, z->chunks, threads);
        return 1;
    }
    j.parts = rn_product_parts(z, blocks);
    rn_run(FN(block_chunk), &j, blocks * j.parts, threads);
    return !j.odd;
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
        const rn_int columns = (nv - 1) * VL + width, ld = j->block ? nv * VL : n, room = j->block ? VL : width;
        REAL *sum = j->block ? j->block + k0 * RN_SPARSE_VECTORS * VL : j->c + k0 * n;
        for (rn_int r0 = 0; r0 < z->m; r0 += RN_GROUP) {
            memset(sum, 0, (size_t)((k1 - k0) * ld) * sizeof(REAL));
            for (rn_int r = r0; r < RN_MIN(z->m, r0 + RN_GROUP); r++) {
                const int32_t *cut = j->cuts + r * (RN_RANGES + 1) + chunk;
                const rn_int first = (rn_int)z->start[r] + cut[0];
                FN(spread_of)[nv - 1](cut[1] - cut[0], z->column + first, (const REAL *)z->value + first,
                                      j->b + r * n + c0, width, sum - k0 * ld, ld, room);
            }
            if (j->block)
                for (rn_int i = k0; i < k1; i++) {
                    REAL *to = j->c + i * n + c0;
                    const REAL *from = sum + (i - k0) * ld;
                    for (rn_int c = 0; c < columns; c++)
                        to[c] = r0 ? to[c] + from[c] : from[c];
                }
        }
    }
}

/* dw (k, n) = x^T dz with x (m, k) as its nonzeros, dz (m, n); scratch of rn_spread_size bytes */
RN_INLINE void FN(sparse_transposed)(const rn_nonzeros *z, const REAL *dz, REAL *dw, rn_int n, void *scratch,
                                     int threads)
{
    const rn_int wide = RN_SPARSE_VECTORS * VL;
    FN(sparse_job) j = {.z = z, .b = dz, .c = dw, .n = n};
    if (n > wide || z->m > RN_GROUP) {
        j.block = (REAL *)scratch;
        scratch = j.block + z->k * wide;
    }
    j.cuts = (int32_t *)scratch;
    j.step = (z->k + RN_RANGES - 1) / RN_RANGES;
    rn_run(FN(cut_chunk), &j, z->chunks, threads);
    rn_run(FN(spread_chunk), &j, RN_RANGES, threads);
}

#endif
