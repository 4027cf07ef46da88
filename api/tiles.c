/* See tiles.h. */
#include "api/tiles.h"

#include <stdatomic.h>
#include <string.h>

#include "api/room.h"

/* A tile is large enough to hide its overhead, and small enough for planes to stay in the second cache and for
 * deadlines to be kept. */
enum { TILE_POINTS = 16384, TILES_A_THREAD = 4 };

/* What one thread needs; taken for a tile, given back after it. */
struct seat {
    atomic_flag taken;
    struct workspace space;
    double *args;
    float *planes[8]; /* of the tile, and behind them sums of its points */
    struct counts counts;
};

struct tiles {
    struct runner *runner;
    const struct view *view;
    const struct raster *raster;
    struct seat *seats;
    uint32_t rows; /* of a tile */
    bool direct;   /* kernels write into the raster */
};

static struct seat *seat_take(struct tiles *t)
{
    struct seat *s = t->seats;
    while (atomic_flag_test_and_set_explicit(&s->taken, memory_order_acquire))
        s++; /* there are as many as threads */
    return s;
}

static void seat_leave(struct seat *s)
{
    atomic_flag_clear_explicit(&s->taken, memory_order_release);
}

/* The centre of point k of a row of `grid` in a pixel, from the pixel's centre; a multiple of 2^-20, so that sums with
 * pixel indices are exact and do not depend on where a tile begins. */
static double point_offset(uint32_t k, uint32_t grid)
{
    double at = ((double)k + 0.5) / (double)grid - 0.5;
    return (double)(int32_t)(at * 0x1p20) * 0x1p-20;
}

static void make_args(const struct tiles *t, struct seat *s, uint32_t row, double offset_x, double offset_y)
{
    const struct view *v = t->view;
    double context[CONTEXT_COUNT] = {
        [CONTEXT_WIDTH] = v->width,
        [CONTEXT_HEIGHT] = v->height,
        [CONTEXT_X0] = v->region[0],
        [CONTEXT_DX] = (v->region[2] - v->region[0]) / v->width,
        [CONTEXT_Y0] = v->region[1],
        [CONTEXT_DY] = (v->region[3] - v->region[1]) / v->height,
        [CONTEXT_PX0] = v->x + offset_x,
        [CONTEXT_PY0] = (double)v->y + row + offset_y,
        [CONTEXT_Z] = v->z,
        [CONTEXT_TIME] = v->time,
        [CONTEXT_SEED] = v->seed,
    };
    lower_args(t->runner->program->ir, t->runner->params, context, t->runner->images, s->args);
}

static void run_points(const struct tiles *t, struct seat *s, float *const *out, uint32_t rows)
{
    struct kernel_call call = {.args = s->args,
                               .out = out,
                               .scratch = s->space.scratch,
                               .images = t->runner->images,
                               .out_stride = t->view->w,
                               .count = (int32_t)t->view->w,
                               .rows = (int32_t)rows};
    runner_call(t->runner, &call, s->space.work);
}

/* The mean of grid * grid points, summed in f32 in this order: rows of points, then points of a row. */
static void run_grid(const struct tiles *t, struct seat *s, uint32_t row, uint32_t rows)
{
    uint32_t grid = t->view->grid, channels = t->raster->channels;
    size_t n = (size_t)rows * t->view->w;
    float **sums = s->planes + channels, count = (float)grid * (float)grid;
    for (uint32_t k = 0; k < grid * grid; k++) {
        make_args(t, s, row, point_offset(k % grid, grid), point_offset(k / grid, grid));
        run_points(t, s, s->planes, rows);
        for (uint32_t c = 0; c < channels; c++)
            for (size_t i = 0; i < n; i++)
                sums[c][i] = k ? sums[c][i] + s->planes[c][i] : s->planes[c][i];
    }
    for (uint32_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++)
            sums[c][i] /= count;
}

static int run_tile(size_t index, void *user)
{
    struct tiles *t = user;
    enum status alive = exchange_alive(t->runner->ex, (double)index * t->rows / t->view->h);
    if (alive != STATUS_OK)
        return (int)alive;
    unsigned saved = fp_state_enter();
    struct seat *s = seat_take(t);
    uint32_t row = (uint32_t)index * t->rows, left = t->view->h - row, rows = left < t->rows ? left : t->rows;
    float *whole = (float *)(void *)(t->raster->data + row * (t->direct ? raster_row_bytes(t->raster) : 0));
    float *const *out = t->direct ? &whole : s->planes;
    if (t->view->grid > 1) {
        run_grid(t, s, row, rows);
        out = s->planes + t->raster->channels;
    } else {
        make_args(t, s, row, 0, 0);
        run_points(t, s, out, rows);
    }
    raster_rows(t->raster, row, rows, out, t->view->w, &s->counts);
    seat_leave(s);
    fp_state_leave(saved);
    return 0;
}

static enum status make_seats(struct tiles *t, int threads)
{
    struct exchange *ex = t->runner->ex;
    size_t planes = t->direct ? 0 : t->raster->channels * (t->view->grid > 1 ? 2u : 1u);
    size_t points = (size_t)t->rows * t->view->w, space = workspace_size(t->runner);
    t->seats = ARENA_ARRAY(ex->arena, (size_t)threads, struct seat);
    for (int i = 0; i < threads; i++) {
        struct seat *s = &t->seats[i];
        void *memory;
        TRY(exchange_memory(ex, space + planes * points * sizeof(float), &memory));
        s->space = workspace_at(t->runner, memory);
        s->args = ARENA_ARRAY(ex->arena, t->runner->program->ir->n_args + 1u, double);
        for (size_t c = 0; c < planes; c++)
            s->planes[c] = (float *)(void *)((char *)memory + space) + c * points;
    }
    return STATUS_OK;
}

enum status tiles_run(struct runner *r, const struct view *view, const struct raster *raster, struct counts *ret_counts)
{
    struct pool *pool = r->ex->api->pool;
    int threads = r->ex->on_pool && pool ? pool_threads(pool) : 1;
    uint32_t share = view->h / ((uint32_t)threads * TILES_A_THREAD) + 1;
    struct tiles t = {.runner = r, .view = view, .raster = raster};
    t.direct = raster->bits == 32 && raster->channels == 1 && view->grid == 1 && !raster->srgb;
    t.rows = TILE_POINTS / view->w + 1;
    if (t.rows > view->h)
        t.rows = view->h;
    if (threads > 1 && t.rows > share)
        t.rows = share;
    TRY(make_seats(&t, threads));
    size_t n = ((size_t)view->h + t.rows - 1) / t.rows;
    int result = 0;
    if (threads > 1)
        result = pool_each(pool, threads, n, run_tile, &t);
    else
        for (size_t i = 0; i < n && !result; i++)
            result = run_tile(i, &t);
    if (result)
        return exchange_ended(r->ex, (enum status)result);
    for (int i = 0; i < threads; i++) {
        ret_counts->clipped += t.seats[i].counts.clipped;
        ret_counts->nonfinite += t.seats[i].counts.nonfinite;
    }
    return STATUS_OK;
}
