/* A file through equalisers: one minute of stereo in 16 bits and 8 peak EQs, by one curl from a warm server, beside
 * sox and ffmpeg doing the same from file to file where they are installed. All are timed from the start of their
 * process to its end, in turn. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/host.h"
#include "server/http_client.h"

enum { RATE = 48000, SECONDS = 60, FRAMES = RATE * SECONDS, PASSES = 15, EQS = 8, COMMAND = 2048, HEADER = 44 };

static void put32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

/* Noise at a tenth of full scale: the boosts do not clip. */
static bool write_wav(const char *path)
{
    size_t size = HEADER + (size_t)FRAMES * 4;
    uint8_t *bytes = malloc(size);
    static const uint8_t format[] = {16, 0, 0, 0, 1, 0, 2, 0, 0x80, 0xbb, 0, 0, 0, 0xee, 2, 0, 4, 0, 16, 0};
    uint32_t seed = 1;
    if (!bytes)
        return false;
    memcpy(bytes, "RIFF....WAVEfmt ", 16);
    put32(bytes + 4, (uint32_t)size - 8);
    memcpy(bytes + 16, format, sizeof format);
    memcpy(bytes + 36, "data", 4);
    put32(bytes + 40, FRAMES * 4);
    for (size_t i = HEADER; i < size; i += 2) {
        seed = seed * 1664525 + 1013904223;
        int v = (int32_t)seed / 655360;
        bytes[i] = (uint8_t)v;
        bytes[i + 1] = (uint8_t)(v >> 8);
    }
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    free(bytes);
    return f && fclose(f) == 0 && ok;
}

static void graph_text(char *to)
{
    int n = sprintf(to, "{\"nodes\":{");
    for (int i = 0; i < EQS; i++) {
        char in[16] = "in";
        if (i)
            snprintf(in, sizeof in, "eq%d", i - 1);
        n += sprintf(to + n, "%s\"eq%d\":{\"op\":\"peak\",\"in\":\"%s\",\"freq\":%d,\"q\":1,\"gain_db\":%d}",
                     i ? "," : "", i, in, 60 << i, i % 2 ? 3 : -3);
    }
    sprintf(to + n, "},\"output\":\"eq7\"}");
}

static void sox_command(char *to, const char *dir)
{
    int n = sprintf(to, "sox -V1 -D %s/in.wav %s/sox.wav", dir, dir);
    for (int i = 0; i < EQS; i++)
        n += sprintf(to + n, " equalizer %d 1q %d", 60 << i, i % 2 ? 3 : -3);
}

static void ffmpeg_command(char *to, const char *dir)
{
    int n = sprintf(to, "ffmpeg -v error -nostdin -y -i %s/in.wav -af ", dir);
    for (int i = 0; i < EQS; i++)
        n += sprintf(to + n, "%sequalizer=f=%d:t=q:w=1:g=%d", i ? "," : "", 60 << i, i % 2 ? 3 : -3);
    sprintf(to + n, " -c:a pcm_s16le %s/ffmpeg.wav", dir);
}

static double timed(const char *command)
{
    double start = bench_now();
    return system(command) == 0 ? (bench_now() - start) * 1e3 : -1;
}

static bool is_installed(const char *program)
{
    char command[64];
    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}

/* The samples of a WAV; NULL when there is none. */
static int16_t *samples_of(const char *dir, const char *name, size_t *ret_n)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s.wav", dir, name);
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(HEADER * 4 + (size_t)FRAMES * 4);
    size_t n = f && bytes ? fread(bytes, 1, HEADER * 4 + (size_t)FRAMES * 4, f) : 0, at = 12;
    if (f)
        fclose(f);
    while (at + 8 <= n && memcmp(bytes + at, "data", 4) != 0)
        at += 8 + (bytes[at + 4] | (size_t)bytes[at + 5] << 8);
    *ret_n = at + 8 <= n ? (n - at - 8) / 2 : 0;
    if (*ret_n)
        memmove(bytes, bytes + at + 8, *ret_n * 2);
    return (int16_t *)(void *)bytes;
}

/* The greatest difference between two of the answers, in steps of 16 bits; -1 when one is short. */
static double difference(const char *dir, const char *a, const char *b)
{
    size_t n, m;
    int16_t *x = samples_of(dir, a, &n), *y = samples_of(dir, b, &m);
    int worst = n == (size_t)FRAMES * 2 && m == n ? 0 : -1;
    for (size_t i = 0; i < n && worst >= 0; i++)
        worst = abs(x[i] - y[i]) > worst ? abs(x[i] - y[i]) : worst;
    free(x);
    free(y);
    return worst;
}

static bool post_graph(int port, char ret_id[64])
{
    char text[COMMAND];
    struct http_client *c = http_client_open("127.0.0.1", port);
    struct http_answer a = {0};
    graph_text(text);
    bool ok = c && !http_client_send(c, "POST", "/graphs", "Content-Type: application/json\r\n", text, strlen(text)) &&
              !http_client_receive(c, &a) && a.status / 100 == 2;
    const char *id = ok ? strstr(a.body, "\"id\"") : NULL;
    ok = id && sscanf(id, "\"id\":%*[ ]\"%63[0-9a-f]", ret_id) + sscanf(id, "\"id\":\"%63[0-9a-f]", ret_id) > 0;
    http_client_close(c);
    return ok;
}

/* curl -T sends the file while it reads it, --data-binary when it has read it. */
enum { OURS, WHOLE, SOX, FFMPEG, PEERS };
static const char *const names[PEERS] = {"sinter", "data-binary", "sox", "ffmpeg"};

static void curl_command(char *to, int peer, const char *dir, int port, const char *id)
{
    snprintf(to, COMMAND,
             "curl -sSf -o %s/%s.wav -H 'Content-Type: audio/wav' %s%s/in.wav "
             "'http://127.0.0.1:%d/process?graph=%s&bits=16'",
             dir, names[peer], peer == OURS ? "-X POST -T " : "--data-binary @", dir, port, id);
}

static void run(struct bench *b, const char *dir, int port, const char *id)
{
    char commands[PEERS][COMMAND];
    double times[PEERS][PASSES];
    bool here[PEERS] = {true, true, is_installed("sox"), is_installed("ffmpeg")};
    curl_command(commands[OURS], OURS, dir, port, id);
    curl_command(commands[WHOLE], WHOLE, dir, port, id);
    sox_command(commands[SOX], dir);
    ffmpeg_command(commands[FFMPEG], dir);
    for (int i = 0; i < 3; i++) { /* warm: the kernel is compiled beside the first */
        if (timed(commands[OURS]) < 0) {
            bench_failed(b, "curl does not get an answer", NULL);
            return;
        }
        sleep(1);
    }
    for (int i = 0; i < PASSES; i++)
        for (int k = 0; k < PEERS; k++)
            if (here[k] && (times[k][i] = timed(commands[k])) < 0) {
                bench_failed(b, names[k], NULL);
                here[k] = false;
            }
    if (!here[OURS])
        return;
    double ours = bench_median(times[OURS], PASSES);
    bench_figure(b, "60 s of stereo, 8 EQs, one curl -T, p50", ours, "ms", BAR_AT_MOST, 60);
    bench_figure(b, "  its fastest", times[OURS][0], "ms", BAR_NONE, 0);
    for (int k = WHOLE; k < PEERS; k++) {
        char what[64];
        if (!here[k])
            continue;
        snprintf(what, sizeof what, "  the same by %s, p50", names[k]);
        bench_figure(b, what, bench_median(times[k], PASSES), "ms", BAR_NONE, 0);
        snprintf(what, sizeof what, "  greatest difference from %s", names[k]);
        bench_figure(b, what, difference(dir, "sinter", names[k]), "steps", BAR_NONE, 0);
    }
}

void bench_eqfile(struct bench *b)
{
    char dir[] = "/tmp/sinter-eqfile-XXXXXX", path[64], command[64], id[64];
    struct host host;
    if (!mkdtemp(dir) || !host_start(&host, NULL, NULL, NULL)) {
        bench_failed(b, "no server or no directory", NULL);
        return;
    }
    snprintf(path, sizeof path, "%s/in.wav", dir);
    if (write_wav(path) && post_graph(host.port, id))
        run(b, dir, host.port, id);
    else
        bench_failed(b, "no file or no graph", NULL);
    host_stop(&host, false);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", dir);
}
