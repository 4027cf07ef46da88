/* See tiles.h. */
#include "api/image/tiles.h"

#include <stdatomic.h>
#include <string.h>

#include "api/image/pipeline.h"
#include "api/room.h"

/* A tile is large enough to hide its overhead, and small enough for planes to stay in the second cache and for
 * deadlines to be kept. */
enum { TILE_POINTS = 16384 };

/* What one thread needs; taken for a while, given back. */
struct seat {
    atomic_flag taken;
    struct workspace space;
    double *args;
    float *planes[8]; /* of the tile, and behind them sums of its points */
    struct kernel_plane *windows;
};

struct tiles {
    struct runner *runner;
    struct seat *seats;
    uint32_t rows, channels;
    bool direct; /* kernels write into the raster */
};

/* One tile of one thread. */
struct tile {
    struct tiles *tiles;
    struct seat *seat;
    const struct view *view;
    uint32_t row, rows; /* of the view */
    double done;
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

static void make_args(const struct tile *t, uint32_t point)
{
    const struct view *v = t->view;
    const struct runner *r = t->tiles->runner;
    const struct view_inputs in = {.ir = r->program->ir, .params = r->params, .images = r->images};
    view_args(v, &in, v->x, v->y + t->row, point, t->seat->args);
}

static void run_points(const struct tile *t, float *const *out, size_t stride)
{
    struct runner *r = t->tiles->runner;
    if (r->pipeline)
        pipeline_windows(r->pipeline, t->row, t->seat->windows);
    struct kernel_call call = {.args = t->seat->args,
                               .out = out,
                               .scratch = t->seat->space.scratch,
                               .planes = t->seat->windows,
                               .images = r->images,
                               .out_stride = (int64_t)stride,
                               .count = (int32_t)t->view->w,
                               .rows = (int32_t)t->rows};
    runner_call(r, &call, t->seat->space.work);
}

/* The mean of grid * grid points, summed in f32 in this order: rows of points, then points of a row. */
static enum status run_grid(const struct tile *t)
{
    struct seat *s = t->seat;
    uint32_t grid = t->view->grid, channels = t->tiles->channels;
    size_t n = (size_t)t->rows * t->view->w;
    float **sums = s->planes + channels, count = (float)grid * (float)grid;
    for (uint32_t k = 0; k < grid * grid; k++) {
        if (k)
            TRY(exchange_alive(t->tiles->runner->ex, t->done));
        make_args(t, k);
        run_points(t, s->planes, t->view->w);
        for (uint32_t c = 0; c < channels; c++)
            for (size_t i = 0; i < n; i++)
                sums[c][i] = k ? sums[c][i] + s->planes[c][i] : s->planes[c][i];
    }
    for (uint32_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++)
            sums[c][i] /= count;
    return STATUS_OK;
}

/* Kernels write where the samples are wanted: one channel, or one row of each channel after the other. */
static void run_direct(const struct tile *t, const struct raster *to, uint32_t row, struct counts *counts)
{
    float *whole = (float *)(void *)(to->data + row * raster_row_bytes(to)), *out[4];
    size_t stride = (size_t)to->width * to->channels;
    for (uint32_t c = 0; c < to->channels; c++)
        out[c] = whole + (size_t)c * to->width;
    make_args(t, 0);
    run_points(t, out, stride);
    raster_rows(to, row, t->rows, out, stride, counts);
}

static enum status run_tile(const struct tile *t, const struct raster *to, uint32_t row, struct counts *counts)
{
    TRY(exchange_alive(t->tiles->runner->ex, t->done));
    if (t->tiles->direct) {
        run_direct(t, to, row, counts);
        return STATUS_OK;
    }
    struct pipeline *pipeline = t->tiles->runner->pipeline;
    float **out = t->seat->planes;
    if (t->view->grid > 1 && pipeline) {
        for (uint32_t c = 0; c < t->tiles->channels; c++)
            out[c] = pipeline_means(pipeline, c, t->row);
    } else if (t->view->grid > 1) {
        TRY(run_grid(t));
        out += t->tiles->channels;
    } else {
        make_args(t, 0);
        run_points(t, out, t->view->w);
    }
    raster_rows(to, row, t->rows, out, t->view->w, counts);
    return STATUS_OK;
}

enum status tiles_rows(struct tiles *t, const struct view *view, uint32_t row, const struct raster *to, double done,
                       struct counts *counts)
{
    struct tile tile = {.tiles = t, .seat = seat_take(t), .view = view, .done = done};
    enum status status = STATUS_OK;
    unsigned saved = fp_state_enter();
    for (uint32_t y = 0; y < to->height && status == STATUS_OK; y += tile.rows) {
        tile.row = row + y;
        tile.rows = to->height - y < t->rows ? to->height - y : t->rows;
        status = run_tile(&tile, to, y, counts);
    }
    fp_state_leave(saved);
    seat_leave(tile.seat);
    return status;
}

enum status tiles_new(struct runner *r, const struct view *view, const struct raster *form, int threads,
                      struct tiles **ret)
{
    struct tiles *t = ARENA_NEW(r->ex->arena, struct tiles);
    *t = (struct tiles){.runner = r, .channels = form->channels, .rows = TILE_POINTS / view->w + 1};
    t->direct =
        form->bits == 32 && view->grid == 1 && !form->srgb && !form->bottom_up && (form->planar || form->channels == 1);
    if (t->rows > view->h)
        t->rows = view->h;
    bool means = view->grid > 1 && r->pipeline; /* made before */
    size_t planes = t->direct || means ? 0 : form->channels * (view->grid > 1 ? 2u : 1u);
    size_t points = (size_t)t->rows * view->w, space = workspace_size(r);
    t->seats = ARENA_ARRAY(r->ex->arena, (size_t)threads, struct seat);
    for (int i = 0; i < threads; i++) {
        struct seat *s = &t->seats[i];
        void *memory;
        TRY(exchange_memory(r->ex, space + planes * points * sizeof(float), &memory));
        s->space = workspace_at(r, memory);
        s->args = ARENA_ARRAY(r->ex->arena, r->program->ir->n_args + 1u, double);
        s->windows = ARENA_ARRAY(r->ex->arena, r->program->ir->n_planes + 1u, struct kernel_plane);
        for (size_t c = 0; c < planes; c++)
            s->planes[c] = (float *)(void *)((char *)memory + space) + c * points;
    }
    *ret = t;
    return STATUS_OK;
}
