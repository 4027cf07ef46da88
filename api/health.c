/* What operators and their machines ask: is it alive, is it ready, how is it doing, what is it. */
#include "api/etag.h"
#include "api/json/json_write.h"
#include "api/room.h"

static void answer_json(struct exchange *ex, struct json_writer *w)
{
    text_add(&w->text, "\n");
    answer_body(ex, 200, "application/json", w->text.s, w->text.n);
}

enum status livez_get(struct exchange *ex)
{
    answer_header(ex, "Cache-Control", "no-store");
    answer_text(ex, 200, "text/plain", "alive\n");
    return STATUS_OK;
}

enum status readyz_get(struct exchange *ex)
{
    const char *why = "the server is ending and takes no new work";
    if (ex->req->draining || (ex->api->ready && !ex->api->ready(&why, ex->api->ready_user)))
        return fault_add(&ex->fault, STATUS_BUSY, "", 0, "not ready: %s", why);
    answer_header(ex, "Cache-Control", "no-store");
    answer_text(ex, 200, "text/plain", "ready\n");
    return STATUS_OK;
}

enum status metrics_get(struct exchange *ex)
{
    const char *text = ex->api->more_metrics ? ex->api->more_metrics(ex->arena, ex->api->more_metrics_user) : "";
    answer_header(ex, "Cache-Control", "no-store");
    answer_text(ex, 200, "text/plain; version=0.0.4", text);
    return STATUS_OK;
}

enum status version_get(struct exchange *ex)
{
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "name", "sinter");
    json_string(&w, "version", SINTER_VERSION);
    json_int(&w, "semantics", SEMANTICS_VERSION);
    json_int(&w, "ir", IR_VERSION);
    json_int(&w, "encoder", ENCODER_VERSION);
    json_string(&w, "compiler", engine_compiler_id(ex->api->engine));
    json_string(&w, "target", target_name(target_of_cpu()));
    json_object_end(&w);
    answer_json(ex, &w);
    return STATUS_OK;
}

enum status index_get(struct exchange *ex)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "?"};
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "name", "sinter");
    json_string(&w, "version", SINTER_VERSION);
    json_string(&w, "about", "Graphs of expressions, compiled to fused SIMD kernels and run on pixels and audio");
    json_array(&w, "routes");
    for (size_t i = 0; route_at(i); i++) {
        json_object(&w, NULL);
        json_string(&w, "method", names[route_at(i)->method]);
        json_string(&w, "path", route_at(i)->pattern);
        json_string(&w, "does", route_at(i)->doc);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    answer_json(ex, &w);
    return STATUS_OK;
}
