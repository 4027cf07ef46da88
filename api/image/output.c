/* See output.h. A band's job ends by marking its slot as ready; whoever finds the next slot in order ready, and nobody
 * at it, joins as many as stand ready one behind the other. So no thread waits for another, unless one band takes so
 * long that all slots behind it are used. */
#include "api/image/output.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/memory.h"
#include "api/image/pipeline.h"
#include "api/room.h"

enum { SLOTS_A_THREAD = 2 };

/* A band's bytes between its job and its join. */
struct slot {
    uint8_t *bytes;
    size_t n;
    uint64_t note;
    bool ready;
};

/* What a thread needs to encode. */
struct desk {
    atomic_flag taken;
    uint8_t *samples;
    void *work;
};

struct output {
    struct output_plan plan;
    struct exchange *ex;
    struct encoder *encoder;
    struct tiles *tiles;
    struct raster form; /* of a band */
    int threads;
    uint64_t bands;
    struct slot *slots;
    struct desk *desks;
    size_t n_slots;
    uint8_t *whole; /* where plain bands have their final place, or NULL */
    struct sink *sink;
    bool (*full)(struct sink *s);
    uint64_t next;         /* band, when no job runs */
    uint64_t frames_begun; /* whose planes have been made */

    pthread_mutex_t lock;
    pthread_cond_t moved; /* joined has grown, or something has failed */
    uint64_t joined;
    bool joining;
    enum status failure; /* the first */
    struct counts counts;
    double exec_ms, encode_ms; /* of all threads */
};

/* ---- one band ---- */

static struct desk *desk_take(struct output *o)
{
    struct desk *d = o->desks;
    while (atomic_flag_test_and_set_explicit(&d->taken, memory_order_acquire))
        d++; /* there are as many as threads */
    return d;
}

static void desk_leave(struct desk *d)
{
    atomic_flag_clear_explicit(&d->taken, memory_order_release);
}

static struct view frame_view(const struct output *o, uint64_t frame)
{
    const struct frames frames = {.fps = o->plan.fps, .z_step = o->plan.z_step};
    return view_frame(&o->plan.view, &frames, frame);
}

/* Planes are most of the work of a field that has them. */
static const double planes_share = 0.9;

static uint64_t frame_bands(const struct output *o)
{
    return o->bands / o->encoder->form.frames;
}

static double share_done(const struct output *o, uint64_t index)
{
    uint64_t bands = frame_bands(o);
    double of_frame = (double)(index % bands) / (double)bands;
    if (o->plan.runner->pipeline)
        of_frame = planes_share + (1 - planes_share) * of_frame;
    return ((double)(index / bands) + of_frame) / (double)o->encoder->form.frames;
}

static size_t band_bytes(const struct output *o, uint32_t rows)
{
    return encoder_row_bytes(o->encoder) * rows;
}

/* Bands of plain files stand where they are computed. */
static uint8_t *final_place(const struct output *o, const struct band *b)
{
    const struct encoder *e = o->encoder;
    uint32_t above = e->bottom_up ? e->form.height - b->row - b->rows : b->row;
    return o->whole + b->frame * band_bytes(o, e->form.height) + band_bytes(o, above);
}

static enum status make_band(struct output *o, const struct band *b, struct slot *slot, struct desk *d)
{
    const struct encoder *e = o->encoder;
    struct view view = frame_view(o, b->frame);
    struct raster to = o->form;
    struct counts counts = {0};
    double begin = exchange_clock_ms();
    to.height = b->rows;
    to.y = view.y + b->row;
    to.data = o->whole ? final_place(o, b) : e->encode ? d->samples : slot->bytes;
    TRY(tiles_rows(o->tiles, &view, b->row, &to, share_done(o, b->index), &counts));
    double middle = exchange_clock_ms();
    slot->n = e->encode ? e->encode(e, b, d->samples, d->work, slot->bytes, &slot->note) : band_bytes(o, b->rows);
    double end = exchange_clock_ms();
    pthread_mutex_lock(&o->lock);
    o->counts.clipped += counts.clipped;
    o->counts.nonfinite += counts.nonfinite;
    o->exec_ms += middle - begin;
    o->encode_ms += end - middle;
    pthread_mutex_unlock(&o->lock);
    return slot->n ? STATUS_OK : STATUS_NO_MEMORY;
}

static void join_band(struct output *o, uint64_t index)
{
    struct encoder *e = o->encoder;
    struct slot *slot = &o->slots[index % o->n_slots];
    struct band b = encoder_band(e, index);
    if (o->whole)
        return;
    if (e->join)
        e->join(e, &b, slot->bytes, slot->n, slot->note, o->sink);
    else
        sink_put(o->sink, slot->bytes, slot->n);
}

/* Called with the lock held. The first one counts. */
static void fail(struct output *o, enum status why)
{
    if (o->failure == STATUS_OK)
        o->failure = why;
    pthread_cond_broadcast(&o->moved);
}

/* Called and returns with the lock held. */
static void join_ready(struct output *o)
{
    if (o->joining)
        return;
    o->joining = true;
    while (o->joined < o->bands && o->slots[o->joined % o->n_slots].ready) {
        double begin = exchange_clock_ms();
        pthread_mutex_unlock(&o->lock);
        join_band(o, o->joined);
        pthread_mutex_lock(&o->lock);
        o->encode_ms += exchange_clock_ms() - begin;
        o->slots[o->joined % o->n_slots].ready = false;
        o->joined++;
        if (o->sink->failed)
            fail(o, STATUS_NO_MEMORY);
        pthread_cond_broadcast(&o->moved);
    }
    o->joining = false;
}

/* Bands are begun in order, so the one that is waited for is at work. */
static bool await_slot(struct output *o, uint64_t index)
{
    pthread_mutex_lock(&o->lock);
    while (o->failure == STATUS_OK && index >= o->joined + o->n_slots)
        pthread_cond_wait(&o->moved, &o->lock);
    bool go = o->failure == STATUS_OK;
    pthread_mutex_unlock(&o->lock);
    return go;
}

/* Not 0: no further band begins, because of a failure or because the sink has enough. */
static int run_band(size_t i, void *user)
{
    struct output *o = user;
    uint64_t index = o->next + i;
    if (!await_slot(o, index))
        return 1;
    struct slot *slot = &o->slots[index % o->n_slots];
    struct desk *d = desk_take(o);
    struct band b = encoder_band(o->encoder, index);
    enum status status = make_band(o, &b, slot, d);
    desk_leave(d);
    pthread_mutex_lock(&o->lock);
    if (status == STATUS_OK) {
        slot->ready = true;
        join_ready(o);
    } else {
        fail(o, status);
    }
    bool failed = o->failure != STATUS_OK;
    pthread_mutex_unlock(&o->lock);
    return failed || (o->full && o->full(o->sink));
}

/* ---- all bands ---- */

/* Not for plain bands in memory, which have their final place. */
static enum status make_slots(struct output *o)
{
    const struct encoder *e = o->encoder;
    for (size_t i = 0; i < o->n_slots; i++) {
        void *memory;
        TRY(exchange_memory(o->ex, e->encode ? e->band_most : band_bytes(o, e->band_rows), &memory));
        o->slots[i].bytes = memory;
    }
    return STATUS_OK;
}

/* Time is told as if the threads had taken turns. */
static void note_stages(struct output *o, double since_ms)
{
    double *stages = o->ex->res->stage_ms, now = exchange_clock_ms(), sum = o->exec_ms + o->encode_ms;
    double exec = sum > 0 ? (now - since_ms) * o->exec_ms / sum : 0;
    stages[STAGE_EXEC] += exec;
    stages[STAGE_ENCODE] += now - since_ms - exec;
    o->exec_ms = o->encode_ms = 0;
    o->ex->mark_ms = now;
}

/* The planes of the frame that comes next, unless they are there. */
static bool make_planes(struct output *o)
{
    uint64_t frame = o->next / frame_bands(o);
    double frames = (double)o->encoder->form.frames, begin = exchange_clock_ms();
    struct view view = frame_view(o, frame);
    if (o->frames_begun > frame)
        return true;
    o->frames_begun = frame + 1;
    o->failure = pipeline_frame(o->plan.runner->pipeline, &view,
                                (struct done){(double)frame / frames, ((double)frame + planes_share) / frames});
    o->exec_ms += (exchange_clock_ms() - begin) * o->threads;
    return o->failure == STATUS_OK;
}

/* False: stopped before they were all done. */
static bool run_some(struct output *o, size_t n)
{
    int stopped = 0;
    if (o->threads > 1)
        stopped = pool_each(o->ex->api->pool, o->threads, n, run_band, o);
    else
        for (size_t i = 0; i < n && !stopped; i++)
            stopped = run_band(i, o);
    o->next = o->joined;
    return !stopped;
}

/* With planes frame after frame, since there is memory for those of one only. */
static void run_bands(struct output *o)
{
    if (!o->plan.runner->pipeline)
        run_some(o, (size_t)(o->bands - o->next));
    else
        while (o->next < o->bands && make_planes(o) &&
               run_some(o, (size_t)(frame_bands(o) - o->next % frame_bands(o)))) {
        }
}

enum status output_work(struct output *o, struct sink *s, bool (*full)(struct sink *s), bool *ret_done)
{
    struct encoder *e = o->encoder;
    double begin = exchange_clock_ms();
    if (!o->whole && !o->slots[0].bytes)
        TRY(make_slots(o));
    o->sink = s;
    o->full = full;
    if (o->next == 0 && e->head && !e->head_room)
        e->head(e, s);
    run_bands(o);
    if (o->failure != STATUS_OK)
        return exchange_ended(o->ex, o->failure);
    *ret_done = o->next == o->bands;
    if (*ret_done && e->tail)
        e->tail(e, s);
    note_stages(o, begin);
    return s->failed ? exchange_ended(o->ex, STATUS_NO_MEMORY) : STATUS_OK;
}

struct counts output_counts(const struct output *o)
{
    struct counts counts = o->counts;
    counts.clipped += o->encoder->clipped;
    return counts;
}

/* ---- into memory ---- */

static enum status memory_new(struct output *o, size_t capacity, struct memory *ret)
{
    if (!memory_init(ret, capacity))
        return fault_add(&o->ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for an image of %zu bytes", capacity);
    return STATUS_OK;
}

static void answer_with(struct output *o, const struct memory *m, size_t from)
{
    struct api_response *res = o->ex->res;
    res->owned = m->data;
    res->body = m->data + from;
    res->body_size = m->n - from;
}

/* The samples are floats: a head that is no multiple of their size (pfm's) is moved in front afterwards. */
static enum status plain_whole(struct output *o)
{
    enum { HEAD_MOST = 512 };
    struct encoder *e = o->encoder;
    size_t bytes = band_bytes(o, e->form.height) * (size_t)e->form.frames;
    struct memory m, head;
    bool done;
    TRY(memory_new(o, HEAD_MOST + bytes, &m));
    o->ex->res->owned = m.data;
    TRY(memory_new(o, HEAD_MOST, &head));
    m.n = HEAD_MOST + bytes;
    o->whole = m.data + HEAD_MOST;
    enum status status = output_work(o, &head.sink, NULL, &done);
    if (status == STATUS_OK) {
        memcpy(o->whole - head.n, head.data, head.n);
        answer_with(o, &m, HEAD_MOST - head.n);
    }
    free(head.data);
    return status;
}

static enum status late_head(struct output *o, struct memory *m)
{
    struct memory head;
    TRY(memory_new(o, o->encoder->head_room, &head));
    o->encoder->head(o->encoder, &head.sink);
    bool fits = !head.sink.failed && head.n == o->encoder->head_room;
    if (fits)
        memcpy(m->data, head.data, head.n);
    free(head.data);
    return fits ? STATUS_OK : exchange_ended(o->ex, STATUS_NO_MEMORY);
}

enum status output_whole(struct output *o)
{
    struct encoder *e = o->encoder;
    if (!e->encode && !e->join)
        return plain_whole(o);
    size_t bytes = band_bytes(o, e->form.height) * (size_t)e->form.frames;
    struct memory m;
    bool done;
    TRY(memory_new(o, e->head_room + bytes / 2 + 4096, &m));
    m.n = e->head_room;
    enum status status = output_work(o, &m.sink, NULL, &done);
    if (status == STATUS_OK && e->head_room)
        status = late_head(o, &m);
    answer_with(o, &m, 0);
    return status;
}

/* ---- begin ---- */

static void release(void *user)
{
    struct output *o = user;
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->moved);
}

static enum status make_desks(struct output *o)
{
    const struct encoder *e = o->encoder;
    size_t samples = (band_bytes(o, e->band_rows) + KERNEL_ALIGN - 1) / KERNEL_ALIGN * KERNEL_ALIGN;
    o->desks = ARENA_ARRAY(o->ex->arena, (size_t)o->threads, struct desk);
    for (int i = 0; i < o->threads && e->encode; i++) {
        void *memory;
        TRY(exchange_memory(o->ex, samples + e->work_size, &memory));
        o->desks[i].samples = memory;
        o->desks[i].work = (uint8_t *)memory + samples;
    }
    o->n_slots = (size_t)o->threads * SLOTS_A_THREAD;
    o->slots = ARENA_ARRAY(o->ex->arena, o->n_slots, struct slot);
    return STATUS_OK;
}

enum status output_new(const struct output_plan *plan, struct output **ret)
{
    struct exchange *ex = plan->runner->ex;
    struct encoder *e = plan->encoder;
    struct output *o = ARENA_NEW(ex->arena, struct output);
    void **deferred = exchange_defer(ex, release);
    *o = (struct output){.plan = *plan, .ex = ex, .encoder = e, .bands = encoder_bands(e)};
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->moved, NULL);
    *deferred = o;
    o->threads = exchange_threads(ex);
    o->form = (struct raster){.width = e->form.width,
                              .channels = e->form.channels,
                              .x = plan->view.x,
                              .bits = e->sample_bits,
                              .big_endian = e->big_endian,
                              .srgb = e->form.srgb,
                              .planar = e->planar,
                              .bottom_up = e->bottom_up,
                              .dither = e->sample_bits == 32 ? DITHER_NONE : e->form.dither};
    if ((uint64_t)o->threads > o->bands)
        o->threads = (int)o->bands;
    TRY(tiles_new(plan->runner, &plan->view, &o->form, o->threads, &o->tiles));
    TRY(make_desks(o));
    *ret = o;
    return STATUS_OK;
}
