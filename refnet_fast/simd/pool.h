/* Pooling: windows over places, vectors of channels.
 *
 * Fast because: a vector of channels goes through its window in registers; the winner of a maximum is kept as one byte (its position in
 * the window), a quarter of y, so that the gradient reads neither x nor y; the places of a window that lie outside are left
 * out by clipping its bounds, nothing is copied. Why it is right: refnet/kernels/pooling.py.
 */
#ifndef RN_POOL_H
#define RN_POOL_H
#include "window.h"

typedef struct {
    rn_axis axis[3];
    rn_int n, c;
    const void *in; /* forward: x; backward: dy */
    void *out;      /* forward: y; backward: dx */
    void *winner;   /* uint8_t, or int32_t if `large`; NULL: not wanted */
    int large, average, overlap;
    rn_int *lists;  /* forward: 2 x places of a window for each thread */
    /* plan */
    int cut;
    rn_int slabs, slab;
} rn_pool;

#define RN_pool_forward(dbl, ...) RN_CALL(dbl, pool_forward, __VA_ARGS__)
#define RN_pool_backward(dbl, ...) RN_CALL(dbl, pool_backward, __VA_ARGS__)
#define RN_global_forward(dbl, ...) RN_CALL(dbl, global_forward, __VA_ARGS__)
#define RN_global_backward(dbl, ...) RN_CALL(dbl, global_backward, __VA_ARGS__)

#define RN_POOL_FEW 9 /* places whose mean may be summed in their own type: 8 roundings are within the twin's rule of 4 ulp */

/* Slabs of one image where there are few images; their number depends on the shape only. */
RN_INLINE void rn_pool_plan(rn_pool *g, int back)
{
    rn_int size = g->c;
    g->cut = 2;
    for (int a = 2; a >= 0; a--) {
        const rn_int n = back ? g->axis[a].in : g->axis[a].out;
        size *= g->axis[a].in;
        if (n > 1)
            g->cut = a;
    }
    const rn_int n = back ? g->axis[g->cut].in : g->axis[g->cut].out;
    g->slabs = g->n >= 16 ? 1 : RN_MAX(1, RN_MIN(n, RN_MIN(16, size / RN_SPAN)));
    g->slab = (n + g->slabs - 1) / g->slabs;
    g->slabs = (n + g->slab - 1) / g->slab;
}

/* Window i along an axis: it begins at place `at`; taps t0 .. t1 - 1 lie inside. */
RN_INLINE rn_int rn_pool_taps(const rn_axis *a, rn_int i, rn_int *t0, rn_int *t1)
{
    const rn_int at = i * a->stride - a->before;
    *t0 = RN_MAX(0, -at);
    *t1 = RN_MAX(*t0, RN_MIN(a->kernel, a->in - at));
    return at;
}

/* Places of a window that lie inside, at most: a window may be far larger than the image. */
RN_INLINE rn_int rn_pool_most(const rn_pool *g)
{
    rn_int most = 1;
    for (int a = 0; a < 3; a++)
        most *= RN_MIN(g->axis[a].kernel, g->axis[a].in);
    return most;
}

/* Of `lists`, for each thread. */
RN_INLINE rn_int rn_pool_list_bytes(const rn_pool *g) { return 2 * rn_pool_most(g) * (rn_int)sizeof(rn_int); }

#ifdef RN_SCALAR
typedef uint8_t rn_bytes_f;
typedef uint8_t rn_bytes_d;
#else
typedef uint8_t rn_bytes_f __attribute__((vector_size(RN_VB / 4)));
typedef uint8_t rn_bytes_d __attribute__((vector_size(RN_VB / 8)));
#endif

#define RN_TEMPLATE "pool.h"
#include "both.h"

#elif defined(REAL)

/* Numbers of winners between lanes and bytes. The intrinsics are one instruction each; gcc 12 takes a conversion apart lane by lane. */
RN_FLAT FN(rn_bytes) FN(to_bytes)(IVEC v)
{
#if RN_VB == 64 && IS_FLOAT
    return (FN(rn_bytes))_mm512_cvtepi32_epi8((__m512i)v);
#elif RN_VB == 64
    FN(rn_bytes) bytes;
    _mm_storel_epi64((__m128i *)&bytes, _mm512_cvtepi64_epi8((__m512i)v));
    return bytes;
#elif defined(RN_SCALAR)
    return (FN(rn_bytes))v;
#else
    return __builtin_convertvector(v, FN(rn_bytes));
#endif
}

RN_FLAT IVEC FN(from_bytes)(FN(rn_bytes) bytes)
{
#if RN_VB == 64 && IS_FLOAT
    return (IVEC)_mm512_cvtepu8_epi32((__m128i)bytes);
#elif RN_VB == 64
    return (IVEC)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)&bytes));
#elif RN_VB == 32 && IS_FLOAT
    return (IVEC)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&bytes));
#elif RN_VB == 32
    int32_t four;
    memcpy(&four, &bytes, sizeof four);
    return (IVEC)_mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
#elif defined(RN_SCALAR)
    return bytes;
#else
    return __builtin_convertvector(bytes, IVEC);
#endif
}

RN_FLAT void FN(put_winner)(const rn_pool *g, rn_int at, IVEC v, rn_int left)
{
    INT lanes[VL];
    if (!g->large) {
        uint8_t *p = (uint8_t *)g->winner + at;
        const FN(rn_bytes) bytes = FN(to_bytes)(v);
        if (left >= VL) /* a size that the compiler knows */
            memcpy(p, &bytes, sizeof bytes);
        else
            memcpy(p, &bytes, (size_t)left);
        return;
    }
    memcpy(lanes, &v, sizeof v);
    for (rn_int i = 0; i < RN_MIN(left, VL); i++)
        ((int32_t *)g->winner)[at + i] = (int32_t)lanes[i];
}

RN_FLAT IVEC FN(read_winner)(const uint8_t *p, rn_int left)
{
    FN(rn_bytes) bytes;
    memset(&bytes, 0, sizeof bytes);
    if (left >= VL)
        memcpy(&bytes, p, sizeof bytes);
    else
        memcpy(&bytes, p, (size_t)left);
    return FN(from_bytes)(bytes);
}

RN_FLAT IVEC FN(get_winner)(const rn_pool *g, rn_int at, rn_int left)
{
    IVEC v;
    INT lanes[VL] = {0};
    if (!g->large)
        return FN(read_winner)((const uint8_t *)g->winner + at, left);
    for (rn_int i = 0; i < RN_MIN(left, VL); i++)
        lanes[i] = ((const int32_t *)g->winner)[at + i];
    memcpy(&v, lanes, sizeof v);
    return v;
}

#define LOAD(p) (left >= VL ? FN(load)(p) : FN(load_part)((p), left))
#define STORE(p, v)                                                                                                   \
    do {                                                                                                              \
        if (left >= VL)                                                                                               \
            FN(store)((p), (v));                                                                                      \
        else                                                                                                          \
            FN(store_part)((p), (v), left);                                                                           \
    } while (0)

/* The first of equals stays; NaN wins. */
RN_FLAT IVEC FN(beats)(VEC v, VEC best) { return ~(GREATER(best, v) | EQUAL(best, v)) & EQUAL(best, best); }

/* One window of `count` places at x + distance[], numbered number[], all channels. */
RN_FLAT void FN(pool_window)(const int average, const rn_int count, const rn_pool *g, const REAL *x, const rn_int *distance,
                             const rn_int *number, rn_int at)
{
    const rn_int channels = g->c;
    REAL *y = (REAL *)g->out + at;
    for (rn_int c = 0; c < channels; c += VL) {
        const rn_int left = channels - c;
        if (!count) { /* nothing but padding */
            STORE(y + c, FN(splat)(average ? (REAL)NAN : (REAL)-INFINITY));
            if (g->winner)
                FN(put_winner)(g, at + c, (IVEC){0}, left);
            continue;
        }
        if (average && count > RN_POOL_FEW) { /* a sum that may be long: in float64 */
            double lanes[VL] = {0};
            REAL means[VL] = {0};
            FN(sum64) sum;
            FN(sum_clear)(&sum);
            for (rn_int i = 0; i < count; i++)
                FN(sum_add)(&sum, LOAD(x + distance[i] + c));
            FN(sum_lanes)(&sum, lanes);
            for (int i = 0; i < VL; i++)
                means[i] = (REAL)(lanes[i] / (double)count);
            STORE(y + c, FN(load)(means));
            continue;
        }
        VEC best = LOAD(x + distance[0] + c);
        if (average) {
            RN_UNROLL
            for (rn_int i = 1; i < count; i++)
                best += LOAD(x + distance[i] + c);
            STORE(y + c, best / (REAL)count);
            continue;
        }
        IVEC winner = (IVEC){0} + (INT)number[0];
        RN_UNROLL
        for (rn_int i = 1; i < count; i++) {
            const VEC v = LOAD(x + distance[i] + c);
            const IVEC better = FN(beats)(v, best);
            best = FN(select)(better, v, best);
            winner = (better & (INT)number[i]) | (winner & ~better);
        }
        STORE(y + c, best);
        if (g->winner)
            FN(put_winner)(g, at + c, winner, left);
    }
}

#define WINDOW(average, count)                                                                                        \
    RN_NOINLINE void FN(pool_##average##_##count)(const rn_pool *g, const REAL *x, const rn_int *distance,            \
                                                  const rn_int *number, rn_int at)                                    \
    {                                                                                                                 \
        FN(pool_window)(average, count, g, x, distance, number, at);                                                  \
    }
WINDOW(0, 2)
WINDOW(0, 3)
WINDOW(0, 4)
WINDOW(0, 9)
WINDOW(1, 4)

RN_INLINE void FN(pool_any)(rn_int count, const rn_pool *g, const REAL *x, const rn_int *distance, const rn_int *number,
                            rn_int at)
{
    if (g->average) {
        if (count == 4)
            FN(pool_1_4)(g, x, distance, number, at);
        else
            FN(pool_window)(1, count, g, x, distance, number, at);
        return;
    }
    switch (count) {
    case 2: FN(pool_0_2)(g, x, distance, number, at); break;
    case 3: FN(pool_0_3)(g, x, distance, number, at); break;
    case 4: FN(pool_0_4)(g, x, distance, number, at); break;
    case 9: FN(pool_0_9)(g, x, distance, number, at); break;
    default: FN(pool_window)(0, count, g, x, distance, number, at);
    }
}

/* The places of a window: distances from x and numbers, row by row. */
RN_INLINE rn_int FN(pool_list)(const rn_pool *g, const rn_int *t0, const rn_int *t1, rn_int *distance, rn_int *number)
{
    const rn_axis *a = g->axis;
    rn_int count = 0;
    for (rn_int z = t0[0]; z < t1[0]; z++)
        for (rn_int y = t0[1]; y < t1[1]; y++)
            for (rn_int x = t0[2]; x < t1[2]; x++) {
                distance[count] = ((z * a[1].in + y) * a[2].in + x) * g->c;
                number[count++] = (z * a[1].kernel + y) * a[2].kernel + x;
            }
    return count;
}

static void FN(pool_forward_chunk)(void *job, rn_int chunk)
{
    const rn_pool *g = (const rn_pool *)job;
    const rn_axis *a = g->axis;
    const rn_int n = chunk / g->slabs, most = rn_pool_most(g);
    rn_int from[3] = {0, 0, 0}, to[3] = {a[0].out, a[1].out, a[2].out}, t0[3], t1[3], at[3], p0[3], p1[3];
    rn_int *distance = g->lists + rn_slot() * 2 * most, *number = distance + most, count = 0;
    from[g->cut] = chunk % g->slabs * g->slab;
    to[g->cut] = RN_MIN(to[g->cut], from[g->cut] + g->slab);
    memset(p0, -1, sizeof p0); /* no list yet */
    memset(p1, -1, sizeof p1);
    for (rn_int z = from[0]; z < to[0]; z++) {
        at[0] = rn_pool_taps(&a[0], z, &t0[0], &t1[0]);
        for (rn_int y = from[1]; y < to[1]; y++) {
            at[1] = rn_pool_taps(&a[1], y, &t0[1], &t1[1]);
            for (rn_int x = from[2]; x < to[2]; x++) {
                at[2] = rn_pool_taps(&a[2], x, &t0[2], &t1[2]);
                if (memcmp(t0, p0, sizeof t0) || memcmp(t1, p1, sizeof t1)) {
                    count = FN(pool_list)(g, t0, t1, distance, number);
                    memcpy(p0, t0, sizeof t0);
                    memcpy(p1, t1, sizeof t1);
                }
                const rn_int place = ((n * a[0].in + at[0]) * a[1].in + at[1]) * a[2].in + at[2];
                FN(pool_any)(count, g, (const REAL *)g->in + place * g->c, distance, number,
                             (((n * a[0].out + z) * a[1].out + y) * a[2].out + x) * g->c);
            }
        }
    }
}

static void FN(pool_forward)(rn_pool *g, int threads)
{
    rn_pool_plan(g, 0);
    rn_run(FN(pool_forward_chunk), g, g->n * g->slabs, threads);
}

/* ---- gradients: a chunk owns some rows of dx and takes what the windows that touch them give ------------------------ */

static void FN(pool_backward_chunk)(void *job, rn_int chunk)
{
    const rn_pool *g = (const rn_pool *)job;
    const rn_axis *a = g->axis;
    const rn_int n = chunk / g->slabs, channels = g->c, cut = g->cut;
    rn_int from[3] = {0, 0, 0}, to[3] = {a[0].out, a[1].out, a[2].out}, t0[3], t1[3], at[3];
    const rn_int r0 = chunk % g->slabs * g->slab, r1 = RN_MIN(a[cut].in, r0 + g->slab);
    from[cut] = RN_MAX(0, rn_ceil_div(r0 + a[cut].before - a[cut].kernel + 1, a[cut].stride));
    to[cut] = RN_MIN(a[cut].out, rn_floor_div(r1 - 1 + a[cut].before, a[cut].stride) + 1);
    REAL *dx = (REAL *)g->out;
    const REAL *dy = (const REAL *)g->in;
    rn_int row = channels;
    for (int i = cut + 1; i < 3; i++)
        row *= a[i].in;
    int covered = !g->overlap; /* does every place lie in exactly one window? */
    for (int i = 0; i < 3; i++)
        covered = covered && a[i].kernel == a[i].stride && a[i].out * a[i].stride - a[i].before >= a[i].in;
    if (!covered) /* axes before the cut have length 1 */
        memset(dx + (n * a[cut].in + r0) * row, 0, (size_t)((r1 - r0) * row) * sizeof(REAL));
    for (rn_int z = from[0]; z < to[0]; z++) {
        at[0] = rn_pool_taps(&a[0], z, &t0[0], &t1[0]);
        for (rn_int y = from[1]; y < to[1]; y++) {
            at[1] = rn_pool_taps(&a[1], y, &t0[1], &t1[1]);
            for (rn_int x = from[2]; x < to[2]; x++) {
                at[2] = rn_pool_taps(&a[2], x, &t0[2], &t1[2]);
                const rn_int real = (t1[0] - t0[0]) * (t1[1] - t0[1]) * (t1[2] - t0[2]);
                const rn_int l0 = RN_MAX(t0[cut], r0 - at[cut]), l1 = RN_MIN(t1[cut], r1 - at[cut]);
                const rn_int source = (((n * a[0].out + z) * a[1].out + y) * a[2].out + x) * channels;
                const rn_int place = (((n * a[0].in + at[0]) * a[1].in + at[1]) * a[2].in + at[2]) * channels;
                rn_int s0[3] = {t0[0], t0[1], t0[2]}, s1[3] = {t1[0], t1[1], t1[2]};
                s0[cut] = l0;
                s1[cut] = l1;
                for (rn_int c = 0; c < channels; c += VL) {
                    const rn_int left = channels - c;
                    VEC d = LOAD(dy + source + c);
                    IVEC winner = (IVEC){0};
                    if (g->average)
                        d = d / (REAL)real;
                    else
                        winner = FN(get_winner)(g, source + c, left);
                    for (rn_int u = s0[0]; u < s1[0]; u++)
                        for (rn_int v = s0[1]; v < s1[1]; v++)
                            for (rn_int h = s0[2]; h < s1[2]; h++) {
                                const INT number = (INT)((u * a[1].kernel + v) * a[2].kernel + h);
                                REAL *p = dx + place + ((u * a[1].in + v) * a[2].in + h) * channels + c;
                                VEC e = g->average ? d : UNBITS(BITS(d) & (IVEC)EQUAL(winner, (IVEC){0} + number));
                                if (g->overlap)
                                    e += LOAD(p);
                                STORE(p, e);
                            }
                }
            }
        }
    }
}

static void FN(pool_backward)(rn_pool *g, int threads)
{
    g->overlap = 0;
    for (int i = 0; i < 3; i++)
        g->overlap = g->overlap || (g->axis[i].kernel > g->axis[i].stride && g->axis[i].out > 1);
    rn_pool_plan(g, 1);
    rn_run(FN(pool_backward_chunk), g, g->n * g->slabs, threads);
}

/* ---- global average -------------------------------------------------------------------------------------------------- */

typedef struct {
    const REAL *in;
    REAL *out;
    double *sums; /* (n, c) */
    rn_int n, p, c;
} FN(global_job);

static void FN(global_forward_chunk)(void *job, rn_int n)
{
    const FN(global_job) *g = (const FN(global_job) *)job;
    double *sums = g->sums + n * g->c;
    memset(sums, 0, (size_t)g->c * sizeof(double));
    FN(add_columns)(g->in + n * g->p * g->c, g->p, g->c, g->c, sums);
    for (rn_int c = 0; c < g->c; c++)
        g->out[n * g->c + c] = (REAL)(sums[c] / (double)RN_MAX(g->p, 1));
}

RN_INLINE void FN(global_forward)(const REAL *x, REAL *y, double *sums, rn_int n, rn_int p, rn_int c, int threads)
{
    FN(global_job) g = {x, y, sums, n, p, c};
    rn_run(FN(global_forward_chunk), &g, n, threads);
}

static void FN(global_backward_chunk)(void *job, rn_int n)
{
    const FN(global_job) *g = (const FN(global_job) *)job;
    const REAL share = (REAL)(1.0 / (double)RN_MAX(g->p, 1));
    REAL *dx = g->out + n * g->p * g->c;
    if (!g->p)
        return;
    for (rn_int c = 0; c < g->c; c++)
        dx[c] = g->in[n * g->c + c] * share;
    for (rn_int p = 1; p < g->p; p++)
        memcpy(dx + p * g->c, dx, (size_t)g->c * sizeof(REAL));
}

RN_INLINE void FN(global_backward)(const REAL *dy, REAL *dx, rn_int n, rn_int p, rn_int c, int threads)
{
    FN(global_job) g = {dy, dx, NULL, n, p, c};
    rn_run(FN(global_backward_chunk), &g, n, threads);
}

#undef LOAD
#undef STORE
#undef WINDOW
#endif
