/* labels: http */
/* One line a request, bounded, and never in anybody's way. */
#include "tests/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json/json.h"
#include "tests/support/raw.h"
#include "tests/support/server_child.h"

#define RAW(text) text, sizeof text - 1

static struct raw_reply reply;

/* A server that logs to `fd`. */
static struct child start(int fd, const char *const *arguments)
{
    int kept = dup(STDERR_FILENO);
    setenv("TEST_LOG", "1", 1);
    dup2(fd, STDERR_FILENO);
    struct child c = child_start(arguments);
    dup2(kept, STDERR_FILENO);
    close(kept);
    unsetenv("TEST_LOG");
    return c;
}

/* The lines of requests, joined. */
static const char *lines_of(FILE *log)
{
    static char text[1 << 20];
    char line[4096];
    size_t n = 0;
    rewind(log);
    while (fgets(line, sizeof line, log))
        if (strstr(line, "\"event\":\"request\"") && n + strlen(line) < sizeof text)
            n += (size_t)sprintf(text + n, "%s", line);
    text[n] = 0;
    return text;
}

static void expect(const char *lines, const char *piece)
{
    if (!strstr(lines, piece))
        fail_msg("%s is not in\n%s", piece, lines);
}

static void a_line_tells_who_asked_for_what_and_how_it_went(void **state)
{
    (void)state;
    const char *const arguments[] = {"--access-log", "1", "--trusted-proxies", "127.0.0.1", NULL};
    FILE *log = tmpfile();
    struct child c = start(fileno(log), arguments);
    raw_exchange(c.port,
                 RAW("GET /render?expr=x*y&width=8&height=8 HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\n"
                     "X-Forwarded-For: 192.0.2.1, 203.0.113.7\r\nConnection: close\r\n"
                     "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"),
                 2000, &reply);
    assert_int_equal(reply.status, 200);
    expect(reply.text, "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
    raw_exchange(c.port,
                 RAW("GET /a%22%0e HTTP/1.1\r\nHost: a\r\nX-Request-Id: two\r\ntraceparent: 00-x\r\n"
                     "Connection: close\r\n\r\n"),
                 2000, &reply);
    assert_int_equal(reply.status, 400);
    assert_null(strstr(reply.text, "traceparent"));
    assert_int_equal(child_stop(&c), 0);
    const char *lines = lines_of(log);
    expect(lines, "\"id\":\"one\",\"peer\":\"203.0.113.7\",\"client\":\"addr:203.0.113.7\",\"method\":\"GET\","
                  "\"path\":\"/render\",\"route\":\"/render\",\"status\":200,\"ms\":");
    expect(lines, "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"engine\":\"interp\"");
    expect(lines, ",\"exec\":");
    assert_null(strstr(lines, "width")); /* queries may hold secrets */
    expect(lines, "\"id\":\"two\",\"peer\":\"127.0.0.1\"");
    expect(lines, "\"status\":400");
    fclose(log);
}

static void lines_beyond_the_rate_are_counted(void **state)
{
    (void)state;
    enum { ASKED = 40 };
    const char *const arguments[] = {"--access-log", "1", "--max-log-lines", "5", NULL};
    FILE *log = tmpfile();
    struct child c = start(fileno(log), arguments);
    for (int i = 0; i < ASKED; i++)
        raw_exchange(c.port, RAW("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 2000, &reply);
    pause_ms(300);
    raw_exchange(c.port, RAW("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 2000, &reply);
    assert_int_equal(child_stop(&c), 0);
    int lines = 0, counted = 0;
    for (const char *at = lines_of(log); *at; at = strchr(at, '\n') + 1) {
        const char *suppressed = strstr(at, "\"suppressed\":");
        lines++;
        if (suppressed && suppressed < strchr(at, '\n'))
            counted += atoi(suppressed + strlen("\"suppressed\":"));
    }
    assert_in_range(lines, 5, 35);
    assert_int_equal(lines + counted, ASKED + 1);
    fclose(log);
}

/* Is the line an object, and are "status" and "out" in it? */
static void is_whole(const char *line, size_t n, struct arena *a)
{
    struct fault fault;
    struct datum *root;
    const struct json_limits limits = {.max_bytes = n, .max_depth = 2};
    fault_init(&fault, a);
    if (json_read(line, n, &limits, a, &root, &fault) != STATUS_OK || !datum_get(root, "status") ||
        !datum_get(root, "out"))
        fail_msg("a line lacks something: %.*s", (int)n, line);
}

static void a_line_is_whole_whatever_clients_send(void **state)
{
    (void)state;
    enum { ASKED = 64 };
    const char *const arguments[] = {"--access-log", "1", NULL}, *const pieces[] = {"a", "%22", "%C3%BC", "%5C"};
    FILE *log = tmpfile();
    struct child c = start(fileno(log), arguments);
    for (int i = 0; i < ASKED; i++) {
        static char request[1 << 15];
        int times = i < 32 ? 440 + i : 60 * i; /* about what one text may have, and about what a line may */
        size_t n = 0;
        for (int k = 0; k < (i % 2 ? times : 3); k++)
            n += (size_t)sprintf(request + n, "G");
        n += (size_t)sprintf(request + n, " /");
        for (int k = 0; k < times; k++)
            n += (size_t)sprintf(request + n, "%s", pieces[i / 2 % 4]);
        n += (size_t)sprintf(request + n, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        raw_exchange(c.port, request, n, 2000, &reply);
    }
    assert_int_equal(child_stop(&c), 0);
    int lines = 0;
    struct arena *a = arena_new(16 << 20);
    for (const char *at = lines_of(log), *end; (end = strchr(at, '\n')); at = end + 1, lines++)
        is_whole(at, (size_t)(end - at), a);
    assert_int_equal(lines, ASKED);
    arena_free(a);
    fclose(log);
}

static void nobody_waits_for_a_reader_that_does_not_read(void **state)
{
    (void)state;
    enum { ASKED = 1500 }; /* more than a pipe holds */
    const char *const arguments[] = {"--access-log", "1", "--max-log-lines", "1000000", NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct child c = start(ends[1], arguments);
    for (int i = 0; i < ASKED / 10; i++) {
#define ASK "GET /livez HTTP/1.1\r\nHost: a\r\n"
        raw_exchange(c.port,
                     RAW(ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK "\r\n" ASK
                             "\r\n" ASK "Connection: close\r\n\r\n"),
                     2000, &reply);
        if (!reply.closed || reply.status != 200)
            fail_msg("no answer after %d requests", 10 * i);
    }
    assert_int_equal(child_stop(&c), 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_who_asked_for_what_and_how_it_went),
        cmocka_unit_test(lines_beyond_the_rate_are_counted),
        cmocka_unit_test(a_line_is_whole_whatever_clients_send),
        cmocka_unit_test(nobody_waits_for_a_reader_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
