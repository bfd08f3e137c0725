/* Adafactor: means of rows and of columns first, then twice over the parameters: for v and the length of the step, and for the
 * step. Chunks are rows (about RN_SPAN numbers) and, for the means of columns, blocks of columns: each mean is one thread's, its
 * terms in their order. Why it is right: refnet/kernels/adafactor.py. */
#ifndef RN_UPDATE_ADAFACTOR_H
#define RN_UPDATE_ADAFACTOR_H
#include "scalar.h"

#define RN_adafactor(dbl, ...) RN_CALL(dbl, adafactor, __VA_ARGS__)
#define RN_ADAFACTOR_COLUMNS 256 /* of a block: their float64 sums fit a cache */

RN_INLINE rn_int rn_adafactor_chunks(rn_int rows, rn_int columns) { return (rows + rn_rows(columns) - 1) / rn_rows(columns); }
/* float64 numbers of scratch: two sums for each chunk of rows, the means of r of the matrices. */
RN_INLINE rn_int rn_adafactor_scratch(rn_int matrices, rn_int rows, rn_int columns)
{
    return 2 * rn_adafactor_chunks(matrices * rows, columns) + matrices;
}

#define RN_TEMPLATE "update_adafactor.h"
#include "both.h"

#elif defined(REAL)

typedef struct {
    REAL *w, *v, *r, *c; /* r and c NULL: vectors */
    const REAL *g;
    REAL beta, rest, eps, rate; /* rest = 1 - beta; rate: what the step is multiplied by */
    double *of_w, *of_step;     /* each chunk's sums of squares */
    double *means;              /* of r, for each matrix */
    rn_int count, rows, columns; /* matrices, and the shape of one */
} FN(adafactor_job);

RN_FLAT REAL FN(adafactor_square)(REAL g, REAL eps) { return g * g + eps; }

RN_FLAT double FN(adafactor_total)(const double *lanes)
{
    double sum = 0;
    for (int k = 0; k < 8; k++)
        sum += lanes[k];
    return sum;
}

/* `count` terms into as many lanes: g^2 + eps, or w^2. */
RN_FLAT void FN(adafactor_terms)(const REAL *a, const int plus, REAL eps, const rn_int count, double *lanes)
{
    for (rn_int k = 0; k < count; k++)
        lanes[k] += plus ? (double)FN(adafactor_square)(a[k], eps) : (double)a[k] * (double)a[k];
}

RN_FLAT double FN(adafactor_sum)(const REAL *a, const int plus, REAL eps, rn_int n)
{
    double lanes[8] = {0};
    const rn_int whole = n - n % 8;
    for (rn_int i = 0; i < whole; i += 8)
        FN(adafactor_terms)(a + i, plus, eps, 8, lanes);
    FN(adafactor_terms)(a + whole, plus, eps, n - whole, lanes);
    return FN(adafactor_total)(lanes);
}

/* Rows: r, and the squares of w. */
static void FN(adafactor_rows_chunk)(void *p, rn_int chunk)
{
    const FN(adafactor_job) *j = (const FN(adafactor_job) *)p;
    const rn_int n = j->columns, span = rn_rows(n), end = RN_MIN(j->count * j->rows, (chunk + 1) * span);
    double squares = 0;
    for (rn_int row = chunk * span; row < end; row++) {
        const REAL *g = j->g + row * n;
        if (j->r)
            j->r[row] = j->beta * j->r[row] + j->rest * (REAL)(FN(adafactor_sum)(g, 1, j->eps, n) / (double)n);
        squares += FN(adafactor_sum)(j->w + row * n, 0, 0, n);
    }
    j->of_w[chunk] = squares;
}

/* Columns: c. A chunk is a block of columns of one matrix. */
static void FN(adafactor_columns_chunk)(void *p, rn_int chunk)
{
    const FN(adafactor_job) *j = (const FN(adafactor_job) *)p;
    const rn_int n = j->columns, blocks = (n + RN_ADAFACTOR_COLUMNS - 1) / RN_ADAFACTOR_COLUMNS;
    const rn_int matrix = chunk / blocks, at = chunk % blocks * RN_ADAFACTOR_COLUMNS;
    const rn_int width = RN_MIN(RN_ADAFACTOR_COLUMNS, n - at);
    double sums[RN_ADAFACTOR_COLUMNS] = {0};
    REAL *c = j->c + matrix * n + at;
    for (rn_int row = 0; row < j->rows; row++) {
        const REAL *g = j->g + (matrix * j->rows + row) * n + at;
        for (rn_int i = 0; i < width; i++)
            sums[i] += (double)FN(adafactor_square)(g[i], j->eps);
    }
    for (rn_int i = 0; i < width; i++)
        c[i] = j->beta * c[i] + j->rest * (REAL)(sums[i] / (double)j->rows);
}

/* `count` weights of a row: v and the squares of the step; or, at the end, the step itself. share: r_i / mean(r). */
RN_FLAT void FN(adafactor_tile)(const FN(adafactor_job) *j, const int factored, const int apply, rn_int at, const REAL *c,
                                REAL share, REAL root, const rn_int count, double *lanes)
{
    for (rn_int k = 0; k < count; k++) {
        const REAL g = j->g[at + k];
        REAL step;
        if (!apply)
            j->v[at + k] = factored ? share * c[k] : j->beta * j->v[at + k] + j->rest * FN(adafactor_square)(g, j->eps);
        step = factored ? g / root / FN(rn_root)(c[k]) : g / FN(rn_root)(j->v[at + k]);
        if (apply)
            j->w[at + k] -= j->rate * step;
        else
            lanes[k] += (double)step * (double)step;
    }
}

RN_FLAT void FN(adafactor_steps)(const FN(adafactor_job) *j, const int factored, const int apply, rn_int chunk)
{
    const rn_int n = j->columns, span = rn_rows(n), end = RN_MIN(j->count * j->rows, (chunk + 1) * span), whole = n - n % 8;
    double lanes[8] = {0};
    for (rn_int row = chunk * span; row < end; row++) {
        const rn_int matrix = row / j->rows, at = row * n;
        const REAL share = factored ? j->r[row] / (REAL)j->means[matrix] : 1, root = FN(rn_root)(share);
        const REAL *c = factored ? j->c + matrix * n : j->g;
        for (rn_int i = 0; i < whole; i += 8)
            FN(adafactor_tile)(j, factored, apply, at + i, c + i, share, root, 8, lanes);
        FN(adafactor_tile)(j, factored, apply, at + whole, c + whole, share, root, n - whole, lanes);
    }
    if (!apply)
        j->of_step[chunk] = FN(adafactor_total)(lanes);
}

static void FN(adafactor_measure_chunk)(void *p, rn_int chunk)
{
    const FN(adafactor_job) *j = (const FN(adafactor_job) *)p;
    if (j->r)
        FN(adafactor_steps)(j, 1, 0, chunk);
    else
        FN(adafactor_steps)(j, 0, 0, chunk);
}

static void FN(adafactor_apply_chunk)(void *p, rn_int chunk)
{
    const FN(adafactor_job) *j = (const FN(adafactor_job) *)p;
    if (j->r)
        FN(adafactor_steps)(j, 1, 1, chunk);
    else
        FN(adafactor_steps)(j, 0, 1, chunk);
}

RN_FLAT double FN(adafactor_rms)(const double *sums, rn_int chunks, rn_int n)
{
    double total = 0;
    for (rn_int i = 0; i < chunks; i++)
        total += sums[i];
    return sqrt(total / (double)n);
}

RN_INLINE void FN(adafactor)(REAL *w, const REAL *g, REAL *v, REAL *r, REAL *c, double rate, double beta, double eps_1,
                             double eps_2, double threshold, double *scratch, rn_int count, rn_int rows, rn_int columns,
                             int threads)
{
    const rn_int chunks = rn_adafactor_chunks(count * rows, columns), n = count * rows * columns;
    const rn_int blocks = (columns + RN_ADAFACTOR_COLUMNS - 1) / RN_ADAFACTOR_COLUMNS;
    FN(adafactor_job) j = {.w = w, .v = v, .r = r, .c = c, .g = g, .beta = (REAL)beta, .rest = (REAL)(1 - beta),
                           .eps = (REAL)eps_1, .of_w = scratch, .of_step = scratch + chunks, .means = scratch + 2 * chunks,
                           .count = count, .rows = rows, .columns = columns};
    double size, length;
    rn_run(FN(adafactor_rows_chunk), &j, chunks, threads);
    if (r) {
        rn_run(FN(adafactor_columns_chunk), &j, count * blocks, threads);
        for (rn_int k = 0; k < count; k++) {
            double sum = 0;
            for (rn_int i = 0; i < rows; i++)
                sum += (double)r[k * rows + i];
            j.means[k] = sum / (double)rows;
        }
    }
    rn_run(FN(adafactor_measure_chunk), &j, chunks, threads);
    size = FN(adafactor_rms)(j.of_w, chunks, n);
    length = FN(adafactor_rms)(j.of_step, chunks, n) / threshold;
    size = size < eps_2 ? eps_2 : size; /* NaN stays */
    length = length < 1 ? 1 : length;
    j.rate = (REAL)(size * rate / length);
    rn_run(FN(adafactor_apply_chunk), &j, chunks, threads);
}
#endif
