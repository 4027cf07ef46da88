/* See log.h. A line is built on the stack and written by one write, so lines of several threads do not mix. */
#include "server/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048, EVENTS = 64, BURST = 20, PER_SECOND = 5 };

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
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct line {
    char text[LINE_SIZE];
    size_t n;
};

void log_set_level(enum log_level most)
{
    atomic_store(&most_level, (int)most);
}

unsigned long log_suppressed(void)
{
    return atomic_load(&suppressed_all);
}

/* Room for the closing brace and line feed is kept. */
static void put(struct line *l, const char *s, size_t n)
{
    size_t room = LINE_SIZE - 4 - l->n;
    if (n > room)
        n = room;
    memcpy(l->text + l->n, s, n);
    l->n += n;
}

static void put_text(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_quoted(struct line *l, const char *s)
{
    put_text(l, "\"");
    for (; *s && l->n + 16 < LINE_SIZE; s++) {
        unsigned char c = (unsigned char)*s;
        char escape[8];
        if (c == '"' || c == '\\')
            put(l, (char[]){'\\', (char)c}, 2);
        else if (c < 0x20 || c >= 0x7f) /* 8-bit bytes too: a client's bytes need not be UTF-8 */
            put(l, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
        else
            put(l, (char[]){(char)c}, 1);
    }
    put_text(l, "\"");
}

static void put_number(struct line *l, double number)
{
    char text[40];
    put(l, text, (size_t)snprintf(text, sizeof text, "%.10g", number));
}

static void put_key(struct line *l, const char *key)
{
    put_text(l, ",");
    put_quoted(l, key);
    put_text(l, ":");
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
    put_text(l, "{\"time\":");
    put_quoted(l, stamp);
    put_key(l, "level");
    put_quoted(l, level_names[level]);
    put_key(l, "event");
    put_quoted(l, event);
}

static void end(struct line *l)
{
    memcpy(l->text + l->n, "}\n", 2);
    /* Where should a failure of the log be logged? */
    ssize_t written = write(STDERR_FILENO, l->text, l->n + 2);
    (void)written;
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
static bool allow(const char *event, unsigned long *ret_suppressed)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double at = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    pthread_mutex_lock(&lock);
    struct allowance *a = allowance_of(event);
    a->tokens += (at - a->at) * PER_SECOND;
    if (a->tokens > BURST)
        a->tokens = BURST;
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
    put_key(&l, "detail");
    put_quoted(&l, detail);
    if (suppressed) {
        put_key(&l, "suppressed");
        put_number(&l, (double)suppressed);
    }
    end(&l);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if ((int)level > atomic_load(&most_level))
        return;
    struct line l;
    begin(&l, level, event);
    for (size_t i = 0; i < n; i++) {
        put_key(&l, fields[i].key);
        if (fields[i].text)
            put_quoted(&l, fields[i].text);
        else
            put_number(&l, fields[i].number);
    }
    end(&l);
}
