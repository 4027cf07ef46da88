/* See log.h. A line is built on the stack and written by one write, so lines of several threads do not mix. Whatever
 * clients send, a line is whole JSON: a text that is too long ends in "...", a pair without room is left out whole. */
#include "server/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048, TEXT_MOST = 480, EVENTS = 64, BURST = 20, PER_SECOND = 5 };

static const char *const level_names[LEVEL_COUNT] = {"error", "warn", "info", "debug"};
static _Atomic int most_level = LEVEL_INFO;
static atomic_ulong suppressed_all;

struct allowance {
    const char *event;
    double tokens;
    double at;
    unsigned long suppressed;
};
static struct allowance allowances[EVENTS];
static struct allowance of_fields = {.event = "", .tokens = 1};
static double fields_per_second = 1000;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct line {
    char text[LINE_SIZE];
    size_t n;
    bool full; /* something had no room */
};

void log_set_level(enum log_level most)
{
    atomic_store(&most_level, (int)most);
}

void log_set_rate(uint32_t lines_per_second)
{
    pthread_mutex_lock(&lock);
    fields_per_second = of_fields.tokens = lines_per_second;
    pthread_mutex_unlock(&lock);
}

unsigned long log_suppressed(void)
{
    return atomic_load(&suppressed_all);
}

/* Room for the closing brace and line feed is kept. */
static void put(struct line *l, const char *s, size_t n)
{
    size_t room = LINE_SIZE - 4 - l->n;
    l->full |= n > room;
    if (n > room)
        n = room;
    memcpy(l->text + l->n, s, n);
    l->n += n;
}

static void put_text(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_escape(struct line *l, unsigned char c)
{
    char escape[8];
    int n = snprintf(escape, sizeof escape, "\\u%04x", c);
    put(l, escape, (size_t)n);
}

/* About `most` bytes at most. */
static void put_quoted(struct line *l, const char *s, size_t most)
{
    size_t end = l->n + most < LINE_SIZE - 16 ? l->n + most : LINE_SIZE - 16;
    put_text(l, "\"");
    for (; *s && l->n < end; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            put(l, (char[]){'\\', (char)c}, 2);
        else if (c < 0x20 || c >= 0x7f) /* 8-bit bytes too: a client's bytes need not be UTF-8 */
            put_escape(l, c);
        else
            put(l, (char[]){(char)c}, 1);
    }
    put_text(l, *s ? "...\"" : "\"");
}

static void put_number(struct line *l, double number)
{
    char text[40];
    put(l, text, (size_t)snprintf(text, sizeof text, "%.10g", number));
}

static void put_key(struct line *l, const char *key)
{
    put_text(l, ",");
    put_quoted(l, key, LINE_SIZE);
    put_text(l, ":");
}

/* text NULL: the number */
static void put_pair(struct line *l, const char *key, const char *text, double number, size_t most)
{
    size_t before = l->n;
    put_key(l, key);
    if (text)
        put_quoted(l, text, most);
    else
        put_number(l, number);
    if (l->full)
        l->n = before;
    l->full = false;
}

static void put_suppressed(struct line *l, unsigned long n)
{
    if (n)
        put_pair(l, "suppressed", NULL, (double)n, 0);
}

static void begin(struct line *l, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    char stamp[48];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);
    l->n = 0;
    l->full = false;
    put_text(l, "{\"time\":");
    put_quoted(l, stamp, LINE_SIZE);
    put_pair(l, "level", level_names[level], 0, LINE_SIZE);
    put_pair(l, "event", event, 0, LINE_SIZE);
}

/* Whoever reads a pipe of ours and does not keep up loses lines, and holds up nobody. One thread at a time, because a
 * pipe that has room for one line need not have it for two. */
static void end(struct line *l)
{
    static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t written = 0;
    memcpy(l->text + l->n, "}\n", 2);
    pthread_mutex_lock(&writing);
    if (poll(&p, 1, 0) != 0)
        written = write(STDERR_FILENO, l->text, l->n + 2); /* where should a failure of the log be logged? */
    pthread_mutex_unlock(&writing);
    if (written <= 0)
        atomic_fetch_add(&suppressed_all, 1);
}

static struct allowance *allowance_of(const char *event)
{
    for (int i = 0; i < EVENTS - 1; i++) {
        if (!allowances[i].event)
            allowances[i] = (struct allowance){.event = event, .tokens = BURST};
        if (!strcmp(allowances[i].event, event))
            return &allowances[i];
    }
    return &allowances[EVENTS - 1];
}

/* False: not now. True: write; `ret_suppressed` lines of this event were left out before. */
static bool allow_by(struct allowance *a, double burst, double per_second, unsigned long *ret_suppressed)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double at = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    a->tokens += (at - a->at) * per_second;
    if (a->tokens > burst)
        a->tokens = burst;
    a->at = at;
    bool yes = a->tokens >= 1;
    if (yes) {
        a->tokens -= 1;
        *ret_suppressed = a->suppressed;
        a->suppressed = 0;
    } else {
        a->suppressed++;
        atomic_fetch_add(&suppressed_all, 1);
    }
    return yes;
}

static bool allow(const char *event, unsigned long *ret_suppressed)
{
    pthread_mutex_lock(&lock);
    bool yes = allow_by(allowance_of(event), BURST, PER_SECOND, ret_suppressed);
    pthread_mutex_unlock(&lock);
    return yes;
}

static bool allow_fields(unsigned long *ret_suppressed)
{
    pthread_mutex_lock(&lock);
    bool yes = allow_by(&of_fields, fields_per_second, fields_per_second, ret_suppressed);
    pthread_mutex_unlock(&lock);
    return yes;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    unsigned long suppressed = 0;
    if ((int)level > atomic_load(&most_level) || !allow(event, &suppressed))
        return;
    char detail[LINE_SIZE / 2];
    va_list ap;
    va_start(ap, format);
    vsnprintf(detail, sizeof detail, format, ap);
    va_end(ap);
    struct line l;
    begin(&l, level, event);
    put_pair(&l, "detail", detail, 0, LINE_SIZE - 256); /* room for what was suppressed */
    put_suppressed(&l, suppressed);
    end(&l);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    unsigned long suppressed = 0;
    if ((int)level > atomic_load(&most_level) || !allow_fields(&suppressed))
        return;
    struct line l;
    begin(&l, level, event);
    for (size_t i = 0; i < n; i++)
        put_pair(&l, fields[i].key, fields[i].text, fields[i].number, TEXT_MOST);
    put_suppressed(&l, suppressed);
    end(&l);
}
