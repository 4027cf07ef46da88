/* POST /explain: how a graph becomes a kernel. Lowers it anew, so that every stage can be printed. */
#include <string.h>

#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"
#include "api/subject.h"
#include "core/pass.h"
#include "core/stages.h"

struct explain {
    struct fields fields;
    struct subject subject;
    struct layout layout;
    bool with_asm;
    double rate;
};

struct tracing {
    struct json_writer *w;
    struct ir *ir;
};

static handler explain_run;

static void write_stage(struct json_writer *w, const char *name, const char *what, const struct ir *ir)
{
    json_object(w, NULL);
    json_string(w, "stage", name);
    json_string(w, "does", what);
    json_string(w, "ir", ir_print(ir, ir->arena));
    json_object_end(w);
}

static void after_pass(const char *name, bool changed, void *user)
{
    struct tracing *t = user;
    if (changed)
        write_stage(t->w, name, pass_by_name(name)->what, t->ir);
}

static void write_cost(struct json_writer *w, struct cost cost)
{
    json_object(w, "cost");
    json_number(w, "interp_ns", cost.interp_ns);
    json_number(w, "jit_ns", cost.jit_ns);
    json_number(w, "compile_ms", cost.compile_ms);
    json_uint(w, "instructions", cost.instructions);
    json_object_end(w);
}

static const char *what_it_does(const struct stages *s, uint32_t i)
{
    if (!s->list[i].fills)
        return "gives the output";
    return s->n_hosts ? "makes signals that are convolved before later stages read them"
                      : "fills planes that later stages read neighbours in";
}

/* A graph that reads neighbours, or convolves, is cut: the IR of each piece follows the passes. */
static void write_cut(struct json_writer *w, const struct stages *s, struct arena *a)
{
    for (uint32_t i = 0; s->n > 1 && i < s->n; i++)
        write_stage(w, arena_printf(a, "stage %u", i + 1), what_it_does(s, i), s->list[i].ir);
}

static void write_plans(struct json_writer *w, const struct stages *s, struct arena *a)
{
    struct cost all = {0};
    char *text = arena_strdup(a, "");
    for (uint32_t i = 0; i < s->n; i++) {
        struct plan *plan = plan_make(s->list[i].ir, a);
        struct cost cost = plan_cost(plan);
        all.interp_ns += cost.interp_ns;
        all.jit_ns += cost.jit_ns;
        all.compile_ms += cost.compile_ms;
        all.instructions += cost.instructions;
        const char *head = s->n > 1 ? arena_printf(a, "stage %u\n", i + 1) : "";
        text = arena_printf(a, "%s%s%s", text, head, plan_print(plan, a));
    }
    json_string(w, "plan", text);
    write_cost(w, all);
}

static enum status write_kernel(struct exchange *ex, struct explain *x, struct json_writer *w)
{
    static const char *const states[] = {"absent", "queued", "stored", "loaded", "failed"};
    struct runner *r = runner_new(ex);
    char key[HASH_HEX], *text = NULL;
    TRY(subject_program(ex, &x->subject, x->layout, &r->program));
    bool has_key = engine_key(ex->api->engine, r->program, key);
    json_string(w, "key", has_key ? key : NULL);
    json_string(w, "state", states[engine_kernel_state(ex->api->engine, r->program)]);
    json_string(w, "compiler", engine_compiler_id(ex->api->engine));
    if (x->with_asm)
        TRY(engine_assembly(ex->api->engine, r->program, ex->arena, &text, &ex->fault));
    if (text)
        json_string(w, "asm", text);
    return STATUS_OK;
}

static enum status explain_run(struct exchange *ex)
{
    struct explain *x = ex->work;
    struct json_writer w;
    struct lowered lowered;
    TRY(subject_load(ex, &x->subject));
    bool audio =
        fields_find(&x->fields, "kind") ? x->layout.kind == GRAPH_AUDIO : graph_kind(x->subject.graph) == GRAPH_AUDIO;
    x->layout = audio ? (struct layout){GRAPH_AUDIO, x->layout.channels} : (struct layout){GRAPH_FIELD, 0};
    if (x->rate > 0)
        TRY(subject_check_rate(ex, &x->subject, x->rate));
    enum status status = lower(x->subject.graph, x->layout, &ex->api->config.graph, ex->arena, &lowered, &ex->fault);
    subject_move_faults(ex, 0, &x->subject);
    TRY(status);
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "graph_id", x->subject.id);
    json_raw(&w, "graph", x->subject.canonical);
    json_string(&w, "kind", graph_kind_name(x->layout.kind));
    json_uint(&w, "channels", x->layout.channels);
    json_bool(&w, "needs_rate", lowered.needs_rate);
    json_array(&w, "stages");
    write_stage(&w, "lowered", "the graph as it was written", lowered.ir);
    struct tracing tracing = {&w, lowered.ir};
    passes_run(lowered.ir, after_pass, &tracing);
    struct stages cut = stages_split(lowered.ir);
    write_cut(&w, &cut, ex->arena);
    json_array_end(&w);
    write_plans(&w, &cut, ex->arena);
    TRY(write_kernel(ex, x, &w));
    json_object_end(&w);
    text_add(&w.text, "\n");
    answer_header(ex, "Sinter-Graph", arena_strdup(ex->arena, x->subject.id));
    answer_body(ex, 200, "application/json", w.text.s, w.text.n);
    return STATUS_OK;
}

enum status explain_post(struct exchange *ex)
{
    static const char *const kinds[] = {"field", "audio", NULL};
    struct explain *x = ARENA_NEW(ex->arena, struct explain);
    int kind = 0;
    uint64_t channels = 1;
    struct param_values params;
    ex->work = x;
    TRY(fields_from_json(ex, ex->req->body, ex->req->body_size, FIELD_EXPLAIN, &x->fields));
    enum status subject = subject_read(&x->fields, &x->subject);
    fields_params(&x->fields, &params);
    fields_choice(&x->fields, "kind", kinds, &kind);
    fields_flag(&x->fields, "asm", &x->with_asm);
    fields_number(&x->fields, "rate", &x->rate);
    if (fields_count(&x->fields, "channels", 1, &channels) && channels > ex->api->config.max_channels)
        fields_fault(&x->fields, "channels", "at most %u channels (limit max-channels)", ex->api->config.max_channels);
    TRY(fields_end(&x->fields));
    TRY(subject);
    x->layout = (struct layout){kind ? GRAPH_AUDIO : GRAPH_FIELD, (uint32_t)channels};
    admission_predict(ex, NULL, 10 * subject_predict_us(&x->subject), 0);
    return exchange_long(ex, explain_run);
}
