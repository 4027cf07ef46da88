/* POST /jobs, GET and DELETE /jobs/{id}. A job is checked whole before any of it is taken: an item that its route would
 * refuse to read is an error of the job, with a pointer that begins with the item's number. What only running shows is
 * the item's result. */
#include "api/jobs/jobs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/bytes/stream.h"
#include "api/jobs/job_item.h"
#include "api/jobs/job_list.h"
#include "api/jobs/job_runner.h"
#include "api/jobs/job_waiters.h"
#include "api/request.h"
#include "api/room.h"
#include "core/hash.h"

enum { RETRY_TAKEN_S = 1, KEY_MAX = 255 };

/* ---- Idempotency-Key ---- */

struct job_key {
    struct job_key *next;
    struct job_keys *all;
    char text[]; /* owner, NUL, key */
};

static void release_key(void *user)
{
    struct job_key *me = user;
    pthread_mutex_lock(&me->all->lock);
    struct job_key **at = &me->all->first;
    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
    pthread_mutex_unlock(&me->all->lock);
    free(me);
}

static bool same_key(const struct job_key *a, const struct job_key *b)
{
    return !strcmp(a->text, b->text) && !strcmp(a->text + strlen(a->text) + 1, b->text + strlen(b->text) + 1);
}

static bool enter_key(struct job_keys *keys, struct job_key *me)
{
    pthread_mutex_lock(&keys->lock);
    struct job_key *i = keys->first;
    while (i && !same_key(i, me))
        i = i->next;
    if (!i) {
        me->next = keys->first;
        keys->first = me;
    }
    pthread_mutex_unlock(&keys->lock);
    return !i;
}

static bool is_key(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return n && n <= KEY_MAX;
}

/* Until the exchange ends nobody else takes a job with this key of this client's. */
static enum status claim_key(struct exchange *ex, const char *key)
{
    size_t owner = strlen(ex->client->id) + 1, n = strlen(key) + 1;
    if (!is_key(key))
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0,
                         "an Idempotency-Key has 1 to %d printable characters without blanks", KEY_MAX);
    void **slot = exchange_defer(ex, release_key);
    struct job_key *me = malloc(sizeof *me + owner + n);
    if (!me)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for a key");
    me->all = &ex->api->job_keys;
    memcpy(me->text, ex->client->id, owner);
    memcpy(me->text + owner, key, n);
    if (enter_key(me->all, me)) {
        *slot = me;
        return STATUS_OK;
    }
    free(me);
    answer_header_count(ex, "Retry-After", RETRY_TAKEN_S);
    return fault_add(&ex->fault, STATUS_CONFLICT, "", 0,
                     "a job with this Idempotency-Key is being taken; come back when it is");
}

/* ---- taking one ---- */

struct taking {
    const char *key; /* NULL: none */
    uint8_t digest[SHA256_SIZE];
    struct job_text *texts;
    struct data_new_item *items;
    size_t n;
    const char **blobs;
    size_t n_blobs, cap_blobs;
    struct arena *scratch; /* of one item */
    struct api_response inner;
};

static void release_taking(void *user)
{
    struct taking *t = user;
    api_response_done(&t->inner);
    arena_free(t->scratch);
}

static void add_blob(struct exchange *ex, struct taking *t, const char *sha256)
{
    if (t->n_blobs && !strcmp(t->blobs[t->n_blobs - 1], sha256))
        return;
    if (t->n_blobs == t->cap_blobs) {
        size_t cap = t->cap_blobs ? 2 * t->cap_blobs : 64;
        t->blobs = arena_grow(ex->arena, t->blobs, t->cap_blobs, cap, sizeof *t->blobs);
        t->cap_blobs = cap;
    }
    t->blobs[t->n_blobs++] = arena_strdup(ex->arena, sha256);
}

/* A fault of item i becomes one of the job. Not the item's fault: all of it fails so. */
static enum status move_faults(struct exchange *ex, size_t i, const struct fault *f)
{
    if (!ex->fault.limit)
        ex->fault.limit = f->limit ? arena_strdup(ex->arena, f->limit) : NULL;
    for (size_t k = 0; k < f->count && k < FAULT_MAX; k++) {
        const struct fault_item *item = &f->items[k];
        enum status as = f->status == STATUS_NOT_FOUND ? STATUS_BAD_FIELD : f->status;
        fault_add(&ex->fault, as, arena_printf(ex->arena, "/%zu%s", i, item->pointer), item->column, "%s",
                  item->detail);
    }
    return status_http(f->status) >= 500 ? f->status : STATUS_OK;
}

/* What the item's own route says of it. */
static enum status check_route(struct exchange *ex, struct taking *t, size_t i, const struct job_item *item)
{
    const struct client client = {.id = ex->client->id, .roles = ROLES_ALL}; /* who may send jobs may send both kinds */
    struct api_batch batch = {.client = &client, .max_ms = ex->api->config.max_request_ms, .check_only = true};
    job_item_batch(item, &batch);
    struct api_request req = job_item_request(item, &batch, t->texts[i].text, t->texts[i].n);
    enum status status = STATUS_OK;
    (void)api_begin(ex->api, &req, &t->inner);
    if (t->inner.http_status >= 400 && !t->inner.exchange)
        return exchange_ended(ex, STATUS_NO_MEMORY);
    if (t->inner.http_status >= 400)
        status = t->inner.exchange->fault.status == STATUS_OK ? exchange_ended(ex, STATUS_NO_MEMORY)
                                                              : move_faults(ex, i, &t->inner.exchange->fault);
    api_response_done(&t->inner);
    return status;
}

static enum status read_item(struct exchange *ex, struct taking *t, size_t i, struct job_item *item)
{
    struct fault fault;
    fault_init(&fault, t->scratch);
    if (job_item_read(t->texts[i].text, t->texts[i].n, &ex->api->config, t->scratch, item, &fault) != STATUS_OK)
        return move_faults(ex, i, &fault);
    t->items[i] = (struct data_new_item){
        .id = item->id ? arena_strdup(ex->arena, item->id) : NULL, .request = t->texts[i].text, .n = t->texts[i].n};
    for (size_t k = 0; k < item->n_files; k++)
        add_blob(ex, t, item->files[k].sha256);
    return check_route(ex, t, i, item);
}

/* In memory of its own, since there may be many. */
static enum status check_item(struct exchange *ex, struct taking *t, size_t i)
{
    struct job_item item;
    t->scratch = arena_new(ex->api->config.max_arena);
    if (!t->scratch || ARENA_GUARD(t->scratch))
        return exchange_ended(ex, STATUS_NO_MEMORY);
    TRY(read_item(ex, t, i, &item));
    arena_free(t->scratch);
    t->scratch = NULL;
    return STATUS_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct named {
    const char *name;
    size_t i;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->i < y->i ? -1 : x->i > y->i;
}

/* A name is a file of the results; items without one are called by their number. */
static void check_names(struct exchange *ex, const struct taking *t)
{
    struct named *names = ARENA_ARRAY(ex->arena, t->n, struct named);
    for (size_t i = 0; i < t->n; i++)
        names[i] = (struct named){t->items[i].id ? t->items[i].id : arena_printf(ex->arena, "%zu", i), i};
    qsort(names, t->n, sizeof *names, by_name);
    for (size_t i = 1; i < t->n; i++) {
        size_t first = names[i - 1].i, again = names[i].i;
        if (strcmp(names[i - 1].name, names[i].name) != 0)
            continue;
        bool says = t->items[again].id;
        fault_add(&ex->fault, STATUS_BAD_FIELD, arena_printf(ex->arena, "/%zu/id", says ? again : first), 0,
                  "the items %zu and %zu are both called %s", first, again, names[i].name);
    }
}

static enum status check_items(struct exchange *ex, struct taking *t)
{
    t->items = ARENA_ARRAY(ex->arena, t->n, struct data_new_item);
    for (size_t i = 0; i < t->n; i++) {
        enum status alive = exchange_alive(ex, (double)i / (double)t->n);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        TRY(check_item(ex, t, i));
    }
    if (ex->fault.status == STATUS_OK)
        check_names(ex, t);
    return ex->fault.status;
}

static void unique_blobs(struct taking *t)
{
    size_t n = 0;
    if (t->n_blobs)
        qsort(t->blobs, t->n_blobs, sizeof *t->blobs, by_text);
    for (size_t i = 0; i < t->n_blobs; i++)
        if (!n || strcmp(t->blobs[n - 1], t->blobs[i]) != 0)
            t->blobs[n++] = t->blobs[i];
    t->n_blobs = n;
}

static void answer_job(struct exchange *ex, int http_status, const struct data_job *job)
{
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    jobs_write(&w, job);
    json_object_end(&w);
    text_add(&w.text, "\n");
    answer_header(ex, "Cache-Control", "no-store");
    answer_body(ex, http_status, "application/json", w.text.s, w.text.n);
}

static enum status answer_taken(struct exchange *ex, const char *id)
{
    struct data_job job;
    TRY(data_job_get(ex->api->data, id, &job, &ex->fault));
    answer_header(ex, "Location", arena_printf(ex->arena, "/jobs/%s", id));
    answer_job(ex, 202, &job);
    return STATUS_OK;
}

static enum status fault_other(struct exchange *ex)
{
    return fault_add(&ex->fault, STATUS_KEY_REUSED, "", 0,
                     "this Idempotency-Key was sent with another job; a new job needs a new one");
}

static enum status keep(struct exchange *ex, struct taking *t)
{
    char id[DATA_JOB_ID];
    enum data_taken taken = DATA_JOB_NEW;
    struct data_new_job new_job = {.owner = ex->client->id,
                                   .idempotency_key = t->key,
                                   .items = t->items,
                                   .n_items = (uint32_t)t->n,
                                   .blobs = t->blobs,
                                   .n_blobs = (uint32_t)t->n_blobs};
    memcpy(new_job.body_sha256, t->digest, sizeof t->digest);
    TRY(data_job_put(ex->api->data, &new_job, &taken, id, &ex->fault));
    if (taken == DATA_JOB_OTHER)
        return fault_other(ex);
    if (taken == DATA_JOB_NEW && ex->api->job_runner)
        job_runner_tell(ex->api->job_runner);
    return answer_taken(ex, id);
}

/* A repetition is answered before anything is checked: what it names may be gone by now. */
static enum status find_taken(struct exchange *ex, struct taking *t, bool *ret_answered)
{
    struct sha256 hash;
    char id[DATA_JOB_ID];
    enum data_taken taken;
    sha256_init(&hash);
    sha256_add(&hash, ex->req->body, ex->req->body_size);
    sha256_end(&hash, t->digest);
    *ret_answered = false;
    if (!t->key)
        return STATUS_OK;
    TRY(claim_key(ex, t->key));
    TRY(data_job_of_key(ex->api->data, ex->client->id, t->key, t->digest, &taken, id, &ex->fault));
    if (taken == DATA_JOB_OTHER)
        return fault_other(ex);
    *ret_answered = taken == DATA_JOB_SAME;
    return *ret_answered ? answer_taken(ex, id) : STATUS_OK;
}

static enum status jobs_take(struct exchange *ex)
{
    struct taking *t = ARENA_NEW(ex->arena, struct taking);
    const char *type = ex->req->header(ex->req, "Content-Type");
    bool lines = type && !strncasecmp(type, "application/x-ndjson", 20), answered;
    *exchange_defer(ex, release_taking) = t;
    t->inner.fd = -1;
    t->key = ex->req->header(ex->req, "Idempotency-Key");
    TRY(find_taken(ex, t, &answered));
    if (answered)
        return STATUS_OK;
    TRY(job_list_split(ex->req->body, ex->req->body_size, lines, ex->api->config.max_job_items, ex->arena, &t->texts,
                       &t->n, &ex->fault));
    exchange_stage(ex, STAGE_PARSE);
    TRY(check_items(ex, t));
    exchange_stage(ex, STAGE_CHECK);
    unique_blobs(t);
    return keep(ex, t);
}

enum status jobs_post(struct exchange *ex)
{
    return exchange_long(ex, jobs_take);
}

/* ---- where one stands ---- */

bool jobs_is_over(const struct data_job *job)
{
    return job->finished_ms != 0;
}

static void write_time(struct json_writer *w, const char *key, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm at;
    char text[40];
    if (!ms || !gmtime_r(&s, &at)) {
        json_null(w, key);
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &at);
    json_string(w, key, text);
}

static const char *state_of(const struct data_job *job)
{
    if (jobs_is_over(job))
        return job->cancelled ? "cancelled" : "done";
    return job->running || job->done || job->failed || job->cancelled ? "running" : "queued";
}

void jobs_write(struct json_writer *w, const struct data_job *job)
{
    uint32_t ended = job->done + job->failed + job->cancelled;
    json_string(w, "id", job->id);
    json_string(w, "state", state_of(job));
    json_number(w, "progress", job->items ? (double)ended / job->items : 1);
    json_uint(w, "items", job->items);
    json_uint(w, "queued", job->queued);
    json_uint(w, "running", job->running);
    json_uint(w, "done", job->done);
    json_uint(w, "failed", job->failed);
    json_uint(w, "cancelled", job->cancelled);
    write_time(w, "created", job->created_ms);
    write_time(w, "finished", job->finished_ms);
    write_time(w, "expires", job->expires_ms);
    json_bool(w, "expired", job->expired);
    json_string(w, "results", arena_printf(w->text.arena, "/jobs/%s/results", job->id));
}

static enum status no_job(struct exchange *ex)
{
    return fault_add(&ex->fault, STATUS_NOT_FOUND, "", 0,
                     "no job %.60s of yours is known here; one that has ended is forgotten in time (setting "
                     "result-age)",
                     ex->rest);
}

enum status jobs_find(struct exchange *ex, struct data_job *ret)
{
    size_t before = ex->fault.count;
    enum status status = data_job_get(ex->api->data, ex->rest, ret, &ex->fault);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    if (status == STATUS_OK && (!strcmp(ret->owner, ex->client->id) || (ex->client->roles & ROLE_ADMIN)))
        return STATUS_OK;
    ex->fault.count = before;
    ex->fault.status = STATUS_OK;
    return no_job(ex);
}

/* A long poll. */
struct polling {
    struct exchange *ex;
    struct data_job job;
    double until_ms;
    bool any; /* change is waited for, not only the end */
    bool waits;
};

static bool has_moved(const struct data_job *before, const struct data_job *now)
{
    return before->running != now->running || before->done != now->done || before->failed != now->failed ||
           before->cancelled != now->cancelled;
}

static bool is_answered(const struct polling *p, const struct data_job *now)
{
    return jobs_is_over(now) || (p->any && has_moved(&p->job, now)) || exchange_clock_ms() >= p->until_ms ||
           job_waiters_draining(p->ex->api->job_waiters);
}

static enum status poll_work(void *user, struct sink *s, bool (*full)(struct sink *s), bool *ret_done)
{
    struct polling *p = user;
    struct exchange *ex = p->ex;
    struct data_job now;
    (void)full;
    if (!p->waits)
        TRY(job_waiters_add(ex->api->job_waiters, ex, stream_of(s), p->job.id, p->until_ms));
    p->waits = true;
    ex->deadline_ms = exchange_clock_ms() + ex->api->config.max_request_ms; /* of a turn */
    enum status alive = exchange_alive(ex, 0);
    if (alive != STATUS_OK)
        return exchange_ended(ex, alive);
    TRY(data_job_get(ex->api->data, p->job.id, &now, &ex->fault));
    if (!is_answered(p, &now)) {
        stream_idle(s);
        return STATUS_OK;
    }
    struct json_writer w;
    json_writer_init(&w, ex->arena);
    json_object(&w, NULL);
    jobs_write(&w, &now);
    json_object_end(&w);
    text_add(&w.text, "\n");
    sink_put(s, w.text.s, w.text.n);
    *ret_done = !s->failed;
    return s->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static void poll_end(void *user)
{
    (void)user;
}

static enum status read_wait(struct exchange *ex, double *ret_s, bool *ret_any)
{
    static const char *const whats[] = {"done", "progress", NULL};
    struct fields fields;
    int what = 0;
    double most = ex->api->config.max_wait_s;
    fields_from_query(ex, FIELD_JOB, &fields);
    if (fields_number(&fields, "wait", ret_s) && !(*ret_s >= 0))
        fields_fault(&fields, "wait", "wait is a number of seconds");
    fields_choice(&fields, "wait_for", whats, &what);
    TRY(fields_end(&fields));
    *ret_any = what == 1;
    if (*ret_s > most)
        return fault_limit(&ex->fault, "max-wait-s", "/wait", "%.9g seconds are more than %.9g", *ret_s, most);
    return STATUS_OK;
}

static enum status jobs_show(struct exchange *ex)
{
    struct polling *p = ARENA_NEW(ex->arena, struct polling);
    double wait_s = 0;
    p->ex = ex;
    TRY(read_wait(ex, &wait_s, &p->any));
    TRY(jobs_find(ex, &p->job));
    p->until_ms = exchange_clock_ms() + wait_s * 1e3;
    if (!ex->req->takes_stream || ex->req->method == METHOD_HEAD || is_answered(p, &p->job)) {
        answer_job(ex, 200, &p->job);
        return STATUS_OK;
    }
    const struct stream_source source = {poll_work, poll_end, p};
    answer_header(ex, "Cache-Control", "no-store");
    answer_body(ex, 200, "application/json", NULL, 0);
    return stream_begin(ex, &source);
}

enum status jobs_get(struct exchange *ex)
{
    return exchange_long(ex, jobs_show);
}

/* ---- its end ---- */

static enum status jobs_cancel(struct exchange *ex)
{
    struct data_job job;
    TRY(jobs_find(ex, &job));
    TRY(data_job_cancel(ex->api->data, job.id, &ex->fault));
    if (ex->api->job_runner)
        job_runner_cancel(ex->api->job_runner, job.id);
    job_waiters_tell(ex->api->job_waiters, job.id);
    TRY(data_job_get(ex->api->data, job.id, &job, &ex->fault));
    answer_job(ex, 200, &job);
    return STATUS_OK;
}

enum status jobs_delete(struct exchange *ex)
{
    return exchange_long(ex, jobs_cancel);
}
