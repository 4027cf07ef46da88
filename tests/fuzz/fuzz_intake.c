/* libFuzzer: any bytes as the audio of a request: whole, and in pieces as a connection gives them. The answers are the
 * same. The first byte chooses the request, the second the pieces.
 *     ./dev fuzz intake 60 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct host_ask asks[] = {
    {.type = "audio/wav", .query = {{"expr", "in*0.5"}}},
    {.type = "audio/wav", .query = {{"expr", "in+0.5*delay(in,0.001)"}, {"tail", "0.002"}, {"bits", "16"}}},
    {.type = "audio/wav", .query = {{"expr", "in"}, {"out_rate", "32000"}, {"format", "f32le"}}},
    {.type = "audio/wav", .query = {{"expr", "in"}, {"normalize", "-20"}, {"format", "f32le"}}},
    {.type = "audio/flac", .query = {{"expr", "lowpass(in,800)"}, {"format", "s16le"}}},
    {.type = "audio/wav", .query = {{"expr", "in"}, {"format", "flac"}, {"bits", "16"}}},
    {.type = "application/octet-stream",
     .query = {{"expr", "in"}, {"channels", "2"}, {"rate", "44100"}, {"format", "s16le"}}},
    {.type = "application/octet-stream", .query = {{"expr", "in"}, {"channels", "3"}, {"format", "s24le"}}},
    {.type = "application/octet-stream",
     .query = {{"expr", "in*channel"}, {"channels", "1"}, {"format", "f32le"}, {"tail", "auto"}, {"rate", "48000"}}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    struct host_ask ask = asks[data[0] % (sizeof asks / sizeof *asks)];
    ask.method = METHOD_POST;
    ask.path = "/process";
    ask.body = data + 2;
    ask.size = n - 2;
    struct api_response whole = host_ask(host_api(1), &ask), pieces = host_upload(host_api(1), &ask, data[1]);
    bool late = whole.http_status == 503 || pieces.http_status == 503;
    if (!late && (whole.http_status == 200 || pieces.http_status == 200)) {
        host_require(whole.http_status == pieces.http_status && whole.body_size == pieces.body_size);
        char *a = host_body(&whole), *b = host_body(&pieces);
        host_require(!memcmp(a, b, whole.body_size));
        free(a);
        free(b);
    }
    api_response_done(&whole);
    api_response_done(&pieces);
    return 0;
}
