/* GET /ops and GET /openapi.json: the vocabulary from the nodes' rows, the contract from routes.def, fields.def,
 * formats.def and status.def. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/format_audio.h"
#include "api/etag.h"
#include "api/json/json_write.h"
#include "api/request.h"
#include "api/room.h"
#include "core/node.h"

/* A text that depends on the tables alone: the first answer's is kept as long as the process lives. */
struct kept {
    _Atomic(char *) text; /* NUL at its end */
    void (*write)(struct json_writer *w);
};

static const char *kept_text(struct kept *k, struct arena *a)
{
    const char *text = atomic_load(&k->text);
    if (text)
        return text;
    struct json_writer w;
    json_writer_init(&w, a);
    k->write(&w);
    text_add(&w.text, "\n");
    char *copy = strdup(w.text.s), *nobody = NULL;
    if (copy && !atomic_compare_exchange_strong(&k->text, &nobody, copy))
        free(copy);
    return w.text.s;
}

static enum status answer_kept(struct exchange *ex, struct kept *k)
{
    const char *text = kept_text(k, ex->arena);
    const struct hash_part part = {text, strlen(text)};
    answer_header(ex, "Cache-Control", "no-cache");
    if (!etag_matches(ex, &part, 1))
        answer_body(ex, 200, "application/json", part.data, part.n);
    return STATUS_OK;
}

static void write_input(struct json_writer *w, const struct node_input *in)
{
    static const char *const types[] = {"number", "f64", "vector", "shape"};
    json_object(w, NULL);
    json_string(w, "name", in->name);
    json_string(w, "type", types[in->type]);
    if (in->required)
        json_bool(w, "required", true);
    else if (in->choices)
        json_string(w, "default", in->choices[0]);
    else if (in->optional || (in->type == INPUT_SHAPE && in->value == 0)) /* a list has no default to show */
        json_null(w, "default");
    else
        json_number(w, "default", in->value);
    if (in->unit)
        json_string(w, "unit", in->unit);
    if (in->choices) {
        json_array(w, "choices");
        for (const char *const *c = in->choices; *c; c++)
            json_string(w, NULL, *c);
        json_array_end(w);
    }
    json_object_end(w);
}

static void write_op(struct json_writer *w, const struct node_def *def)
{
    json_object(w, NULL);
    json_string(w, "name", def->name);
    json_string(w, "doc", def->doc);
    json_string(w, "kind", def->flags & NODE_AUDIO ? "audio" : "any");
    if (def->formula)
        json_string(w, "formula", def->formula);
    json_array(w, "inputs");
    for (size_t i = 0; i < def->n_inputs; i++)
        write_input(w, &def->inputs[i]);
    json_array_end(w);
    json_array(w, "ports");
    for (size_t i = 0; i < def->n_ports; i++)
        json_string(w, NULL, def->ports[i]);
    json_array_end(w);
    json_object_end(w);
}

static void write_ops(struct json_writer *w)
{
    json_array(w, NULL);
    for (size_t i = 0; i < node_count(); i++)
        write_op(w, node_at(i));
    json_array_end(w);
}

enum status ops_get(struct exchange *ex)
{
    static struct kept ops = {.write = write_ops};
    return answer_kept(ex, &ops);
}

static void write_schema(struct json_writer *w, const struct field_info *f)
{
    static const struct {
        const char *form, *type;
    } types[] = {{"TEXT", "string"},   {"CHOICE", "string"}, {"NUMBER", "number"}, {"COUNT", "integer"},
                 {"NUMBERS", "array"}, {"FLAG", "boolean"},  {"CHANGES", "array"}, {"PARAMS", "object"},
                 {"IMAGES", "object"}, {"BLOBS", "object"}};
    json_object(w, "schema");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].form, f->form))
            json_string(w, "type", types[i].type);
    if (!strcmp(f->form, "NUMBERS")) {
        json_object(w, "items");
        json_string(w, "type", "number");
        json_object_end(w);
    }
    json_object_end(w);
}

static unsigned fields_of(const struct route *route)
{
    if (route->run == render_get)
        return FIELD_RENDER | FIELD_SIGNED;
    if (route->run == render_post)
        return FIELD_RENDER;
    if (route->run == explain_post)
        return FIELD_EXPLAIN;
    if (route->run == streams_post)
        return FIELD_STREAM;
    if (route->run == streams_block)
        return FIELD_BLOCK;
    if (route->run == streams_patch)
        return FIELD_CHANGE;
    if (route->run == jobs_get)
        return FIELD_JOB;
    if (route->run == job_results_get)
        return FIELD_RESULTS;
    return route->run == process_post ? FIELD_PROCESS : 0;
}

static void write_query(struct json_writer *w, const struct route *route)
{
    const char *brace = strchr(route->pattern, '{');
    json_array(w, "parameters");
    if (brace) {
        json_object(w, NULL);
        json_string(w, "name", arena_strndup(w->text.arena, brace + 1, strcspn(brace + 1, "}")));
        json_string(w, "in", "path");
        json_bool(w, "required", true);
        json_raw(w, "schema", "{\"type\":\"string\"}");
        json_object_end(w);
    }
    bool queries = route->run == render_get || route->run == process_post || route->run == jobs_get ||
                   route->run == job_results_get;
    for (size_t i = 0; queries && field_info_at(i); i++) {
        const struct field_info *f = field_info_at(i);
        if (!(f->of & fields_of(route)) || !strcmp(f->form, "PARAMS") || !strcmp(f->form, "IMAGES"))
            continue;
        json_object(w, NULL);
        json_string(w, "name", f->name);
        json_string(w, "in", "query");
        json_string(w, "description", f->what);
        if (!strcmp(f->form, "NUMBERS")) {
            json_string(w, "style", "form");
            json_bool(w, "explode", false);
        }
        write_schema(w, f);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_json_body(struct json_writer *w, unsigned of)
{
    json_object(w, "schema");
    json_string(w, "type", "object");
    if (of) {
        json_bool(w, "additionalProperties", false);
        json_object(w, "properties");
        for (size_t i = 0; field_info_at(i); i++) {
            const struct field_info *f = field_info_at(i);
            if (!(f->of & of))
                continue;
            json_object(w, f->name);
            json_string(w, "description", f->what);
            if (!strcmp(f->form, "NUMBER") || !strcmp(f->form, "COUNT"))
                json_string(w, "type", !strcmp(f->form, "NUMBER") ? "number" : "integer");
            json_object_end(w);
        }
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_body(struct json_writer *w, const struct route *route)
{
    if (!*route->accepts)
        return;
    json_object(w, "requestBody");
    json_bool(w, "required", true);
    json_object(w, "content");
    for (const char *at = route->accepts; *at;) {
        size_t n = strcspn(at, ",");
        char *type = arena_strndup(w->text.arena, at, n);
        json_object(w, type);
        if (route->run == jobs_post)
            json_raw(w, "schema", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}");
        else if (!strcmp(type, "application/json"))
            write_json_body(w, fields_of(route));
        json_object_end(w);
        at += n + strspn(at + n, ", ");
    }
    json_object_end(w);
    json_object_end(w);
}

/* Several formats may share a content type, which an object has once. */
static void write_contents(struct json_writer *w, const struct format_info *formats)
{
    for (size_t i = 0; formats[i].name; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first &= strcmp(formats[k].type, formats[i].type) != 0;
        if (!first)
            continue;
        json_object(w, formats[i].type);
        json_object_end(w);
    }
}

static const char *success_of(const struct route *route)
{
    handler *run = route->run;
    if (run == graphs_post || run == streams_post || run == blobs_post)
        return "201";
    if (run == jobs_post)
        return "202";
    return run == streams_delete || run == blobs_delete ? "204" : "200";
}

static void write_responses(struct json_writer *w, const struct route *route)
{
    unsigned of = fields_of(route);
    json_object(w, "responses");
    json_object(w, success_of(route));
    json_string(w, "description", route->doc);
    json_object(w, "content");
    if (of & (FIELD_RENDER | FIELD_PROCESS)) {
        write_contents(w, of & FIELD_RENDER ? image_files : audio_files);
    } else {
        bool raw = route->run == streams_block || route->run == stream_state_get || route->run == blobs_get;
        bool text = route->run == livez_get || route->run == readyz_get || route->run == metrics_get;
        bool results = route->run == job_results_get;
        json_raw(w,
                 raw       ? "application/octet-stream"
                 : text    ? "text/plain"
                 : results ? "application/x-ndjson"
                           : "application/json",
                 "{}");
        if (results)
            json_raw(w, "application/x-tar", "{}");
    }
    json_object_end(w);
    json_object_end(w);
    json_object(w, "default");
    json_string(w, "description", "A problem (RFC 9457); GET /errors lists them");
    json_raw(w, "content", "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}");
    json_object_end(w);
    json_object_end(w);
}

/* With --keys; a server without them asks nobody. */
static void write_security(struct json_writer *w, const struct route *route)
{
    if (route->roles)
        json_raw(w, "security",
                 route->run == render_get ? "[{\"key\":[]},{\"signature\":[]},{}]" : "[{\"key\":[]},{}]");
}

static void write_route(struct json_writer *w, const struct route *route)
{
    static const char *const methods[] = {
        [METHOD_GET] = "get", [METHOD_POST] = "post", [METHOD_PATCH] = "patch", [METHOD_DELETE] = "delete"};
    json_object(w, methods[route->method]);
    json_string(w, "summary", route->doc);
    write_security(w, route);
    write_query(w, route);
    write_body(w, route);
    write_responses(w, route);
    json_object_end(w);
}

static const char problem_schema[] =
    "{\"problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\",\"errors\"],"
    "\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{"
    "\"type\":\"string\"},"
    "\"limit\":{\"type\":\"string\",\"description\":\"the setting that refused\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"pointer\":{\"type\":\"string\"},"
    "\"column\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"}}}}}}}";

static const char security_schemes[] =
    "{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"A key of the file of --keys\"},"
    "\"signature\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"sig\",\"description\":\"With expires and kid\"}}";

static void write_openapi(struct json_writer *w)
{
    json_object(w, NULL);
    json_string(w, "openapi", "3.1.0");
    json_object(w, "info");
    json_string(w, "title", "sinter");
    json_string(w, "version", SINTER_VERSION);
    json_object_end(w);
    json_object(w, "paths");
    for (size_t i = 0; route_at(i); i++) {
        const struct route *route = route_at(i), *before = i ? route_at(i - 1) : NULL, *after = route_at(i + 1);
        if (!before || strcmp(before->pattern, route->pattern) != 0)
            json_object(w, route->pattern);
        write_route(w, route);
        if (!after || strcmp(after->pattern, route->pattern) != 0)
            json_object_end(w);
    }
    json_object_end(w);
    json_object(w, "components");
    json_raw(w, "schemas", problem_schema);
    json_raw(w, "securitySchemes", security_schemes);
    json_object_end(w);
    json_object_end(w);
}

enum status openapi_get(struct exchange *ex)
{
    static struct kept openapi = {.write = write_openapi};
    return answer_kept(ex, &openapi);
}
