/* See compiler.h. One thread a worker: it keeps the process alive, takes jobs and waits for answers. */
#include "jit/compiler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "jit/thread.h"
#include "jit/worker.h"

enum {
    IDLE_CHECK_MS = 2000, /* how soon the death of an idle worker is noticed */
    BACKOFF_MAX_MS = 30000,
    TEXT_ARENA_MAX = 512 << 20,
};

enum seat_state { SEAT_STARTING, SEAT_READY, SEAT_DOWN };

/* A thread and the process it keeps. */
struct seat {
    struct compiler *c;
    pthread_t thread;
    enum seat_state state; /* under the lock */
    unsigned failures;     /* in a row */
    struct worker worker;
};

struct compiler {
    struct compiler_config config;
    char *path;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct compile_job *first, **last;
    uint32_t queued;
    double queue_cost_ms;
    bool stopping;
    int stop_fd; /* eventfd, readable for ever once we stop */
    struct seat *seats;
    int n_seats;
    uint64_t crashes, timeouts, restarts;
};

__attribute__((format(printf, 3, 4))) static void say(struct compiler *c, int level, const char *format, ...)
{
    char message[256];
    va_list ap;
    if (!c->config.log)
        return;
    va_start(ap, format);
    vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    c->config.log(level, message, c->config.user);
}

/* The queue; under the lock. */

static void push(struct compiler *c, struct compile_job *job)
{
    job->next = NULL;
    *c->last = job;
    c->last = &job->next;
    c->queued++;
    c->queue_cost_ms += job->cost_ms;
    pthread_cond_broadcast(&c->wake);
}

static struct compile_job *pop(struct compiler *c)
{
    struct compile_job *job = c->first;
    if (!job)
        return NULL;
    c->first = job->next;
    if (!c->first)
        c->last = &c->first;
    c->queue_cost_ms = --c->queued ? c->queue_cost_ms - job->cost_ms : 0;
    return job;
}

static bool all_down(const struct compiler *c)
{
    for (int i = 0; i < c->n_seats; i++) {
        if (c->seats[i].state != SEAT_DOWN)
            return false;
    }
    return true;
}

/* Ends every waiting job; takes and gives back the lock around each. */
static void drop_queue(struct compiler *c)
{
    static const struct compile_result dropped = {.outcome = COMPILE_DROPPED};
    for (struct compile_job *job; (job = pop(c)) != NULL;) {
        pthread_mutex_unlock(&c->lock);
        job->done(job, &dropped);
        pthread_mutex_lock(&c->lock);
    }
}

/* Starting; called with the lock held, which is given up meanwhile. */
static bool start(struct seat *seat)
{
    struct compiler *c = seat->c;
    pthread_mutex_unlock(&c->lock);
    enum worker_outcome o =
        worker_start(&seat->worker, c->path, c->config.sandbox, c->stop_fd, (int)c->config.start_ms);
    if (o == WORKER_OK && c->config.ready)
        c->config.ready(seat->worker.compiler, seat->worker.sandbox, c->config.user);
    pthread_mutex_lock(&c->lock);
    if (o == WORKER_OK) {
        if (seat->state == SEAT_DOWN)
            say(c, LOG_NOTICE, "compile worker runs again: %s", c->path);
        seat->state = SEAT_READY;
        return true;
    }
    if (o != WORKER_STOPPED && seat->state != SEAT_DOWN) {
        say(c, LOG_WARNING, "compile worker cannot be started, graphs are interpreted meanwhile: %s: %s", c->path,
            o == WORKER_ABSENT ? "not found or not executable"
            : o == WORKER_LATE ? "does not get ready"
                               : "ends at once");
        seat->state = SEAT_DOWN;
    }
    seat->failures++;
    if (all_down(c))
        drop_queue(c);
    return false;
}

/* How long to wait after so many failures in a row. The first costs nothing. */
static uint32_t backoff_ms(const struct seat *seat)
{
    if (seat->failures < 2)
        return 0;
    unsigned shift = seat->failures - 2;
    uint64_t ms = (uint64_t)seat->c->config.backoff_ms << (shift < 16 ? shift : 16);
    return ms < BACKOFF_MAX_MS ? (uint32_t)ms : BACKOFF_MAX_MS;
}

static void sleep_until(struct compiler *c, int64_t deadline_ms)
{
    while (!c->stopping && cond_wait_until(&c->wake, &c->lock, deadline_ms))
        ;
}

/* Without the lock. */
static enum worker_outcome ask(struct seat *seat, const struct compile_job *job, struct cc_header *ret_head,
                               char **ret_payload)
{
    struct compiler *c = seat->c;
    struct arena *a = arena_new(TEXT_ARENA_MAX);
    enum worker_outcome o = WORKER_DEAD;
    if (!a)
        return o;
    if (!ARENA_GUARD(a)) {
        const char *text = ir_print(job->ir, a);
        o = worker_ask(&seat->worker, job->target, job->assembly ? CC_ASSEMBLY : 0, text, c->stop_fd,
                       (int)c->config.timeout_ms, ret_head, ret_payload);
    }
    arena_free(a);
    return o;
}

static bool image_is_sane(const struct compile_job *job, const struct cc_header *head)
{
    return job->assembly || (head->size > 0 && head->size <= IMAGE_MAX && head->entry < head->size);
}

/* Answers the job; without the lock. */
static void answer(struct seat *seat, struct compile_job *job, const struct cc_header *head, char *payload)
{
    struct compile_result r = {
        .outcome = head->kind == CC_IMAGE ? COMPILE_OK : COMPILE_REFUSED,
        .compiler = seat->worker.compiler,
        .image = {.bytes = (const uint8_t *)payload, .size = head->size, .entry = head->entry},
        .reason = payload,
        .compile_ms = head->compile_us / 1e3,
        .admit_ms = head->admit_us / 1e3,
    };
    job->done(job, &r);
}

/* The worker failed under this job; with the lock, given up meanwhile. */
static void strike(struct seat *seat, struct compile_job *job, enum worker_outcome o)
{
    struct compiler *c = seat->c;
    bool late = o == WORKER_LATE;
    c->timeouts += late;
    c->crashes += !late;
    seat->failures++;
    say(c, LOG_WARNING, "a compile worker %s while compiling (%u of %d for this kernel)",
        late ? "passed its deadline" : "died", job->strikes + 1, COMPILE_STRIKES);
    if (++job->strikes < COMPILE_STRIKES) {
        push(c, job);
        return;
    }
    pthread_mutex_unlock(&c->lock);
    job->done(job, &(struct compile_result){.outcome = late ? COMPILE_TIMEOUT : COMPILE_CRASHED});
    pthread_mutex_lock(&c->lock);
}

/* One job from question to answer; with the lock, given up meanwhile. False when the worker is lost. */
static bool serve(struct seat *seat, struct compile_job *job)
{
    struct compiler *c = seat->c;
    struct cc_header head = {0};
    char *payload = NULL;
    pthread_mutex_unlock(&c->lock);
    enum worker_outcome o = ask(seat, job, &head, &payload);
    if (o == WORKER_OK && head.kind == CC_IMAGE && !image_is_sane(job, &head))
        o = WORKER_DEAD;
    if (o == WORKER_OK)
        answer(seat, job, &head, payload);
    free(payload);
    if (o == WORKER_STOPPED)
        job->done(job, &(struct compile_result){.outcome = COMPILE_DROPPED});
    pthread_mutex_lock(&c->lock);
    if (o == WORKER_OK)
        seat->failures = 0;
    else if (o != WORKER_STOPPED)
        strike(seat, job, o);
    return o == WORKER_OK;
}

/* Keeps a ready worker busy until it is lost or used up; with the lock. */
static void work(struct seat *seat)
{
    struct compiler *c = seat->c;
    while (!c->stopping && seat->worker.compiles < c->config.recycle) {
        if (!worker_is_idle(&seat->worker)) {
            say(c, LOG_WARNING, "a compile worker died while idle");
            seat->failures++;
            return;
        }
        struct compile_job *job = pop(c);
        if (!job)
            cond_wait_until(&c->wake, &c->lock, clock_ms() + IDLE_CHECK_MS);
        else if (!serve(seat, job))
            return;
    }
}

static void *seat_run(void *user)
{
    struct seat *seat = user;
    struct compiler *c = seat->c;
    if (seat == c->seats)
        worker_sweep();
    pthread_mutex_lock(&c->lock);
    for (bool again = false; !c->stopping; again = true) {
        if (again)
            c->restarts++;
        if (start(seat)) {
            work(seat);
            pthread_mutex_unlock(&c->lock);
            worker_end(&seat->worker);
            pthread_mutex_lock(&c->lock);
            seat->state = SEAT_STARTING;
        }
        if (backoff_ms(seat))
            sleep_until(c, clock_ms() + backoff_ms(seat));
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct compiler *compiler_new(const struct compiler_config *config)
{
    struct compiler *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->config = *config;
    c->path = strdup(config->path);
    c->last = &c->first;
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->seats = calloc((size_t)(config->workers > 0 ? config->workers : 1), sizeof *c->seats);
    pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->wake);
    if (!c->path || !c->seats || c->stop_fd < 0) {
        compiler_free(c);
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < config->workers; i++) {
        struct seat *seat = &c->seats[c->n_seats];
        *seat = (struct seat){.c = c, .worker = {.fd = -1, .dir_fd = -1, .stat_fd = -1}};
        if (thread_start(&seat->thread, seat_run, seat))
            c->n_seats++;
    }
    pthread_mutex_unlock(&c->lock);
    return c;
}

void compiler_free(struct compiler *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    uint64_t one = 1;
    if (c->stop_fd >= 0 && write(c->stop_fd, &one, sizeof one) < 0)
        say(c, LOG_ERR, "compile workers cannot be told to stop: %s", strerror(errno));
    for (int i = 0; i < c->n_seats; i++)
        pthread_join(c->seats[i].thread, NULL);
    pthread_mutex_lock(&c->lock);
    drop_queue(c);
    pthread_mutex_unlock(&c->lock);
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    free(c->seats);
    free(c->path);
    free(c);
}

bool compiler_submit(struct compiler *c, struct compile_job *job)
{
    pthread_mutex_lock(&c->lock);
    bool taken = !c->stopping && !all_down(c) && c->queued < c->config.queue;
    job->strikes = 0;
    if (taken)
        push(c, job);
    pthread_mutex_unlock(&c->lock);
    return taken;
}

void compiler_stats(struct compiler *c, struct compiler_stats *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = (struct compiler_stats){
        .crashes = c->crashes,
        .timeouts = c->timeouts,
        .restarts = c->restarts,
        .workers = (uint32_t)c->n_seats,
        .queue = c->queued,
        .queue_cost_ms = c->queue_cost_ms,
        .down = all_down(c),
    };
    for (int i = 0; i < c->n_seats; i++)
        ret->ready += c->seats[i].state == SEAT_READY;
    pthread_mutex_unlock(&c->lock);
}
