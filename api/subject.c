/* See subject.h. */
#include "api/subject.h"

#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "api/room.h"

void subject_move_faults(struct exchange *ex, size_t from, const struct subject *s)
{
    for (size_t i = from; i < ex->fault.count && i < FAULT_MAX; i++) {
        struct fault_item *item = &ex->fault.items[i];
        item->pointer = s->is_expr ? s->pointer : arena_printf(ex->arena, "%s%s", s->pointer, item->pointer);
    }
}

static void identify(struct exchange *ex, struct subject *s)
{
    s->canonical = graph_canonical(s->graph, ex->arena);
    struct hash_part part = {s->canonical, strlen(s->canonical)};
    uint8_t digest[HASH_SIZE];
    hash_parts(&part, 1, digest); /* graph_id(), without making the text twice */
    hash_hex(digest, s->id);
}

enum status subject_from_datum(struct exchange *ex, const struct datum *root, const char *pointer, struct subject *ret)
{
    size_t before = ex->fault.count;
    *ret = (struct subject){.pointer = pointer};
    enum status status = graph_read(root, &ex->api->config.graph, ex->arena, &ret->graph, &ex->fault);
    subject_move_faults(ex, before, ret);
    if (status == STATUS_OK)
        identify(ex, ret);
    return status;
}

static enum status from_expr(struct exchange *ex, const char *text, struct subject *ret)
{
    size_t before = ex->fault.count;
    *ret = (struct subject){.pointer = "/expr", .is_expr = true};
    enum status status = graph_from_expr(text, &ex->api->config.graph, ex->arena, &ret->graph, &ex->fault);
    subject_move_faults(ex, before, ret);
    if (status == STATUS_OK)
        identify(ex, ret);
    return status;
}

static bool is_id(const char *text)
{
    return strlen(text) == GRAPH_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == GRAPH_ID_SIZE - 1;
}

static enum status from_id(struct fields *f, const char *name, const char *text, struct subject *ret)
{
    *ret = (struct subject){.pointer = !strcmp(name, "graph") ? "/graph" : "/graph_id"};
    if (!is_id(text))
        return fields_fault(f, name, "a graph id has %d digits 0..9 a..f; POST /graphs answers one", GRAPH_ID_SIZE - 1);
    memcpy(ret->id, text, GRAPH_ID_SIZE);
    return STATUS_OK;
}

enum status subject_read(struct fields *f, struct subject *ret)
{
    const struct field *graph = fields_find(f, "graph"), *id = fields_find(f, "graph_id"),
                       *expr = fields_find(f, "expr");
    const char *text = "";
    enum status status = STATUS_OK;
    if (!!graph + !!id + !!expr != 1)
        return fields_fault(f, graph ? "graph" : NULL, "a request has exactly one of graph, graph_id and expr");
    if (graph && graph->value && graph->value->kind == DATUM_OBJECT)
        status = subject_from_datum(f->ex, graph->value, "/graph", ret);
    else if (graph && graph->value && graph->value->kind != DATUM_STRING)
        status = fields_fault(f, "graph", "graph must be an object, or the id of a stored graph");
    else if (graph && fields_text(f, "graph", &text))
        status = from_id(f, "graph", text, ret);
    else if (id && fields_text(f, "graph_id", &text))
        status = from_id(f, "graph_id", text, ret);
    else if (expr && fields_text(f, "expr", &text))
        status = from_expr(f->ex, text, ret);
    f->failed |= status != STATUS_OK;
    return f->failed ? f->ex->fault.status : STATUS_OK;
}

enum status subject_load(struct exchange *ex, struct subject *s)
{
    if (s->graph)
        return STATUS_OK;
    void **slot = exchange_defer(ex, free);
    char *text = NULL;
    TRY(graph_store_get(ex->api->graphs, s->id, &text, &ex->fault));
    *slot = text;
    if (!text)
        return fault_add(&ex->fault, STATUS_NOT_FOUND, s->pointer, 0,
                         "no graph %s is stored here; POST /graphs stores one", s->id);
    struct datum *root;
    struct json_limits limits = {.max_bytes = strlen(text), .max_depth = JSON_DEPTH_MAX};
    TRY(json_read(text, strlen(text), &limits, ex->arena, &root, &ex->fault));
    TRY(graph_read(root, &ex->api->config.graph, ex->arena, &s->graph, &ex->fault));
    s->canonical = text;
    return STATUS_OK;
}

bool subject_is_small(const struct subject *s)
{
    enum { SMALL_TEXT = 4096 }; /* lowers in a millisecond or two */
    return !s->graph || strlen(s->canonical) <= SMALL_TEXT;
}

double subject_predict_us(const struct subject *s)
{
    static const double us_a_byte = 0.4;
    return s->graph ? (double)strlen(s->canonical) * us_a_byte : 100;
}

struct program *subject_known(struct exchange *ex, const struct subject *s, struct layout layout)
{
    return engine_program_known(ex->api->engine, s->id, layout);
}

enum status subject_program(struct exchange *ex, struct subject *s, struct layout layout, struct program **ret)
{
    *ret = subject_known(ex, s, layout);
    if (*ret)
        return STATUS_OK;
    TRY(subject_load(ex, s));
    exchange_stage(ex, STAGE_CHECK);
    size_t before = ex->fault.count;
    enum status status =
        engine_program(ex->api->engine, s->graph, s->canonical, layout, &ex->api->config.graph, ret, &ex->fault);
    exchange_stage(ex, STAGE_LOWER);
    subject_move_faults(ex, before, s);
    return status;
}

static void check_slot(struct api *api, const char *id, double rate, struct checked **ret)
{
    uint64_t bits;
    unsigned h = 0;
    memcpy(&bits, &rate, sizeof bits);
    for (const char *c = id; *c; c++)
        h = h * 31 + (unsigned char)*c;
    *ret = &api->checked[(h ^ (unsigned)(bits >> 32) ^ (unsigned)(bits >> 48)) % API_CHECKED];
}

enum status subject_check_rate(struct exchange *ex, struct subject *s, double rate)
{
    struct api *api = ex->api;
    struct checked *slot;
    check_slot(api, s->id, rate, &slot);
    pthread_mutex_lock(&api->checked_lock);
    bool seen = slot->rate == rate && !memcmp(slot->id, s->id, GRAPH_ID_SIZE);
    pthread_mutex_unlock(&api->checked_lock);
    if (seen)
        return STATUS_OK;
    TRY(subject_load(ex, s));
    size_t before = ex->fault.count;
    enum status status = lower_check_literals(s->graph, rate, &ex->fault);
    subject_move_faults(ex, before, s);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&api->checked_lock);
    memcpy(slot->id, s->id, GRAPH_ID_SIZE);
    slot->rate = rate;
    pthread_mutex_unlock(&api->checked_lock);
    return STATUS_OK;
}

static int param_index(const struct graph_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(params[i].name, name))
            return (int)i;
    return -1;
}

static void fault_param(struct exchange *ex, const struct graph_param *params, size_t n, const char *name)
{
    const char **names = ARENA_ARRAY(ex->arena, n + 1, const char *);
    for (size_t i = 0; i < n; i++)
        names[i] = params[i].name;
    const char *near = nearest_name(name, names);
    fault_add(&ex->fault, STATUS_BAD_FIELD, arena_printf(ex->arena, "/params/%s", name), 0,
              "the graph has no parameter \"%.60s\"%s%s%s", name, near ? "; did you mean " : "", near ? near : "",
              near ? "?" : "");
}

static enum status take_params(struct exchange *ex, const struct graph_param *params, size_t n,
                               const struct param_values *given, double *values)
{
    size_t before = ex->fault.count;
    for (size_t i = 0; i < n; i++)
        values[i] = params[i].value;
    for (size_t i = 0; i < given->n; i++) {
        const struct param_value *v = &given->list[i];
        int at = param_index(params, n, v->name);
        if (at < 0) {
            fault_param(ex, params, n, v->name);
            continue;
        }
        if (!(v->value >= params[at].min && v->value <= params[at].max))
            fault_add(&ex->fault, STATUS_BAD_FIELD, arena_printf(ex->arena, "/params/%s", v->name), 0,
                      "%.9g is outside of %.9g .. %.9g", v->value, params[at].min, params[at].max);
        values[at] = v->value;
    }
    return ex->fault.count > before ? ex->fault.status : STATUS_OK;
}

enum status subject_params(struct exchange *ex, const struct program *p, const struct param_values *given,
                           const double **ret_params)
{
    double *values = ARENA_ARRAY(ex->arena, p->n_params + 1, double);
    TRY(take_params(ex, p->params, p->n_params, given, values));
    *ret_params = values;
    return STATUS_OK;
}

enum status subject_check(struct exchange *ex, struct subject *s, const struct param_values *given)
{
    TRY(subject_load(ex, s));
    double *values = ARENA_ARRAY(ex->arena, s->graph->n_params + 1, double);
    TRY(take_params(ex, s->graph->params, s->graph->n_params, given, values));
    answer_body(ex, 204, NULL, "", 0);
    return STATUS_OK;
}
