/* POST /graphs and GET /graphs/{id}. */
#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/subject.h"

enum { LAYOUTS_MAX = 8 };

struct posting {
    struct subject subject;
    struct program *programs[LAYOUTS_MAX]; /* of the layouts that make sense for the graph */
    const char *names[LAYOUTS_MAX];
    size_t n;
    bool no_memory; /* for one of them */
};

static handler graphs_store;

static void release(void *user)
{
    struct posting *p = user;
    for (size_t i = 0; i < p->n; i++)
        program_unref(p->programs[i]);
}

/* A graph that reads in.3 makes no sense for two channels, so a layout that fails is left out unless all do. */
static enum status try_layout(struct exchange *ex, struct posting *p, struct layout layout, const char *name)
{
    struct fault fault;
    fault_init(&fault, ex->arena);
    struct fault saved = ex->fault;
    ex->fault = fault;
    enum status status = subject_program(ex, &p->subject, layout, &p->programs[p->n]);
    fault = ex->fault;
    ex->fault = saved;
    p->no_memory |= status == STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        p->names[p->n++] = name;
    else if (ex->fault.status == STATUS_OK)
        ex->fault = fault;
    return status;
}

static void try_audio(struct exchange *ex, struct posting *p)
{
    static const uint32_t channels[] = {1, 2, 4, 6, 8, 16, 32, 64};
    static const char *const names[] = {"mono",       "stereo",      "4 channels",  "6 channels",
                                        "8 channels", "16 channels", "32 channels", "64 channels"};
    size_t before = p->n;
    for (size_t i = 0; i < sizeof channels / sizeof *channels && (i < 2 || p->n == before); i++)
        if (channels[i] <= ex->api->config.max_channels)
            (void)!try_layout(ex, p, (struct layout){GRAPH_AUDIO, channels[i]}, names[i]);
}

static enum status make_programs(struct exchange *ex, struct posting *p)
{
    enum graph_kind kind = graph_kind(p->subject.graph);
    if (kind != GRAPH_AUDIO)
        (void)!try_layout(ex, p, (struct layout){GRAPH_FIELD, 0}, "field");
    if (kind != GRAPH_FIELD)
        try_audio(ex, p);
    if (!p->n && !p->no_memory)
        return ex->fault.status;
    fault_init(&ex->fault, ex->arena);
    return p->no_memory ? STATUS_NO_MEMORY : STATUS_OK;
}

static void write_params(struct json_writer *w, const struct graph *g)
{
    json_object(w, "params");
    for (size_t i = 0; i < g->n_params; i++) {
        const struct graph_param *p = &g->params[i];
        json_object(w, p->name);
        json_number(w, "default", p->value);
        if (p->min == p->min && p->min - p->min == 0)
            json_number(w, "min", p->min);
        if (p->max == p->max && p->max - p->max == 0)
            json_number(w, "max", p->max);
        if (p->unit)
            json_string(w, "unit", p->unit);
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_kernels(struct json_writer *w, struct exchange *ex, const struct posting *p)
{
    static const char *const states[] = {"absent", "queued", "stored", "loaded", "failed"};
    json_array(w, "kernels");
    for (size_t i = 0; i < p->n; i++) {
        char key[HASH_HEX];
        bool has_key = engine_key(ex->api->engine, p->programs[i], key);
        json_object(w, NULL);
        json_string(w, "layout", p->names[i]);
        json_string(w, "key", has_key ? key : NULL);
        json_string(w, "state", states[engine_kernel_state(ex->api->engine, p->programs[i])]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_images(struct json_writer *w, const struct ir *ir)
{
    json_array(w, "images");
    for (uint32_t i = 0; i < ir->n_images; i++)
        json_string(w, NULL, ir->images[i].name);
    json_array_end(w);
}

static void write_responses(struct json_writer *w, const struct program *p)
{
    const struct ir_response *all = p->lowered.ir->responses;
    json_array(w, "responses");
    for (uint32_t i = 0; i < p->n_hosts; i++) {
        uint32_t k = 0;
        while (strcmp(all[p->hosts[k]].name, all[p->hosts[i]].name) != 0)
            k++;
        if (k == i) /* each name once */
            json_string(w, NULL, all[p->hosts[i]].name);
    }
    json_array_end(w);
}

static void write_graph(struct json_writer *w, struct exchange *ex, const struct posting *p)
{
    const struct program *first = p->programs[0];
    json_object(w, NULL);
    json_string(w, "id", p->subject.id);
    json_string(w, "kind", graph_kind_name(graph_kind(p->subject.graph)));
    json_uint(w, "inputs", first->lowered.n_inputs);
    json_uint(w, "outputs", first->ir->n_outputs);
    json_bool(w, "needs_rate", first->lowered.needs_rate);
    write_params(w, p->subject.graph);
    write_images(w, first->ir);
    write_responses(w, first);
    json_object(w, "cost");
    json_number(w, "interp_ns", first->whole_cost.interp_ns);
    json_number(w, "jit_ns", first->whole_cost.jit_ns);
    json_number(w, "compile_ms", first->whole_cost.compile_ms);
    json_uint(w, "instructions", first->whole_cost.instructions);
    json_object_end(w);
    write_kernels(w, ex, p);
    json_object_end(w);
    text_add(&w->text, "\n");
}

static enum status graphs_store(struct exchange *ex)
{
    struct posting *p = ex->work;
    struct json_writer w;
    bool known = false;
    TRY(make_programs(ex, p));
    TRY(graph_store_put(ex->api->graphs, p->subject.id, p->subject.canonical, &known, &ex->fault));
    json_writer_init(&w, ex->arena);
    write_graph(&w, ex, p);
    answer_header(ex, "Location", arena_printf(ex->arena, "/graphs/%s", p->subject.id));
    answer_header(ex, "Sinter-Graph", arena_strdup(ex->arena, p->subject.id));
    answer_body(ex, known ? 200 : 201, "application/json", w.text.s, w.text.n);
    answer_timing(ex);
    return STATUS_OK;
}

enum status graphs_post(struct exchange *ex)
{
    const struct api_config *config = &ex->api->config;
    struct json_limits limits = {.max_bytes = config->max_json, .max_depth = config->max_json_depth};
    struct posting *p = ARENA_NEW(ex->arena, struct posting);
    struct datum *root;
    *exchange_defer(ex, release) = p;
    ex->work = p;
    TRY(json_read(ex->req->body, ex->req->body_size, &limits, ex->arena, &root, &ex->fault));
    exchange_stage(ex, STAGE_PARSE);
    TRY(subject_from_datum(ex, root, "", &p->subject));
    exchange_stage(ex, STAGE_CHECK);
    admission_predict(ex, NULL, 4 * subject_predict_us(&p->subject), 0); /* in a few layouts */
    return exchange_long(ex, graphs_store);                              /* the store waits for the disk */
}

enum status graphs_get(struct exchange *ex)
{
    void **slot = exchange_defer(ex, free);
    char *text = NULL;
    if (strlen(ex->rest) == GRAPH_ID_SIZE - 1)
        TRY(graph_store_get(ex->api->graphs, ex->rest, &text, &ex->fault));
    *slot = text;
    if (!text)
        return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0, "no graph %.60s is stored here; POST /graphs stores one",
                         ex->rest);
    const char *tag = arena_printf(ex->arena, "\"%s\"", ex->rest), *list = ex->req->header(ex->req, "If-None-Match");
    answer_header(ex, "ETag", tag);
    answer_header(ex, "Cache-Control", "public, max-age=31536000, immutable");
    if (list && strstr(list, tag))
        answer_body(ex, 304, NULL, "", 0);
    else
        answer_text(ex, 200, "application/json", arena_strdup(ex->arena, text));
    return STATUS_OK;
}
