/* labels: http slow */
/* Two gigabytes of audio in one request, made while they are sent: the server's memory stays what it was. Prints what
 * it measures. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/rss.h"
#include "tests/support/server_child.h"

enum { MOST_KB = 64 << 10, PIECE = 1 << 20, PIECES = 2048 };

/* 16-bit stereo: a ramp on the left, what the right has is of no matter. */
static void make_piece(int16_t *to, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (int16_t)(uint16_t)((at + i) >> 1);
}

static uint64_t sum_of(const int16_t *samples, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + (uint16_t)samples[i];
    return sum;
}

static void put_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);
        assert_true(done > 0);
        bytes += done;
        n -= (size_t)done;
    }
}

static void hours_of_audio_take_little_memory(void **state)
{
    (void)state;
    static const char head[] = "POST /process?expr=in&channels=2&rate=48000&format=s16le HTTP/1.1\r\nHost: t\r\n"
                               "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n"
                               "Connection: close\r\n\r\n";
    static int16_t piece[PIECE / 2];
    char text[32];
    struct http_answer a;
    struct child c = child_start((const char *const[]){"--max-request-ms", "600000", NULL});
    struct http_client *client = child_connect(&c);
    assert_int_equal(http_client_send(client, "POST", "/process?expr=in", "Content-Type: application/octet-stream\r\n",
                                      piece, sizeof piece),
                     0); /* the first costs its own */
    assert_int_equal(http_client_receive(client, &a), 0);
    assert_int_equal(a.status, 200);
    long before = rss_kb(c.pid, "VmRSS");
    int fd = http_client_fd(client);
    uint64_t sent = 0, heard = 0, bytes = 0;
    double began = now_s();
    put_all(fd, head, sizeof head - 1);
    for (uint64_t i = 0; i < PIECES; i++) {
        make_piece(piece, PIECE / 2, i * (PIECE / 2));
        sent = sent * 31 + sum_of(piece, PIECE / 2);
        put_all(fd, text, (size_t)sprintf(text, "%x\r\n", (unsigned)PIECE));
        put_all(fd, (const char *)piece, PIECE);
        put_all(fd, "\r\n", 2);
    }
    put_all(fd, "0\r\n\r\n", 5);
    double uploaded = now_s() - began;
    char answer[4096];
    size_t n = 0;
    while (n < sizeof answer - 1 && !(n >= 4 && !memcmp(answer + n - 4, "\r\n\r\n", 4)))
        assert_int_equal(read(fd, answer + n++, 1), 1);
    answer[n] = 0;
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    for (;;) {
        size_t have = 0;
        ssize_t got = 0;
        while (have < PIECE && (got = read(fd, (char *)piece + have, PIECE - have)) > 0)
            have += (size_t)got;
        bytes += have;
        if (!have)
            break;
        heard = heard * 31 + sum_of(piece, have / 2);
    }
    long after = rss_kb(c.pid, "VmHWM");
    print_message(
        "%.0f MB in, in %.1f s, %.0f MB out, %.1f s in all; the server's memory grew by %.1f MiB, from %.1f\n",
        (double)PIECES * PIECE * 1e-6, uploaded, (double)bytes * 1e-6, now_s() - began, (double)(after - before) / 1024,
        (double)before / 1024);
    test_figure("upload.memory-grew", (double)(after - before) / 1024, "MiB", "<=64");
    assert_true(bytes == (uint64_t)PIECES * PIECE);
    assert_true(heard == sent);
    assert_true(after - before <= MOST_KB);
    http_client_close(client);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hours_of_audio_take_little_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
