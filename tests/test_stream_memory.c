/* labels: http slow */
/* 32,768 x 32,768 pixels over a socket: four gigabytes of floats, and a PNG, without the memory for either. Prints what
 * it measures. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/rss.h"
#include "tests/support/server_child.h"

enum { SIDE = 32768, MOST_KB = 64 << 10, PIECE = 1 << 20, TAIL = 1024 };

/* The bytes that come until the server closes; their end in `tail`. */
static uint64_t drain(int fd, char tail[TAIL], size_t *ret_kept)
{
    static char piece[PIECE];
    uint64_t sum = 0;
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, piece + n, sizeof piece - n);
        if (got <= 0)
            break;
        sum += (uint64_t)got;
        n += (size_t)got;
        if (n > sizeof piece / 2) {
            memmove(piece, piece + n - TAIL, TAIL);
            n = TAIL;
        }
    }
    *ret_kept = n < TAIL ? n : TAIL;
    memcpy(tail, piece + n - *ret_kept, *ret_kept);
    return sum;
}

static void grows_little(const char *format, uint64_t least)
{
    char path[256], tail[TAIL];
    struct http_answer a;
    struct child c = child_start(NULL);
    struct http_client *client = child_connect(&c);
    snprintf(path, sizeof path, "/render?expr=abs(x-y)&format=%s&width=64&height=64", format);
    assert_int_equal(http_client_send(client, "GET", path, NULL, NULL, 0), 0); /* the first costs its own */
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_int_equal(a.status, 200);
    long before = rss_kb(c.pid, "VmRSS");
    size_t kept;
    double began = now_s();
    snprintf(path, sizeof path, "/render?expr=abs(x-y)&format=%s&width=%d&height=%d", format, SIDE, SIDE);
    assert_int_equal(http_client_send(client, "GET", path, "Connection: close\r\n", NULL, 0), 0);
    uint64_t bytes = drain(http_client_fd(client), tail, &kept);
    double seconds = now_s() - began;
    long after = rss_kb(c.pid, "VmHWM");
    print_message("32768 x 32768 %s: %.0f MB in %.1f s, the server's memory grew by %.1f MiB, from %.1f\n", format,
                  (double)bytes * 1e-6, seconds, (double)(after - before) / 1024, (double)before / 1024);
    test_figure("gigapixel.memory-grew", (double)(after - before) / 1024, "MiB", "<=64");
    assert_true(bytes >= least);
    static const char trailer[] = "\r\nSinter-Nonfinite: 0\r\n";
    assert_non_null(memmem(tail, kept, trailer, strlen(trailer)));
    assert_true(after - before <= MOST_KB);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

static void a_gigapixel_of_floats_takes_little_memory(void **state)
{
    (void)state;
    grows_little("f32", (uint64_t)SIDE * SIDE * 4);
}

static void a_gigapixel_png_takes_little_memory(void **state)
{
    (void)state;
    grows_little("png", 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gigapixel_of_floats_takes_little_memory),
        cmocka_unit_test(a_gigapixel_png_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
