/* POST and GET /render: a field to an image. Reads the request, names its answer (ETag) before any work, then prepares
 * and runs it, on the connection's thread when it is short. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/multipart.h"
#include "api/bytes/stream.h"
#include "api/choice.h"
#include "api/etag.h"
#include "api/image/output.h"
#include "api/image/pipeline.h"
#include "api/image/uploads.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/subject.h"
#include "core/text.h"

enum { SIZE_DEFAULT = 256, INLINE_BODY = 256 << 10 /* larger ones are read on a pool thread */ };

/* Microseconds a sample that conversion and compression take. */
static const double convert_us = 0.001, png_us = 0.005, diffuse_us = 0.012;
/* And a byte of an uploaded image, whatever its format. */
static const double upload_us = 0.02;

struct render {
    struct fields fields;
    struct subject subject;
    struct param_values params;
    struct uploads uploads;
    struct view view;
    struct image_form form;
    struct encoder *encoder;
    struct output *output;
    struct runner *runner;
    int file;        /* enum image_file */
    uint64_t slices; /* more than 1: that many frames lie in z, not in time */
    double z_step;
    enum tier tier;
    bool streams;
    bool current; /* the URL carries the semantics version */
};

static handler render_prepare, render_run;

static enum status check_limit(struct fields *f, const char *limit, const char *name, uint64_t asked, uint64_t most)
{
    if (asked <= most)
        return STATUS_OK;
    f->failed = true;
    return fault_limit(&f->ex->fault, limit, arena_printf(f->ex->arena, "/%s", name),
                       "%s asks for %llu, more than %llu", name, (unsigned long long)asked, (unsigned long long)most);
}

static void read_size(struct render *r)
{
    const struct api_config *config = &r->fields.ex->api->config;
    uint64_t width = SIZE_DEFAULT, height = SIZE_DEFAULT;
    fields_count(&r->fields, "width", 1, &width);
    fields_count(&r->fields, "height", 1, &height);
    if (check_limit(&r->fields, "max-width", "width", width, config->max_width) != STATUS_OK)
        width = 1;
    if (check_limit(&r->fields, "max-height", "height", height, config->max_height) != STATUS_OK)
        height = 1;
    r->view.width = r->view.w = (uint32_t)width;
    r->view.height = r->view.h = (uint32_t)height;
}

static void read_tile(struct render *r)
{
    double t[4];
    struct view *v = &r->view;
    if (!fields_numbers(&r->fields, "tile", 4, t) || r->fields.failed)
        return;
    for (int i = 0; i < 4; i++) {
        if (!(t[i] >= 0 && t[i] == floor(t[i]))) {
            fields_fault(&r->fields, "tile", "tile must be four whole numbers: x, y, w, h");
            return;
        }
    }
    if (t[2] < 1 || t[3] < 1 || t[0] + t[2] > v->width || t[1] + t[3] > v->height) {
        fields_fault(&r->fields, "tile", "the tile [%.9g, %.9g, %.9g, %.9g] does not lie in the image of %u x %u", t[0],
                     t[1], t[2], t[3], v->width, v->height);
        return;
    }
    v->x = (uint32_t)t[0];
    v->y = (uint32_t)t[1];
    v->w = (uint32_t)t[2];
    v->h = (uint32_t)t[3];
}

static double render_points(const struct render *r)
{
    return (double)r->view.w * r->view.h * r->view.grid * r->view.grid * (double)r->form.frames;
}

static void read_region(struct render *r)
{
    double *at = r->view.region;
    if (fields_numbers(&r->fields, "region", 4, at) && (at[0] == at[2] || at[1] == at[3]))
        fields_fault(&r->fields, "region", "the region [%.9g, %.9g, %.9g, %.9g] has no area", at[0], at[1], at[2],
                     at[3]);
}

static void read_samples(struct render *r)
{
    uint64_t samples = 1, most = r->fields.ex->api->config.max_samples;
    fields_count(&r->fields, "samples", 1, &samples);
    if (check_limit(&r->fields, "max-samples", "samples", samples, most) == STATUS_OK)
        r->view.grid = (uint32_t)ceil(sqrt((double)samples));
}

/* Points to the field with which it becomes too much. */
static void check_points(struct render *r)
{
    struct fields *f = &r->fields;
    const struct view *v = &r->view;
    double points = render_points(r), most = (double)f->ex->api->config.max_pixels;
    if (points <= most)
        return;
    double pixels = (double)v->w * v->h, sampled = pixels * v->grid * v->grid;
    f->failed = true;
    fault_limit(&f->ex->fault, "max-pixels",
                pixels > most    ? "/width"
                : sampled > most ? "/samples"
                : r->slices > 1  ? "/slices"
                                 : "/frames",
                "%u x %u pixels of %u points, %llu times, are %.0f points, more than %.0f", v->w, v->h,
                v->grid * v->grid, (unsigned long long)r->form.frames, points, most);
}

static void read_frames(struct render *r)
{
    struct fields *f = &r->fields;
    r->form.frames = 1;
    r->form.fps = 25;
    fields_count(f, "frames", 1, &r->form.frames);
    if (fields_number(f, "fps", &r->form.fps) && !(r->form.fps > 0))
        fields_fault(f, "fps", "fps must be above 0");
}

/* Slices have their middles where pixels have theirs: half a step from both ends of the range. */
static void read_slices(struct render *r)
{
    struct fields *f = &r->fields;
    double range[2] = {0, 1};
    r->slices = 1;
    fields_numbers(f, "z_range", 2, range);
    if (!fields_count(f, "slices", 1, &r->slices)) {
        if (fields_find(f, "z_range") && !fields_find(f, "slices"))
            fields_fault(f, "z_range", "z_range is what slices divide; give slices too");
        return;
    }
    if (fields_find(f, "z"))
        fields_fault(f, "z", "z is the place of one slice; slices lie in z_range");
    if (r->form.frames > 1)
        fields_fault(f, "slices", "an answer has frames or slices, not both");
    r->z_step = (range[1] - range[0]) / (double)r->slices;
    r->view.z = range[0] + 0.5 * r->z_step;
    if (r->slices > 1)
        r->form.frames = r->slices;
}

static void read_view(struct render *r)
{
    struct fields *f = &r->fields;
    struct view *v = &r->view;
    *v = (struct view){.region = {0, 0, 1, 1}, .grid = 1};
    read_size(r);
    read_region(r);
    read_tile(r);
    fields_number(f, "z", &v->z);
    fields_number(f, "time", &v->time);
    if (fields_number(f, "seed", &v->seed) && (v->seed != floor(v->seed) || fabs(v->seed) > 0x1p31))
        fields_fault(f, "seed", "seed must be a whole number of at most 32 bits");
    read_samples(r);
    read_frames(r);
    read_slices(r);
    check_points(r);
}

static bool is_of_png(int file)
{
    return file == IMAGE_PNG || file == IMAGE_APNG || file == IMAGE_TAR;
}

static void check_frames(struct render *r)
{
    struct fields *f = &r->fields;
    bool many = r->file == IMAGE_NPY || r->file == IMAGE_F32 || r->file == IMAGE_APNG || r->file == IMAGE_TAR;
    const char *name = image_files[r->file].name;
    if (r->slices > 1 && (!many || r->file == IMAGE_APNG))
        fields_fault(f, "slices", "several slices are written as npy, f32 or tar, not as %s", name);
    else if (r->form.frames > 1 && !many)
        fields_fault(f, "frames", "several frames are written as apng, tar, npy or f32, not as %s", name);
}

static void read_file(struct render *r)
{
    static const char *const later[] = {NULL}, *const curves[] = {"none", "srgb", NULL};
    struct fields *f = &r->fields;
    int curve = 0, dither = DITHER_NONE;
    r->file = IMAGE_PNG;
    choice_format(f, image_files, later, &r->file);
    choice_bits(f, &image_files[r->file], &r->form.bits);
    fields_choice(f, "encode", curves, &curve);
    fields_choice(f, "dither", dither_names, &dither);
    r->form.srgb = curve == 1;
    r->form.dither = (enum dither)dither;
    if (dither_is_diffusion(r->form.dither) && fields_find(f, "tile"))
        fields_fault(f, "tile",
                     "%s hands errors on from all rows above: ask for the whole image, or for an ordered dither",
                     dither_names[dither]);
    check_frames(r);
}

/* Everything the answer depends on, in a fixed form. */
static bool is_known_to_client(struct render *r)
{
    struct exchange *ex = r->fields.ex;
    const struct view *v = &r->view;
    const uint64_t whole[] = {
        v->width,       v->height,         v->x,         v->y,         v->w,           v->h,     v->grid,
        r->form.frames, (uint64_t)r->file, r->form.bits, r->form.srgb, r->form.dither, r->slices};
    const double numbers[] = {v->region[0], v->region[1], v->region[2], v->region[3], v->z,
                              v->time,      v->seed,      r->form.fps,  r->z_step};
    struct text params = {.arena = ex->arena};
    for (size_t i = 0; i < r->params.n; i++)
        text_addf(&params, "%s=%a;", r->params.list[i].name, r->params.list[i].value);
    const struct hash_part parts[] = {{"render", 6},         {r->subject.id, sizeof r->subject.id},
                                      {whole, sizeof whole}, {numbers, sizeof numbers},
                                      {params.s, params.n},  {r->uploads.tag, strlen(r->uploads.tag)}};
    return etag_matches(ex, parts, sizeof parts / sizeof *parts);
}

static void cache_header(struct exchange *ex, const struct render *r)
{
    if (ex->req->method != METHOD_POST)
        answer_header(ex, "Cache-Control", r->current ? "public, max-age=31536000, immutable" : "no-cache");
}

/* `parts` NULL: there are none. */
static enum status render_read(struct exchange *ex, struct render *r, struct multipart *parts)
{
    uint64_t version = 0;
    ex->work = r;
    exchange_stage(ex, STAGE_PARSE);
    enum status subject = subject_read(&r->fields, &r->subject);
    fields_params(&r->fields, &r->params);
    uploads_read(&r->fields, parts, &r->uploads);
    read_view(r);
    read_file(r);
    r->tier = ex->api->config.tier;
    choice_tier(&r->fields, &r->tier);
    if (fields_count(&r->fields, "v", 0, &version))
        r->current = version == SEMANTICS_VERSION;
    TRY(fields_end(&r->fields));
    TRY(subject);
    exchange_stage(ex, STAGE_CHECK);
    if (exchange_checks_only(ex))
        return subject_check(ex, &r->subject, &r->params);
    bool known = is_known_to_client(r);
    cache_header(ex, r);
    if (known)
        return STATUS_OK;
    bool small = subject_is_small(&r->subject) && !r->uploads.n;
    double body_us = (double)ex->req->body_size * upload_us;
    if (!small)
        admission_predict(ex, NULL, subject_predict_us(&r->subject) + body_us, 0);
    return small ? render_prepare(ex) : exchange_long(ex, render_prepare);
}

static enum status check_program(struct exchange *ex, struct render *r)
{
    const struct program *p = r->runner->program;
    uint32_t n = p->ir->n_outputs, most = ex->api->config.max_outputs_image;
    const char *pointer = r->subject.is_expr ? "/expr" : arena_printf(ex->arena, "%s/output", r->subject.pointer);
    if (p->lowered.kind == GRAPH_AUDIO || p->plan->n_rings || p->plan->state_size || p->ir->n_inputs)
        return fault_add(&ex->fault, STATUS_BAD_GRAPH, r->subject.is_expr ? "/expr" : r->subject.pointer, 0,
                         "this graph makes audio; POST /process runs it");
    if (n > most || n > 4)
        return fault_limit(&ex->fault, "max-outputs-image", pointer,
                           "an image has at most %u outputs; this graph has %u", most, n);
    r->form.channels = n;
    r->form.width = r->view.w;
    r->form.height = r->view.h;
    return STATUS_OK;
}

static void close_encoder(void *user)
{
    struct render *r = user;
    if (r->encoder && r->encoder->close)
        r->encoder->close(r->encoder);
}

static enum status make_encoder(struct exchange *ex, struct render *r)
{
    *exchange_defer(ex, close_encoder) = r;
    TRY(encoder_new((enum image_file)r->file, &r->form, ex->arena, &r->encoder, &ex->fault));
    double frame = (double)encoder_row_bytes(r->encoder) * r->form.height + (double)r->encoder->frame_more,
           bytes = frame * (double)r->form.frames;
    const struct api_config *config = &ex->api->config;
    r->streams = ex->req->takes_stream && !r->encoder->head_room && bytes > (double)config->stream_above;
    double limit = (double)(r->streams ? config->max_stream_bytes : config->max_output_bytes);
    if (bytes > limit)
        return fault_limit(&ex->fault, r->streams ? "max-stream-bytes" : "max-output-bytes", "/width",
                           "the image has %.0f bytes, more than %.0f", bytes, limit);
    return STATUS_OK;
}

static enum status render_choose(struct exchange *ex)
{
    struct render *r = ex->work;
    TRY(runner_choose(r->runner, render_points(r)));
    exchange_stage(ex, STAGE_CACHE);
    return render_run(ex);
}

static double output_us(const struct render *r)
{
    double samples = (double)r->view.w * r->view.h * r->form.channels * (double)r->form.frames;
    return samples *
           ((is_of_png(r->file) ? png_us : convert_us) + (dither_is_diffusion(r->form.dither) ? diffuse_us : 0));
}

static struct frames frames_of(const struct render *r)
{
    struct frames frames = {.n = r->form.frames};
    if (r->slices > 1)
        frames.z_step = r->z_step;
    else if (frames.n > 1)
        frames.fps = r->form.fps;
    return frames;
}

/* Beside the body: the answer, planes, what the encoder and the threads need. */
static uint64_t render_bytes(const struct render *r)
{
    enum { A_THREAD = 1 << 20, QUEUED = 8 << 20 };
    const struct encoder *e = r->encoder;
    int threads = pool_threads(r->fields.ex->api->pool);
    uint64_t desk = A_THREAD + e->work_size + 3 * (uint64_t)(e->band_most ? e->band_most : ENCODER_BAND),
             frame = (uint64_t)encoder_row_bytes(e) * r->form.height + e->frame_more,
             answer = r->streams ? QUEUED : frame * r->form.frames + e->head_room;
    return answer + pipeline_bytes(r->runner->pipeline) + (uint64_t)threads * desk;
}

static void predict(struct render *r, double engine_us)
{
    admission_predict(r->fields.ex, r->runner, engine_us + output_us(r), render_bytes(r));
}

static enum status make_pipeline(struct render *r)
{
    const struct frames frames = frames_of(r);
    return pipeline_new(r->runner, &r->view, &frames, &r->runner->pipeline);
}

static enum status render_prepare(struct exchange *ex)
{
    struct render *r = ex->work;
    r->runner = runner_new(ex);
    r->runner->tier = r->tier;
    TRY(subject_program(ex, &r->subject, (struct layout){.kind = GRAPH_FIELD}, &r->runner->program));
    TRY(subject_params(ex, r->runner->program, &r->params, &r->runner->params));
    TRY(check_program(ex, r));
    TRY(make_encoder(ex, r));
    TRY(uploads_match(ex, &r->uploads, &r->subject, r->runner->program));
    TRY(uploads_decode(ex, &r->uploads, r->runner->program, &r->runner->images));
    TRY(make_pipeline(r));
    double points = render_points(r);
    if (r->tier == TIER_JIT) {
        predict(r, points * r->runner->program->whole_cost.jit_ns * 1e-3);
        return exchange_long(ex, render_choose);
    }
    TRY(runner_choose(r->runner, points));
    exchange_stage(ex, STAGE_CACHE);
    predict(r, runner_predict_us(r->runner, points));
    bool is_long = ex->res->cost_seconds * 1e6 > ex->api->config.inline_us;
    return is_long ? exchange_long(ex, render_run) : render_run(ex);
}

/* What is known at the end only. */
static void report(struct exchange *ex, const struct render *r)
{
    struct counts counts = output_counts(r->output);
    answer_header_count(ex, "Sinter-Clipped", counts.clipped);
    answer_header_count(ex, "Sinter-Nonfinite", counts.nonfinite);
    answer_timing(ex);
}

static enum status answer_whole(struct exchange *ex, struct render *r)
{
    TRY(output_whole(r->output));
    answer_body(ex, 200, image_files[r->file].type, ex->res->body, ex->res->body_size);
    ex->res->format = image_files[r->file].name;
    runner_headers(r->runner);
    report(ex, r);
    return STATUS_OK;
}

static enum status stream_work(void *user, struct sink *s, bool (*full)(struct sink *s), bool *ret_done)
{
    struct render *r = user;
    return output_work(r->output, s, full, ret_done);
}

static void stream_end(void *user)
{
    struct render *r = user;
    struct exchange *ex = r->fields.ex;
    answer_trailers(ex, true);
    answer_header(ex, "Sinter-Engine", runner_engine(r->runner));
    report(ex, r);
    answer_trailers(ex, false);
}

/* Sinter-Engine stands in the head, too: which engine the first bands had. */
static enum status answer_stream(struct exchange *ex, struct render *r)
{
    const struct stream_source source = {stream_work, stream_end, r};
    answer_body(ex, 200, image_files[r->file].type, NULL, 0);
    answer_header(ex, "Trailer", "Sinter-Engine, Sinter-Clipped, Sinter-Nonfinite, Server-Timing");
    TRY(stream_begin(ex, &source));
    runner_headers(r->runner);
    return STATUS_OK;
}

static enum status render_run(struct exchange *ex)
{
    struct render *r = ex->work;
    const struct frames frames = frames_of(r);
    struct output_plan plan = {
        .runner = r->runner, .encoder = r->encoder, .view = r->view, .fps = frames.fps, .z_step = frames.z_step};
    exchange_stage(ex, STAGE_CACHE);
    TRY(output_new(&plan, &r->output));
    return r->streams ? answer_stream(ex, r) : answer_whole(ex, r);
}

enum status render_post(struct exchange *ex)
{
    struct multipart_part json = {.data = ex->req->body, .size = ex->req->body_size};
    struct multipart *parts = NULL;
    if (ex->req->body_size > INLINE_BODY && !ex->on_pool) {
        admission_predict(ex, NULL, (double)ex->req->body_size * upload_us, 0);
        return exchange_long(ex, render_post);
    }
    struct render *r = ARENA_NEW(ex->arena, struct render);
    if (multipart_is(ex)) {
        parts = ARENA_NEW(ex->arena, struct multipart);
        TRY(multipart_read(ex, parts));
        TRY(multipart_take(ex, parts, "request", &json));
    }
    TRY(fields_from_json(ex, json.data, json.size, FIELD_RENDER, &r->fields));
    return render_read(ex, r, parts);
}

enum status render_get(struct exchange *ex)
{
    struct render *r = ARENA_NEW(ex->arena, struct render);
    fields_from_query(ex, FIELD_RENDER | FIELD_SIGNED, &r->fields);
    return render_read(ex, r, NULL);
}
