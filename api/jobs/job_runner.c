/* See job_runner.h. */
#include "api/jobs/job_runner.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/access/access.h"
#include "api/data/data_store.h"
#include "api/jobs/job_item.h"
#include "api/jobs/job_waiters.h"
#include "api/json/json_write.h"
#include "api/load/admission.h"
#include "api/room.h"

/* While one of two puts a result on disk, the other runs the next item. */
enum { NICE = 19, LOOK_MS = 1000, RETRY_MS = 300, SEATS_A_SLOT = 2 };

/* A thread and what it runs. */
struct seat {
    struct job_runner *runner;
    pthread_t thread;
    char job[DATA_JOB_ID]; /* "": nothing */
    bool in_slot;
    atomic_bool cancelled;
};

struct job_runner {
    struct api *api;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_cond_t slot_left;
    int slots; /* items that may run beside those that do */
    uint64_t told;
    atomic_bool ending;
    int n;
    struct seat seats[];
};

static void enter_slot(struct seat *seat)
{
    struct job_runner *r = seat->runner;
    pthread_mutex_lock(&r->lock);
    while (!r->slots)
        pthread_cond_wait(&r->slot_left, &r->lock);
    r->slots--;
    seat->in_slot = true;
    pthread_mutex_unlock(&r->lock);
}

static void leave_slot(struct seat *seat)
{
    struct job_runner *r = seat->runner;
    if (!seat->in_slot)
        return;
    pthread_mutex_lock(&r->lock);
    r->slots++;
    seat->in_slot = false;
    pthread_cond_signal(&r->slot_left);
    pthread_mutex_unlock(&r->lock);
}

/* ---- a result into the store ---- */

static const char *headers_of(const struct api_response *res, struct arena *a)
{
    struct json_writer w;
    json_writer_init(&w, a);
    json_object(&w, NULL);
    for (size_t i = 0; i < res->n_headers; i++)
        if (strcmp(res->headers[i].name, "Content-Type") != 0)
            json_string(&w, res->headers[i].name, res->headers[i].value);
    if (res->format)
        json_string(&w, "format", res->format);
    json_object_end(&w);
    return w.text.s;
}

static const char *type_of(const struct api_response *res)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (!strcmp(res->headers[i].name, "Content-Type"))
            return res->headers[i].value;
    return NULL;
}

static enum status upload(struct data_store *data, const char *owner, const struct api_response *res,
                          struct data_upload **ret, struct fault *fault)
{
    const char *body = res->body;
    TRY(data_upload_new(data, DATA_RESULT, owner, ret, fault));
    for (size_t at = 0, n; at < res->body_size; at += n) {
        n = res->body_size - at < DATA_PIECE ? res->body_size - at : DATA_PIECE;
        TRY(data_upload_add(*ret, body + at, n, fault));
    }
    return STATUS_OK;
}

/* The answer becomes the item's result. */
static enum status keep(struct seat *seat, const struct data_item *item, const struct api_response *res,
                        struct data_upload **upload_of, struct fault *fault)
{
    struct data_store *data = seat->runner->api->data;
    struct data_outcome outcome = {.http_status = res->http_status,
                                   .content_type = type_of(res),
                                   .headers = headers_of(res, fault->arena),
                                   .body = res->body,
                                   .n = res->body_size};
    if (res->body_size > DATA_PIECE) {
        TRY(upload(data, item->owner, res, upload_of, fault));
        outcome.body = NULL;
        outcome.n = 0;
        outcome.upload = *upload_of;
    }
    return data_item_end(data, item, &outcome, fault);
}

/* There is no room for this result, and a small one fits. */
static const char *limit_of_room(const char *limit)
{
    static const char *const names[] = {"max-results-bytes", "max-client-share"};
    for (size_t i = 0; limit && i < sizeof names / sizeof *names; i++)
        if (!strcmp(limit, names[i]))
            return names[i];
    return NULL;
}

static enum status try_keep(struct seat *seat, const struct data_item *item, const struct api_response *res,
                            const char **ret_limit, char *ret_why, size_t why_size)
{
    struct arena *a = arena_new(seat->runner->api->config.max_arena);
    struct data_upload *volatile upload_of = NULL;
    volatile enum status status = STATUS_NO_MEMORY;
    struct fault fault;
    if (a && !ARENA_GUARD(a)) {
        struct data_upload *u = NULL;
        fault_init(&fault, a);
        status = keep(seat, item, res, &u, &fault);
        upload_of = u;
        *ret_limit = limit_of_room(fault.limit);
        snprintf(ret_why, why_size, "%s", fault.count ? fault.items[0].detail : "there is no memory for it");
    }
    data_upload_free(upload_of);
    arena_free(a);
    return status;
}

/* ---- one item ---- */

static bool is_unwanted(const struct api_request *req)
{
    const struct seat *seat = req->user;
    return atomic_load_explicit(&seat->cancelled, memory_order_relaxed) ||
           atomic_load_explicit(&seat->runner->ending, memory_order_relaxed);
}

/* False: the server ends. */
static bool pause_a_while(struct job_runner *r)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->ending))
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
    pthread_mutex_unlock(&r->lock);
    return !atomic_load(&r->ending);
}

static void give_back(struct seat *seat, const struct data_item *item)
{
    struct arena *a = arena_new(FAULT_MAX * 1024);
    struct fault fault;
    if (a && !ARENA_GUARD(a)) {
        fault_init(&fault, a);
        if (data_item_return(seat->runner->api->data, item, &fault) != STATUS_OK)
            (void)fault; /* it waits again when the next server starts */
    }
    arena_free(a);
}

static struct client owner_of(const struct api *api, const struct data_item *item)
{
    return (struct client){
        .id = item->owner, .roles = ROLES_ALL, .quota_seconds = access_quota_seconds(api->access, item->owner)};
}

/* Asks the item's route, or for a problem that says why not. */
static void ask(struct seat *seat, const struct data_item *item, const struct job_item *read,
                const struct api_batch *outcome, struct api_response *res)
{
    struct api *api = seat->runner->api;
    struct client client = owner_of(api, item);
    struct api_batch batch = *outcome;
    job_item_batch(read, &batch);
    batch.client = &client;
    batch.max_ms = api->config.max_item_ms;
    struct api_request req = job_item_request(read, &batch, item->request, item->n);
    req.client_gone = is_unwanted;
    req.user = seat;
    if (api_begin(api, &req, res) == API_LONG)
        api_finish(api, &req, res);
}

static void count(struct api *api, int http_status)
{
    atomic_fetch_add(http_status < 400 ? &api->items_done : &api->items_failed, 1);
}

/* While the disk fails the result is kept in memory and tried again. */
static void end_item(struct seat *seat, const struct data_item *item, const struct job_item *read,
                     struct api_response *res)
{
    char why[512];
    const char *limit = NULL;
    bool small = false;
    enum status status;
    while ((status = try_keep(seat, item, res, &limit, why, sizeof why)) != STATUS_OK) {
        if (limit && !small) {
            struct api_batch batch = {.failure = status, .why = why, .limit = limit};
            small = true;
            api_response_done(res);
            ask(seat, item, read, &batch, res);
        } else if (!pause_a_while(seat->runner)) {
            give_back(seat, item);
            return;
        }
    }
    count(seat->runner->api, res->http_status);
}

static void run_read(struct seat *seat, const struct data_item *item, const struct job_item *read)
{
    struct api_response res;
    struct api_batch batch = {.failure = STATUS_OK};
    if (item->attempts > DATA_ATTEMPTS) {
        batch.failure = STATUS_INTERNAL;
        batch.why = "the server ended without warning each time it ran this item; it is not tried again";
    }
    ask(seat, item, read, &batch, &res);
    leave_slot(seat);
    if (res.http_status == status_http(STATUS_CLIENT_GONE))
        give_back(seat, item);
    else
        end_item(seat, item, read, &res);
    api_response_done(&res);
}

static void run_item(struct seat *seat, const struct data_item *item)
{
    struct api *api = seat->runner->api;
    struct arena *a = arena_new(api->config.max_arena);
    struct job_item read = {.path = "/render"};
    struct fault fault;
    if (a && !ARENA_GUARD(a)) {
        fault_init(&fault, a);
        if (job_item_read(item->request, item->n, &api->config, a, &read, &fault) == STATUS_OK)
            run_read(seat, item, &read);
        else /* limits have become narrower: the route says it again */
            run_read(seat, item, &(struct job_item){.path = read.path});
    } else {
        give_back(seat, item);
        pause_a_while(seat->runner);
    }
    arena_free(a);
}

/* ---- threads ---- */

/* False: nothing, or the store cannot say. */
static bool lease(struct seat *seat, struct data_item *ret)
{
    struct arena *a = arena_new(FAULT_MAX * 1024);
    volatile uint32_t got = 0;
    struct fault fault;
    if (a && !ARENA_GUARD(a)) {
        uint32_t n = 0;
        fault_init(&fault, a);
        if (data_items_lease(seat->runner->api->data, ret, 1, &n, &fault) == STATUS_OK)
            got = n;
    }
    arena_free(a);
    return got;
}

/* Waits until something is told, or a while. */
static void wait_for_work(struct job_runner *r, uint64_t told)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->ending) && r->told == told)
        if (pthread_cond_timedwait(&r->changed, &r->lock, &until))
            break;
    pthread_mutex_unlock(&r->lock);
}

static uint64_t told_now(struct job_runner *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t told = r->told;
    pthread_mutex_unlock(&r->lock);
    return told;
}

static void sit(struct seat *seat, const char *job)
{
    pthread_mutex_lock(&seat->runner->lock);
    snprintf(seat->job, sizeof seat->job, "%s", job);
    atomic_store(&seat->cancelled, false);
    pthread_mutex_unlock(&seat->runner->lock);
}

/* An owner who has used up his quota waits, and others' items go on meanwhile. */
static bool may_run(struct seat *seat, const struct data_item *item)
{
    struct api *api = seat->runner->api;
    const struct client owner = owner_of(api, item);
    if (!(admission_client_wait_s(api, &owner) > 0))
        return true;
    leave_slot(seat);
    pause_a_while(seat->runner);
    enter_slot(seat);
    if (!(admission_client_wait_s(api, &owner) > 0))
        return true;
    give_back(seat, item);
    return false;
}

static void *work(void *user)
{
    struct seat *seat = user;
    struct job_runner *r = seat->runner;
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* refused: then at the others' */
    while (!atomic_load(&r->ending)) {
        struct data_item item;
        enter_slot(seat);
        uint64_t told = told_now(r);
        if (atomic_load(&r->ending) || !lease(seat, &item)) {
            leave_slot(seat);
            wait_for_work(r, told);
            continue;
        }
        sit(seat, item.job);
        job_waiters_tell(r->api->job_waiters, item.job);
        if (may_run(seat, &item))
            run_item(seat, &item);
        leave_slot(seat);
        sit(seat, "");
        job_waiters_tell(r->api->job_waiters, item.job);
        data_item_done(&item);
    }
    return NULL;
}

enum status job_runner_new(struct api *api, int threads, struct job_runner **ret, struct fault *fault)
{
    int seats = threads * SEATS_A_SLOT;
    struct job_runner *r = calloc(1, sizeof *r + (size_t)seats * sizeof *r->seats);
    pthread_condattr_t clock;
    if (!r)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the jobs' threads");
    r->api = api;
    r->slots = threads;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &clock);
    pthread_condattr_destroy(&clock);
    pthread_cond_init(&r->slot_left, NULL);
    for (; r->n < seats; r->n++) {
        r->seats[r->n].runner = r;
        if (pthread_create(&r->seats[r->n].thread, NULL, work, &r->seats[r->n])) {
            job_runner_free(r);
            return fault_add(fault, STATUS_INTERNAL, "", 0, "cannot start %d threads for jobs", seats);
        }
    }
    *ret = r;
    return STATUS_OK;
}

void job_runner_end(struct job_runner *r)
{
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->ending, true);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void job_runner_free(struct job_runner *r)
{
    if (!r)
        return;
    job_runner_end(r);
    for (int i = 0; i < r->n; i++)
        pthread_join(r->seats[i].thread, NULL);
    pthread_cond_destroy(&r->slot_left);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void job_runner_tell(struct job_runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->told++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void job_runner_cancel(struct job_runner *r, const char *job)
{
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n; i++)
        if (!strcmp(r->seats[i].job, job))
            atomic_store(&r->seats[i].cancelled, true);
    pthread_mutex_unlock(&r->lock);
}
