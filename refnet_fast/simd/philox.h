/* Philox 4x32-10 on vectors, and dropout from it.
 *
 * Fast because: a 32-bit counter word sits in each 64-bit lane, so that one widening multiplication gives the high
 * and the low half of the product at once: about six instructions a round for as many blocks as a vector has 64-bit
 * lanes. Blocks are independent, so chunks of them go to threads. Why it is right: refnet/kernels/philox.py,
 * dropout.py.
 */
#ifndef RN_PHILOX_H
#define RN_PHILOX_H
#include "vec.h"

#ifdef RN_SCALAR
#define RN_LANES 1
typedef uint64_t u64vec;
#else
#define RN_LANES (RN_VB / 8)
typedef uint64_t u64vec __attribute__((vector_size(RN_VB)));
#endif

#define RN_LOW 0xFFFFFFFFull

/* a times the low half of b's lanes; the upper halves are ignored */
#if RN_VB == 64
#define RN_WIDE_MUL(a, m) ((u64vec)_mm512_mul_epu32((__m512i)(a), _mm512_set1_epi64(m)))
#elif RN_VB == 32
#define RN_WIDE_MUL(a, m) ((u64vec)_mm256_mul_epu32((__m256i)(a), _mm256_set1_epi64x(m)))
#elif RN_VB == 16 && defined(__SSE2__)
#define RN_WIDE_MUL(a, m) ((u64vec)_mm_mul_epu32((__m128i)(a), _mm_set1_epi64x(m)))
#else
#define RN_WIDE_MUL(a, m) (((a) & RN_LOW) * (uint64_t)(m))
#endif

/* What all blocks of a call share: the round keys, the upper half of the counter, the numbers of the lanes. */
typedef struct {
    u64vec keys[20], c2, c3, lanes;
} rn_schedule;

RN_INLINE void rn_philox_start(rn_schedule *s, uint64_t seed, uint64_t count)
{
    RN_ALIGNED uint64_t lanes[RN_LANES];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < RN_LANES; i++)
        lanes[i] = (uint64_t)i;
    memcpy(&s->lanes, lanes, sizeof s->lanes);
    const u64vec zero = s->lanes ^ s->lanes;
    s->c2 = zero + (count & RN_LOW);
    s->c3 = zero + (count >> 32);
    for (int round = 0; round < 10; round++) {
        s->keys[2 * round] = zero + (uint64_t)k0;
        s->keys[2 * round + 1] = zero + (uint64_t)k1;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* RN_LANES blocks from `block` on: 4 RN_LANES words, in the order of the elements they belong to */
RN_FLAT void rn_philox(const rn_schedule *s, uint64_t block, uint32_t *out)
{
    u64vec c0 = s->lanes + block, c1 = c0 >> 32, c2 = s->c2, c3 = s->c3;
    RN_UNROLL
    for (int round = 0; round < 10; round++) {
        const u64vec p0 = RN_WIDE_MUL(c0, 0xD2511F53ll), p1 = RN_WIDE_MUL(c2, 0xCD9E8D57ll);
        c0 = (p1 >> 32) ^ c1 ^ s->keys[2 * round];
        c2 = (p0 >> 32) ^ c3 ^ s->keys[2 * round + 1];
        c1 = p1; /* upper halves are rubbish from here on; nothing reads them */
        c3 = p0;
    }
    const u64vec left = (c0 & RN_LOW) | (c1 << 32), right = (c2 & RN_LOW) | (c3 << 32);
#if RN_VB == 64
    const __m512i low = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), high = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64((__m512i)left, low, (__m512i)right));
    _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64((__m512i)left, high, (__m512i)right));
#else
    RN_ALIGNED uint64_t l[RN_LANES], r[RN_LANES];
    memcpy(l, &left, sizeof l);
    memcpy(r, &right, sizeof r);
    for (int i = 0; i < RN_LANES; i++) {
        out[4 * i] = (uint32_t)l[i];
        out[4 * i + 1] = (uint32_t)(l[i] >> 32);
        out[4 * i + 2] = (uint32_t)r[i];
        out[4 * i + 3] = (uint32_t)(r[i] >> 32);
    }
#endif
}

typedef struct {
    uint64_t seed, count, first;
    uint32_t *out;
    rn_int blocks;
} rn_words_job;

static void rn_words_chunk(void *p, rn_int chunk)
{
    const rn_words_job *j = (const rn_words_job *)p;
    const rn_int end = RN_MIN(j->blocks, (chunk + 1) * (RN_SPAN / 4));
    rn_schedule s;
    rn_philox_start(&s, j->seed, j->count);
    for (rn_int b = chunk * (RN_SPAN / 4); b < end; b += RN_LANES) {
        uint32_t words[4 * RN_LANES];
        if (b + RN_LANES <= end) {
            rn_philox(&s, j->first + (uint64_t)b, j->out + 4 * b);
            continue;
        }
        rn_philox(&s, j->first + (uint64_t)b, words);
        memcpy(j->out + 4 * b, words, (size_t)(4 * (end - b)) * sizeof(uint32_t));
    }
}

RN_INLINE void rn_philox_words(uint64_t first, rn_int blocks, uint64_t seed, uint64_t count, uint32_t *out, int threads)
{
    rn_words_job j = {seed, count, first, out, blocks};
    rn_run(rn_words_chunk, &j, (blocks + RN_SPAN / 4 - 1) / (RN_SPAN / 4), threads);
}

typedef struct {
    uint64_t seed, count, keep; /* kept where word < keep, 0..2^32 */
    const void *x;
    void *y; /* x and y NULL: the mask alone */
    uint8_t *mask;
    double scale;
    rn_int n;
} rn_dropout_job;

#define RN_BATCH 512 /* words made at a time: they stay in L1 */

RN_INLINE void rn_mask_batch(const rn_dropout_job *j, const rn_schedule *s, rn_int at, rn_int n, uint32_t *words,
                             uint8_t *mask)
{
    for (rn_int i = 0; i < n; i += 4 * RN_LANES)
        rn_philox(s, (uint64_t)(at + i) / 4, words + i);
    if (j->keep == 0 && n > 0) {
        memset(mask, 0, (size_t)n);
        return;
    }
    const uint32_t last = (uint32_t)(j->keep - 1);
    for (rn_int i = 0; i < n; i++)
        mask[i] = words[i] <= last;
}

static void rn_mask_chunk(void *p, rn_int chunk)
{
    const rn_dropout_job *j = (const rn_dropout_job *)p;
    uint32_t words[RN_BATCH + 4 * RN_LANES];
    rn_schedule s;
    rn_philox_start(&s, j->seed, j->count);
    const rn_int end = rn_span_end(j->n, chunk);
    for (rn_int at = chunk * RN_SPAN; at < end; at += RN_BATCH)
        rn_mask_batch(j, &s, at, RN_MIN(RN_BATCH, end - at), words, j->mask + at);
}

RN_INLINE void rn_dropout_mask(uint8_t *mask, rn_int n, uint64_t keep, uint64_t seed, uint64_t count, int threads)
{
    rn_dropout_job j = {.seed = seed, .count = count, .keep = keep, .mask = mask, .n = n};
    rn_run(rn_mask_chunk, &j, rn_spans(n), threads);
}

#define RN_dropout_forward(dbl, ...) RN_CALL(dbl, dropout_forward, __VA_ARGS__)
#define RN_dropout_backward(dbl, ...) RN_CALL(dbl, dropout_backward, __VA_ARGS__)

#define RN_TEMPLATE "philox.h"
#include "both.h"

#elif defined(REAL)

RN_INLINE void FN(mask_apply)(const REAL *RN_RESTRICT x, const uint8_t *RN_RESTRICT mask, REAL *RN_RESTRICT y,
                              REAL scale, rn_int n)
{
    for (rn_int i = 0; i < n; i++) {
        const REAL v = x[i] * scale;
        y[i] = mask[i] ? v : 0; /* a selection: a dropped NaN is gone */
    }
}

static void FN(dropout_chunk)(void *p, rn_int chunk)
{
    const rn_dropout_job *j = (const rn_dropout_job *)p;
    uint32_t words[RN_BATCH + 4 * RN_LANES];
    rn_schedule s;
    rn_philox_start(&s, j->seed, j->count);
    uint8_t own[RN_BATCH];
    const rn_int end = rn_span_end(j->n, chunk);
    for (rn_int at = chunk * RN_SPAN; at < end; at += RN_BATCH) {
        const rn_int n = RN_MIN(RN_BATCH, end - at);
        uint8_t *mask = j->mask ? j->mask + at : own;
        rn_mask_batch(j, &s, at, n, words, mask);
        FN(mask_apply)((const REAL *)j->x + at, mask, (REAL *)j->y + at, (REAL)j->scale, n);
    }
}

/* mask: n bytes, or NULL if nobody wants it */
RN_INLINE void FN(dropout_forward)(const REAL *x, REAL *y, uint8_t *mask, rn_int n, uint64_t keep, double scale,
                                   uint64_t seed, uint64_t count, int threads)
{
    rn_dropout_job j = {seed, count, keep, x, y, mask, scale, n};
    rn_run(FN(dropout_chunk), &j, rn_spans(n), threads);
}

static void FN(dropout_slope_chunk)(void *p, rn_int chunk)
{
    const rn_dropout_job *j = (const rn_dropout_job *)p;
    const rn_int at = chunk * RN_SPAN;
    const rn_int n = rn_span_end(j->n, chunk) - at;
    FN(mask_apply)((const REAL *)j->x + at, j->mask + at, (REAL *)j->y + at, (REAL)j->scale, n);
}

RN_INLINE void FN(dropout_backward)(const REAL *dy, uint8_t *mask, REAL *dx, rn_int n, double scale, int threads)
{
    rn_dropout_job j = {.x = dy, .y = dx, .mask = mask, .scale = scale, .n = n};
    rn_run(FN(dropout_slope_chunk), &j, rn_spans(n), threads);
}
#endif
