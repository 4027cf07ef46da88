/* libFuzzer: any JSON as a graph that is lowered, optimised, planned and interpreted, as an image and as audio, in
 * blocks too. Two instruction sets must give the same bytes, or the same refusal.
 *     ./dev fuzz graph 60 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FRAMES = 300 };

/* What both make of it is the same. */
static void compare(const struct host_ask *ask)
{
    struct api_response a = host_ask(host_api(0), ask), b = host_ask(host_api(1), ask);
    bool late = a.http_status == 503 || b.http_status == 503; /* a deadline */
    if (!late) {
        host_require(a.http_status == b.http_status && a.body_size == b.body_size);
        host_require(!a.body_size || !memcmp(a.body, b.body, a.body_size));
    }
    api_response_done(&a);
    api_response_done(&b);
}

/* {"graph": INPUT, MORE} */
static void ask_with(const char *path, const uint8_t *data, size_t n, const char *more)
{
    static const char before[] = "{\"graph\":";
    size_t n_before = sizeof before - 1, n_more = strlen(more);
    char *body = malloc(n_before + n + n_more);
    host_require(body);
    memcpy(body, before, n_before);
    memcpy(body + n_before, data, n);
    memcpy(body + n_before + n, more, n_more);
    compare(&(struct host_ask){
        .method = METHOD_POST, .path = path, .type = "application/json", .body = body, .size = n_before + n + n_more});
    free(body);
}

/* The graph beside audio, as a part of a multipart body. */
static void ask_with_audio(const uint8_t *data, size_t n)
{
    static const char before[] = "--c\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{\"graph\":",
                      between[] = ",\"rate\":48000,\"channels\":2,\"format\":\"f32le\"}\r\n--c\r\nContent-Disposition: "
                                  "form-data; name=\"audio\"\r\n"
                                  "Content-Type: application/octet-stream\r\n\r\n",
                      after[] = "\r\n--c--\r\n";
    size_t audio = FRAMES * 2 * sizeof(float), size = sizeof before + sizeof between + sizeof after - 3 + n + audio;
    char *body = malloc(size), *at = body;
    float samples[FRAMES * 2];
    uint64_t seed = 7;
    host_require(body);
    for (int i = 0; i < FRAMES * 2; i++)
        samples[i] = (float)host_random(&seed) * 0x1p-31f - 1;
    at = (char *)memcpy(at, before, sizeof before - 1) + sizeof before - 1;
    at = (char *)memcpy(at, data, n) + n;
    at = (char *)memcpy(at, between, sizeof between - 1) + sizeof between - 1;
    at = (char *)memcpy(at, samples, audio) + audio;
    memcpy(at, after, sizeof after - 1);
    compare(&(struct host_ask){.method = METHOD_POST,
                               .path = "/process",
                               .type = "multipart/form-data; boundary=c",
                               .body = body,
                               .size = size});
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n > 16384)
        return 0;
    ask_with("/render", data, n, ",\"width\":37,\"height\":3,\"format\":\"f32\"}");
    ask_with("/process", data, n, ",\"rate\":48000,\"channels\":1,\"seconds\":0.006,\"format\":\"f32le\"}");
    ask_with_audio(data, n);
    return 0;
}
