/* Failures as RFC 9457 problem answers, and the pages their types point to. Everything comes from status.def and the
 * fault. */
#include <stdlib.h>
#include <string.h>

#include "api/exchange.h"
#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"

static const char no_memory[] =
    "{\"type\":\"/errors/no-memory\",\"title\":\"There is no memory for this request now\",\"status\":503,"
    "\"detail\":\"the request needs more memory than it may use (--max-arena) or than there is\",\"errors\":[]}\n";

void problem_no_memory(struct api_response *res)
{
    res->http_status = 503;
    res->n_headers = 0;
    res->headers[res->n_headers++] = (struct api_header){"Content-Type", "application/problem+json"};
    res->headers[res->n_headers++] = (struct api_header){"Retry-After", "1"};
    free(res->owned);
    res->owned = NULL;
    res->body = no_memory;
    res->body_size = sizeof no_memory - 1;
}

/* One sentence for all: the first error's, and how many more there are. */
static const char *summary(const struct fault *f, struct arena *a)
{
    if (!f->count)
        return status_title(f->status);
    const struct fault_item *first = &f->items[0];
    const char *where = *first->pointer ? arena_printf(a, "%s: ", first->pointer) : "";
    if (f->count == 1)
        return arena_printf(a, "%s%s", where, first->detail);
    return arena_printf(a, "%s%s (and %zu more, see errors)", where, first->detail, f->count - 1);
}

static bool answer_has(const struct exchange *ex, const char *name)
{
    for (size_t i = 0; i < ex->res->n_headers; i++)
        if (!strcmp(ex->res->headers[i].name, name))
            return true;
    return false;
}

void problem_answer(struct exchange *ex)
{
    struct fault *f = &ex->fault;
    int http = status_http(f->status);
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    json_string(&w, "type", arena_printf(ex->arena, "/errors/%s", status_slug(f->status)));
    json_string(&w, "title", status_title(f->status));
    json_int(&w, "status", http);
    json_string(&w, "detail", summary(f, ex->arena));
    if (f->limit)
        json_string(&w, "limit", f->limit);
    if (ex->req->request_id)
        json_string(&w, "request_id", ex->req->request_id);
    json_array(&w, "errors");
    for (size_t i = 0; i < f->count && i < FAULT_MAX; i++) {
        json_object(&w, NULL);
        json_string(&w, "pointer", f->items[i].pointer);
        if (f->items[i].column)
            json_int(&w, "column", f->items[i].column);
        json_string(&w, "detail", f->items[i].detail);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    text_add(&w.text, "\n");
    if ((http == 503 || http == 429) && !answer_has(ex, "Retry-After"))
        answer_header_count(ex, "Retry-After", admission_retry_s(ex));
    answer_header(ex, "Cache-Control", "no-store");
    answer_body(ex, http, "application/problem+json", w.text.s, w.text.n);
    ex->res->limit = f->limit;
}

struct advice {
    const char *slug, *text;
};

/* How to go on, for those who read the page of an error. */
static const struct advice advices[] = {
    {"bad-json", "The body must be strict JSON (RFC 8259) in UTF-8: no comments, no trailing commas, no key twice in "
                 "one object, no numbers "
                 "beyond a double. The detail names line and column."},
    {"bad-request", "The request's head is not what RFC 9110 and 9112 ask for. A client library produces a right one."},
    {"unauthorized",
     "Send Authorization: Bearer KEY with a key of this server, or a URL that `sinter sign` signed. Keys are "
     "made by the operator with `sinter key new`."},
    {"forbidden",
     "The detail names the role that is missing, or what is wrong with the signature. The operator gives roles "
     "in the file of --keys."},
    {"not-found", "GET / lists the routes. Graphs are found by the id that POST /graphs answered; a graph that was "
                  "only part of another "
                  "request is not kept."},
    {"method-not-allowed", "The Allow header lists the methods of this route."},
    {"conflict", "The request was right by itself, but not now. The detail says what it met."},
    {"gone", "Results of jobs are kept for a while (--result-age), and go earlier when there is no room for new ones "
             "(--max-results-bytes). Send the job again."},
    {"length-required", "Send Content-Length, or Transfer-Encoding: chunked."},
    {"too-large", "The detail names the limit. Send less at once, or have the operator raise it."},
    {"unsupported-media",
     "The detail lists the content types that this route reads. curl sends one it was not asked for: add "
     "-H 'Content-Type: application/json'."},
    {"bad-graph", "Every error found is in `errors`, each with a JSON pointer into the request. GET /ops lists "
                  "operations and inputs."},
    {"bad-expression", "`column` is the place inside the expression, counted from 1."},
    {"bad-field", "`errors` names the fields. GET /openapi.json lists what each route reads."},
    {"bad-audio", "The bytes are not the audio that the request says they are."},
    {"bad-image", "PNG, NPY and OpenEXR are read; raw floats when `images` in the request says their size. The detail "
                  "says what is wrong with the file."},
    {"bad-state",
     "A state is continued as it was exported, by a server with the same key (streams.key in the folder of "
     "--store) and the same meaning of graphs (GET /version)."},
    {"delay-free-loop", "A signal may only come back to itself through the input `in` of a delay or z1."},
    {"over-limit", "`limit` names the setting, the detail the value asked for. Nothing is cut down in silence."},
    {"key-reused",
     "An Idempotency-Key belongs to one body. Send the same body again to get the first answer, or take a "
     "new key."},
    {"over-quota",
     "Retry-After says when to come back. With the limit max-client-share: end, delete or wait for what is "
     "yours; others have theirs."},
    {"internal", "This is a mistake of the server. Please report it with the request and the request id."},
    {"no-memory", "Retry-After says when to come back; a smaller request may pass at once."},
    {"not-implemented", "The request is understood, but this server does not do it."},
    {"store-unavailable",
     "Nothing of the request was kept. Retry-After says when to come back; renders and processing go on "
     "meanwhile."},
    {"busy", "Retry-After says when to come back."},
    {"deadline", "Split the request, or have the operator raise --max-request-ms."},
    {"client-gone", "Nobody sees this one: the connection was closed before the answer."},
};

static const char *advice_for(const char *slug)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (!strcmp(advices[i].slug, slug))
            return advices[i].text;
    return "";
}

static void write_error(struct json_writer *w, struct arena *a, enum status s)
{
    json_object(w, NULL);
    json_string(w, "type", arena_printf(a, "/errors/%s", status_slug(s)));
    json_string(w, "title", status_title(s));
    json_int(w, "status", status_http(s));
    json_string(w, "description", advice_for(status_slug(s)));
    json_object_end(w);
}

enum status errors_get(struct exchange *ex)
{
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_array(&w, NULL);
    for (enum status s = STATUS_OK + 1; s < STATUS_COUNT; s++)
        write_error(&w, ex->arena, s);
    json_array_end(&w);
    text_add(&w.text, "\n");
    answer_body(ex, 200, "application/json", w.text.s, w.text.n);
    return STATUS_OK;
}

enum status error_get(struct exchange *ex)
{
    for (enum status s = STATUS_OK + 1; s < STATUS_COUNT; s++) {
        if (strcmp(status_slug(s), ex->rest) != 0)
            continue;
        struct json_writer w;
        json_writer_init(&w, ex->arena);
        write_error(&w, ex->arena, s);
        text_add(&w.text, "\n");
        answer_body(ex, 200, "application/json", w.text.s, w.text.n);
        return STATUS_OK;
    }
    return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0, "there is no error \"%s\"; GET /errors lists them all",
                     ex->rest);
}
