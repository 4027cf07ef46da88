/* See pipeline.h. */
#include "api/image/pipeline.h"

#include <stdatomic.h>
#include <string.h>

#include "api/image/planes.h"
#include "api/load/pool.h"
#include "api/room.h"

enum { TILE_POINTS = 16384, TILES_A_THREAD = 4 };

/* What one thread needs; taken for a tile, given back after it. */
struct seat {
    atomic_flag taken;
    void *memory; /* a workspace for any stage */
    double *args;
    struct kernel_plane *windows;
    float **out;
    float *samples; /* several points a pixel: the outputs of a tile */
};

struct pipeline {
    struct runner *runner;
    struct frames frames;
    struct planes *planes;
    bool moves;    /* the places are not the same in every frame */
    size_t floats; /* of the block, in the frame that needs most; the means stand behind it */
    float *block, *means;
    struct view view; /* of the frame */
    struct seat *seats;
    int threads;
    uint32_t tile_rows; /* most, of the last stage */
};

/* ---- one stage ---- */

struct stage_run {
    struct pipeline *pipeline;
    struct runner *runner;
    uint32_t stage, point, rows;
    struct rect run;
    struct done done; /* before and after the stage */
    size_t tiles;
};

static struct seat *seat_take(struct pipeline *p)
{
    struct seat *s = p->seats;
    while (atomic_flag_test_and_set_explicit(&s->taken, memory_order_acquire))
        s++; /* there are as many as threads */
    return s;
}

static void seat_leave(struct seat *s)
{
    atomic_flag_clear_explicit(&s->taken, memory_order_release);
}

static float *sample_at(const struct pipeline *p, uint32_t plane, int64_t x, int64_t y)
{
    const struct plane_place *place = &p->planes->list[plane];
    return p->block + place->at + rect_offset(p->planes->stages[place->stage].held, x, y);
}

/* A plane that is not read at these pixels has none. */
static void make_windows(const struct pipeline *p, const struct program *stage, int64_t x, int64_t y,
                         struct kernel_plane *ret)
{
    for (uint32_t i = 0; i < stage->ir->n_planes; i++) {
        const struct plane_place *place = &p->planes->list[stage->reads[i]];
        struct rect held = p->planes->stages[place->stage].held;
        ret[i] = (struct kernel_plane){.stride = rect_width(held)};
        if (!rect_empty(place->wanted))
            ret[i].data = sample_at(p, stage->reads[i], x, y);
    }
}

/* One plane an output, or the tile's samples in the last stage. */
static void run_rows(const struct stage_run *s, struct seat *seat, int64_t y, uint32_t rows)
{
    const struct pipeline *p = s->pipeline;
    const struct program *program = s->runner->program;
    const struct view_inputs in = {.ir = program->ir, .params = s->runner->params, .images = s->runner->images};
    struct workspace space = workspace_at(s->runner, seat->memory);
    int64_t width = rect_width(s->run);
    for (uint32_t o = 0; o < program->ir->n_outputs; o++)
        seat->out[o] = program->fills ? sample_at(p, program->fills[o], s->run.x0, y)
                                      : seat->samples + (size_t)o * p->tile_rows * (size_t)width;
    make_windows(p, program, s->run.x0, y, seat->windows);
    view_args(&p->view, &in, (uint32_t)s->run.x0, (uint32_t)y, s->point, seat->args);
    struct kernel_call call = {.args = seat->args,
                               .out = seat->out,
                               .scratch = space.scratch,
                               .planes = seat->windows,
                               .images = s->runner->images,
                               .out_stride = program->fills ? rect_width(p->planes->stages[s->stage].held) : width,
                               .count = (int32_t)width,
                               .rows = (int32_t)rows};
    runner_call(s->runner, &call, space.work);
}

/* Adds the tile to the sums, in the order of the points. */
static void add_rows(const struct stage_run *s, const struct seat *seat, int64_t y, uint32_t rows)
{
    const struct pipeline *p = s->pipeline;
    uint32_t grid = p->view.grid;
    size_t n = (size_t)rows * p->view.w;
    bool first = s->point == 0, last = s->point + 1 == grid * grid;
    float count = (float)grid * (float)grid;
    for (uint32_t o = 0; o < s->runner->program->ir->n_outputs; o++) {
        float *sums = pipeline_means(p, o, (uint32_t)(y - s->run.y0));
        const float *samples = seat->out[o];
        for (size_t i = 0; i < n; i++)
            sums[i] = first ? samples[i] : sums[i] + samples[i];
        for (size_t i = 0; last && i < n; i++)
            sums[i] /= count;
    }
}

static int run_tile(size_t index, void *user)
{
    struct stage_run *s = user;
    struct pipeline *p = s->pipeline;
    double share = (double)index / (double)s->tiles;
    enum status alive = exchange_alive(p->runner->ex, s->done.before + share * (s->done.after - s->done.before));
    if (alive != STATUS_OK)
        return (int)alive;
    struct seat *seat = seat_take(p);
    unsigned saved = fp_state_enter();
    int64_t y = s->run.y0 + (int64_t)index * s->rows, left = s->run.y1 - y;
    uint32_t rows = left < s->rows ? (uint32_t)left : s->rows;
    run_rows(s, seat, y, rows);
    if (!s->runner->program->fills)
        add_rows(s, seat, y, rows);
    fp_state_leave(saved);
    seat_leave(seat);
    return 0;
}

/* Tiles of whole rows; none so large that the threads would wait for the last. */
static uint32_t rows_of_tile(const struct pipeline *p, struct rect run)
{
    int64_t rows = TILE_POINTS / rect_width(run) + 1, share = rect_height(run) / (p->threads * TILES_A_THREAD) + 1;
    if (p->threads > 1 && rows > share)
        rows = share;
    return (uint32_t)(rows < rect_height(run) ? rows : rect_height(run));
}

static enum status run_stage(struct pipeline *p, uint32_t stage, uint32_t point, struct done done)
{
    struct stage_run s = {.pipeline = p, .stage = stage, .point = point, .done = done};
    s.runner = stage < p->runner->program->n_stages ? p->runner->stages[stage] : p->runner;
    s.run = p->planes->stages[stage].run;
    if (rect_empty(s.run))
        return STATUS_OK;
    s.rows = rows_of_tile(p, s.run);
    s.tiles = ((size_t)rect_height(s.run) + s.rows - 1) / s.rows;
    int result = 0;
    if (p->threads > 1)
        result = pool_each(p->runner->ex->api->pool, p->threads, s.tiles, run_tile, &s);
    else
        for (size_t i = 0; i < s.tiles && !result; i++)
            result = run_tile(i, &s);
    return (enum status)result;
}

static void fill_edges(const struct pipeline *p, uint32_t stage)
{
    const struct program *program = p->runner->program->stages[stage];
    for (uint32_t o = 0; o < program->ir->n_outputs; o++)
        planes_fill_edges(p->planes, program->fills[o], &p->view, p->block);
}

/* ---- a frame ---- */

static struct view_inputs inputs_of(const struct runner *r)
{
    return (struct view_inputs){.params = r->params, .images = r->images};
}

static enum status make_seat(struct pipeline *p, struct seat *s)
{
    struct exchange *ex = p->runner->ex;
    const struct program *program = p->runner->program;
    size_t space = workspace_size(p->runner), args = program->ir->n_args, windows = program->ir->n_planes,
           outputs = program->ir->n_outputs;
    for (uint32_t i = 0; i < program->n_stages; i++) {
        const struct runner *r = p->runner->stages[i];
        const struct ir *ir = r->program->ir;
        size_t more = workspace_size(r);
        space = more > space ? more : space;
        args = ir->n_args > args ? ir->n_args : args;
        windows = ir->n_planes > windows ? ir->n_planes : windows;
        outputs = ir->n_outputs > outputs ? ir->n_outputs : outputs;
    }
    TRY(exchange_memory(ex, space, &s->memory));
    s->args = ARENA_ARRAY(ex->arena, args + 1, double);
    s->windows = ARENA_ARRAY(ex->arena, windows + 1, struct kernel_plane);
    s->out = ARENA_ARRAY(ex->arena, outputs + 1, float *);
    if (p->view.grid == 1)
        return STATUS_OK;
    void *samples;
    TRY(exchange_memory(ex, (size_t)p->tile_rows * p->view.w * program->ir->n_outputs * sizeof(float), &samples));
    s->samples = samples;
    return STATUS_OK;
}

static size_t means_floats(const struct pipeline *p)
{
    const struct view *v = &p->view;
    return v->grid > 1 ? (size_t)v->w * v->h * p->runner->program->ir->n_outputs : 0;
}

static enum status take_memory(struct pipeline *p)
{
    struct exchange *ex = p->runner->ex;
    void *block;
    p->threads = exchange_threads(ex);
    p->seats = ARENA_ARRAY(ex->arena, (size_t)p->threads, struct seat);
    p->tile_rows = rows_of_tile(p, p->planes->stages[p->runner->program->n_stages].run);
    for (int i = 0; i < p->threads; i++)
        TRY(make_seat(p, &p->seats[i]));
    TRY(exchange_memory(ex, (p->floats + means_floats(p)) * sizeof(float), &block));
    p->block = block;
    p->means = p->block + p->floats;
    return STATUS_OK;
}

/* One point of the grid: all planes, and with several points the last stage. */
static enum status run_point(struct pipeline *p, uint32_t point, struct done done)
{
    uint32_t n = p->runner->program->n_stages, all = n + (p->view.grid > 1);
    for (uint32_t i = 0; i < all; i++) {
        double step = (done.after - done.before) / all;
        TRY(run_stage(p, i, point, (struct done){done.before + i * step, done.before + (i + 1) * step}));
        if (i < n)
            fill_edges(p, i);
    }
    return STATUS_OK;
}

enum status pipeline_frame(struct pipeline *p, const struct view *view, struct done done)
{
    uint32_t points = view->grid * view->grid;
    double needed;
    p->view = *view;
    if (p->moves && planes_lay(p->planes, view, inputs_of(p->runner), (double)p->floats, &needed) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (!p->block)
        TRY(take_memory(p));
    for (uint32_t k = 0; k < points; k++) {
        double step = (done.after - done.before) / points;
        TRY(run_point(p, k, (struct done){done.before + k * step, done.before + (k + 1) * step}));
    }
    return STATUS_OK;
}

void pipeline_windows(const struct pipeline *p, uint32_t row, struct kernel_plane *ret_windows)
{
    make_windows(p, p->runner->program, p->view.x, (int64_t)p->view.y + row, ret_windows);
}

float *pipeline_means(const struct pipeline *p, uint32_t output, uint32_t row)
{
    return p->means + ((size_t)output * p->view.h + row) * p->view.w;
}

uint64_t pipeline_bytes(const struct pipeline *p)
{
    return p ? (p->floats + (uint64_t)means_floats(p)) * sizeof(float) : 0;
}

/* ---- begin ---- */

static enum status fault_limit_planes(const struct pipeline *p, double floats)
{
    const struct program *program = p->runner->program;
    struct exchange *ex = p->runner->ex;
    double most = (double)ex->api->config.max_plane_bytes;
    return fault_limit(
        &ex->fault, "max-plane-bytes", "/width",
        "this graph looks beside its pixels: %u planes of values around %u x %u pixels take %.0f bytes or "
        "more, above %.0f; render it in tiles, or with less reach",
        program->n_planes, p->view.w, p->view.h, floats * sizeof(float), most);
}

static enum status lay_frame(struct pipeline *p, const struct view *view)
{
    struct exchange *ex = p->runner->ex;
    double most = (double)ex->api->config.max_plane_bytes / sizeof(float), means = (double)means_floats(p), needed;
    enum status status = planes_lay(p->planes, view, inputs_of(p->runner), most - means, &needed);
    if (status == STATUS_LIMIT)
        return fault_limit_planes(p, needed + means);
    if (status != STATUS_OK)
        return exchange_ended(ex, status);
    p->floats = p->planes->floats > p->floats ? p->planes->floats : p->floats;
    return STATUS_OK;
}

/* Frames in which offsets move with time are all looked at before anything is promised. */
static enum status lay_frames(struct pipeline *p, const struct view *first)
{
    TRY(lay_frame(p, first));
    for (uint64_t i = 1; p->moves && i < p->frames.n; i++) {
        struct view view = view_frame(first, &p->frames, i);
        enum status alive = exchange_alive(p->runner->ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(p->runner->ex, alive);
        TRY(lay_frame(p, &view));
    }
    return STATUS_OK;
}

enum status pipeline_new(struct runner *r, const struct view *view, const struct frames *frames, struct pipeline **ret)
{
    struct exchange *ex = r->ex;
    *ret = NULL;
    if (!r->program->n_stages)
        return STATUS_OK;
    struct pipeline *p = ARENA_NEW(ex->arena, struct pipeline);
    *p = (struct pipeline){.runner = r, .frames = *frames, .view = *view, .planes = planes_new(r->program, ex->arena)};
    enum status status = planes_check(r->program, &p->moves);
    if (status == STATUS_BAD_GRAPH)
        return fault_add(&ex->fault, status, "", 0,
                         "how far this graph looks beside a pixel depends on the pixel; only what is the same for all "
                         "pixels is possible");
    if (status != STATUS_OK)
        return exchange_ended(ex, status);
    TRY(lay_frames(p, view));
    *ret = p;
    return STATUS_OK;
}
