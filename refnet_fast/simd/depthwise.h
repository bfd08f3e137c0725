/* Depthwise convolution: vectors of channels, several places at a time.
 *
 * Fast because: a vector of kernel entries is loaded once for eight places, windows are read as they lie (or from a frame with zeros
 * around it, window.h), bias and relu are applied in registers. With M filters per channel, each channel is repeated M times on its
 * way into the frame, and all that follows is the case M = 1. The kernel's gradient is summed over at most 64 places in its
 * own type, beyond that in float64. Why it is right: refnet/kernels/depthwise.py.
 */
#ifndef RN_DEPTHWISE_H
#define RN_DEPTHWISE_H
#include "window.h"

typedef struct {
    rn_window win; /* channels: C M */
    int dbl, kind, slope;
    rn_int multiplier;
    const void *src, *kept, *w, *bias;
    void *dst, *y;
    rn_int table_bytes, frame_bytes, buffer_bytes;
    char *frames;
} rn_depthwise;

typedef struct {
    rn_window win;
    int dbl, slope;
    rn_int multiplier;
    const void *x, *dy, *kept;
    void *dw, *db;
    rn_int chunks, per, table_bytes, frame_bytes, dz_bytes, sum_bytes;
    char *frames, *sums;
} rn_depthwise_dw;

#define RN_DEPTH_PLACES 8

RN_INLINE double rn_depthwise_ns(const rn_window *w, rn_int size)
{
    double ns = 2.0 * w->channels / (RN_CONV_FLOPS_PER_NS / 3) * (size / 4);
    for (int a = 0; a < 3; a++)
        ns *= (double)w->axis[a].kernel * (double)w->axis[a].out;
    return ns;
}

RN_INLINE rn_int rn_depthwise_plan(rn_depthwise *g, int threads)
{
    rn_window *w = &g->win;
    const rn_int size = g->dbl ? 8 : 4;
    rn_window_plan(w, rn_depthwise_ns(w, size), size, g->slope != 0 || (!w->back && g->multiplier > 1), RN_UNIT_BYTES);
    g->table_bytes = rn_window_table_bytes(w);
    g->frame_bytes = w->frame ? RN_ROUND(w->frame * size + 256) : 0;
    g->buffer_bytes = w->back && g->multiplier > 1 ? RN_ROUND(RN_DEPTH_PLACES * w->channels * size + 256) : 0;
    return g->table_bytes + (g->frame_bytes + g->buffer_bytes) * threads;
}

RN_INLINE rn_int rn_depthwise_dw_plan(rn_depthwise_dw *g, int threads)
{
    rn_window *w = &g->win;
    const rn_int size = g->dbl ? 8 : 4;
    const double ns = rn_depthwise_ns(w, size);
    rn_window_plan(w, ns, size, g->multiplier > 1, RN_UNIT_BYTES);
    const double chunks = ns * (double)w->n / 50000.0;
    g->chunks = RN_MIN(chunks < 1 ? 1 : chunks > 16 ? 16 : (rn_int)chunks, w->units);
    g->per = (w->units + g->chunks - 1) / g->chunks;
    g->chunks = (w->units + g->per - 1) / g->per;
    const rn_int places = w->dst[0] * w->dst[1] * w->dst[2] / w->dst[w->cut] * w->slab * w->images;
    g->table_bytes = rn_window_table_bytes(w);
    g->frame_bytes = w->frame ? RN_ROUND(w->frame * size + 256) : 0;
    g->dz_bytes = g->slope ? RN_ROUND(places * w->channels * size + 256) : 0;
    g->sum_bytes = RN_ROUND((w->taps + 1) * w->channels * 8 + 256);
    return g->table_bytes + (g->frame_bytes + g->dz_bytes) * threads + g->chunks * g->sum_bytes;
}

#define RN_depthwise_run(dbl, ...) RN_CALL(dbl, depthwise_run, __VA_ARGS__)
#define RN_depthwise_dw_run(dbl, ...) RN_CALL(dbl, depthwise_dw_run, __VA_ARGS__)

#define RN_TEMPLATE "depthwise.h"
#include "both.h"

#elif defined(REAL)

#define LOAD(p) (left >= VL ? FN(load)(p) : FN(load_part)((p), left))

RN_FLAT void FN(depth_places)(const int count, const rn_depthwise *g, const REAL *const *rows, rn_int from, rn_int taps,
                              REAL *const *out)
{
    const rn_window *w = &g->win;
    const rn_int channels = w->channels;
    for (rn_int c = 0; c < channels; c += VL) {
        const rn_int left = channels - c;
        const VEC start = g->bias ? LOAD((const REAL *)g->bias + c) : FN(splat)(0);
        VEC acc[RN_DEPTH_PLACES];
        RN_UNROLL
        for (int i = 0; i < count; i++)
            acc[i] = start;
        for (rn_int t = from; t < from + taps; t++) {
            const VEC tap = LOAD((const REAL *)g->w + w->tap[t] * channels + c);
            const rn_int at = w->distance[t] + c;
            RN_UNROLL
            for (int i = 0; i < count; i++)
                acc[i] += LOAD(rows[i] + at) * tap;
        }
        RN_UNROLL
        for (int i = 0; i < count; i++) {
            const VEC z = g->kind == RN_RELU ? FN(vrelu)(acc[i]) : acc[i];
            if (left >= VL)
                FN(store)(out[i] + c, z);
            else
                FN(store_part)(out[i] + c, z, left);
        }
    }
}

RN_NOINLINE void FN(depth_eight)(const rn_depthwise *g, const REAL *const *rows, rn_int from, rn_int taps, REAL *const *out)
{
    FN(depth_places)(RN_DEPTH_PLACES, g, rows, from, taps, out);
}

RN_NOINLINE void FN(depth_one)(const rn_depthwise *g, const REAL *const *rows, rn_int from, rn_int taps, REAL *const *out)
{
    FN(depth_places)(1, g, rows, from, taps, out);
}

static void FN(depthwise_unit)(void *job, rn_int unit)
{
    const rn_depthwise *g = (const rn_depthwise *)job;
    const rn_window *w = &g->win;
    const rn_int m = g->multiplier, channels = w->channels, to = w->back ? channels / m : channels;
    const int reduce = w->back && m > 1;
    char *own = g->frames + rn_slot() * (g->frame_bytes + g->buffer_bytes);
    REAL *buffer = (REAL *)(own + g->frame_bytes);
    rn_unit u;
    rn_window_unit(w, unit, &u);
    const rn_int base = u.n0 * w->dst[0] * w->dst[1] * w->dst[2] * to;
    REAL *dst = (REAL *)g->dst + base, *y = g->y ? (REAL *)g->y + base : dst;
    const REAL *src = (const REAL *)g->src + u.n0 * w->image;
    if (!w->in_place) {
        FN(fill_frame)(w, &u, g->slope, (const REAL *)g->src, (const REAL *)g->kept, w->back ? 1 : m, (REAL *)own);
        src = (const REAL *)own;
    }
    for (rn_int phase = 0; phase < w->phases; phase++) {
        rn_patch p;
        FN(walk) k;
        rn_window_patch(w, &u, phase, &p);
        if (!p.places)
            continue;
        const rn_int from = w->tap_start[phase], taps = w->tap_start[phase + 1] - from;
        FN(walk_begin)(w, &p, src, &k);
        for (rn_int done = 0; done < p.places;) {
            const rn_int count = p.places - done >= RN_DEPTH_PLACES ? RN_DEPTH_PLACES : 1;
            const REAL *rows[RN_DEPTH_PLACES];
            REAL *out[RN_DEPTH_PLACES];
            rn_int at[RN_DEPTH_PLACES];
            FN(walk_next)(w, &p, src, &k, count, rows, at);
            for (rn_int i = 0; i < count; i++)
                out[i] = reduce ? buffer + i * channels : dst + at[i] * to;
            if (count == 1)
                FN(depth_one)(g, rows, from, taps, out);
            else
                FN(depth_eight)(g, rows, from, taps, out);
            for (rn_int i = 0; reduce && i < count; i++)
                for (rn_int c = 0; c < to; c++) {
                    REAL sum = out[i][c * m];
                    for (rn_int j = 1; j < m; j++)
                        sum += out[i][c * m + j];
                    dst[at[i] * to + c] = sum;
                }
            for (rn_int i = 0; g->kind > RN_RELU && i < count; i++)
                FN(map_span)(g->kind, out[i], y + at[i] * to, to);
            done += count;
        }
    }
}

static void FN(depthwise_run)(rn_depthwise *g, char *scratch, int threads)
{
    rn_window_tables(&g->win, scratch);
    g->frames = scratch + g->table_bytes;
    rn_run(FN(depthwise_unit), g, g->win.units, threads);
}

/* sums[c] += sum over count places of x dz, for `left` channels; four sums in flight */
RN_FLAT void FN(depth_dot)(const REAL *x, rn_int step, const REAL *dz, rn_int channels, rn_int count, rn_int left, double *sums)
{
    VEC s[4];
    for (int i = 0; i < 4; i++)
        s[i] = FN(splat)(0);
    rn_int j = 0;
    for (; j + 4 <= count; j += 4) {
        RN_UNROLL
        for (int i = 0; i < 4; i++)
            s[i] += LOAD(x + (j + i) * step) * LOAD(dz + (j + i) * channels);
    }
    for (; j < count; j++)
        s[0] += LOAD(x + j * step) * LOAD(dz + j * channels);
    FN(sum64) sum;
    FN(sum_clear)(&sum);
    FN(sum_add)(&sum, (s[0] + s[1]) + (s[2] + s[3]));
    FN(sum_lanes)(&sum, sums); /* lanes beyond `left` add zero */
}

static void FN(depthwise_dw_chunk)(void *job, rn_int chunk)
{
    const rn_depthwise_dw *g = (const rn_depthwise_dw *)job;
    const rn_window *w = &g->win;
    const rn_int channels = w->channels;
    double *sums = (double *)(g->sums + chunk * g->sum_bytes), *bias = sums + w->taps * channels;
    char *own = g->frames + rn_slot() * (g->frame_bytes + g->dz_bytes);
    memset(sums, 0, (size_t)g->sum_bytes);
    for (rn_int unit = chunk * g->per; unit < RN_MIN(w->units, (chunk + 1) * g->per); unit++) {
        rn_unit u;
        rn_patch p;
        rn_window_unit(w, unit, &u);
        rn_window_patch(w, &u, 0, &p);
        const rn_int at = (((u.n0 * w->dst[0] + u.d0[0]) * w->dst[1] + u.d0[1]) * w->dst[2] + u.d0[2]) * channels;
        const REAL *dz = (const REAL *)g->dy + at, *x = (const REAL *)g->x + u.n0 * w->image;
        if (g->slope) {
            REAL *made = (REAL *)(own + g->frame_bytes);
            FN(map_slope_span)(g->slope, dz, (const REAL *)g->kept + at, made, p.places * channels);
            dz = made;
        }
        if (g->db)
            FN(add_columns)(dz, p.places, channels, channels, bias);
        if (!g->dw)
            continue;
        if (!w->in_place) {
            FN(fill_frame)(w, &u, RN_LINEAR, (const REAL *)g->x, NULL, g->multiplier, (REAL *)own);
            x = (const REAL *)own;
        }
        const rn_int length = p.count[2], rows = p.places / length;
        for (rn_int r = 0; r < rows; r++) {
            const rn_int row_y = r % p.count[1], z = r / p.count[1] % p.count[0], n = r / p.count[1] / p.count[0];
            const REAL *start = x + p.from + n * w->image + z * p.move[0] + row_y * p.move[1];
            for (rn_int k = 0; k < length; k += 64) {
                const rn_int count = RN_MIN(64, length - k);
                for (rn_int c = 0; c < channels; c += VL)
                    for (rn_int t = 0; t < w->taps; t++) {
                        const REAL *a = start + k * p.move[2] + w->distance[t] + c, *b = dz + (r * length + k) * channels + c;
                        double *to = sums + t * channels + c;
                        if (channels - c >= VL)
                            FN(depth_dot)(a, p.move[2], b, channels, count, VL, to);
                        else
                            FN(depth_dot)(a, p.move[2], b, channels, count, channels - c, to);
                    }
            }
        }
    }
}

static void FN(depthwise_dw_run)(rn_depthwise_dw *g, char *scratch, int threads)
{
    const rn_window *w = &g->win;
    rn_window_tables(&g->win, scratch);
    g->sums = scratch + g->table_bytes;
    g->frames = g->sums + g->chunks * g->sum_bytes;
    rn_run(FN(depthwise_dw_chunk), g, g->chunks, threads);
    for (rn_int i = 0; i < (w->taps + 1) * w->channels; i++) {
        double total = 0;
        REAL *out = i < w->taps * w->channels ? (REAL *)g->dw : (REAL *)g->db;
        if (!out)
            continue;
        for (rn_int c = 0; c < g->chunks; c++)
            total += ((const double *)(g->sums + c * g->sum_bytes))[i];
        out[i < w->taps * w->channels ? i : i - w->taps * w->channels] = (REAL)total;
    }
}

#undef LOAD
#endif
