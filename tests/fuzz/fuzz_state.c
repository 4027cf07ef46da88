/* libFuzzer: any bytes as the state of a stream that is to go on here. They are sealed with this server's key, so that
 * what is behind the seal is reached; a first byte that is odd leaves the seal as it came. A stream that opens has to
 * take a block, tell its state again, and end.
 *     ./dev fuzz state 60 */
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "core/hash.h"
#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *header_of(const struct api_response *res, const char *name)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (!strcmp(res->headers[i].name, name))
            return res->headers[i].value;
    return "";
}

/* The number of this member in a small JSON object; digits only. */
static void copy_number(const struct api_response *res, const char *member, char ret[24])
{
    char *text = host_body(res), *at = strstr(text, member);
    host_require(at);
    at += strlen(member);
    size_t digits = strspn(at, "0123456789");
    host_require(digits < 24);
    memcpy(ret, at, digits);
    ret[digits] = 0;
    free(text);
}

static void use(struct api *api, const char *path, const char *seq)
{
    char inner[80];
    static const uint8_t silence[4 * 3 * 8 * 16]; /* whole frames of any format, of 1, 2, 3, 4, 6 or 8 channels */
    const struct host_ask block = {.method = METHOD_POST,
                                   .path = path,
                                   .type = "application/octet-stream",
                                   .query = {{"seq", seq}},
                                   .body = silence,
                                   .size = sizeof silence},
                          end = {.method = METHOD_DELETE, .path = path};
    struct api_response res = host_ask(api, &block);
    api_response_done(&res);
    strcat(strcpy(inner, path), "/state");
    res = host_ask(api, &(struct host_ask){.method = METHOD_GET, .path = inner});
    host_require(res.http_status == 200);
    api_response_done(&res);
    res = host_ask(api, &end);
    host_require(res.http_status == 204 || res.http_status == 200);
    api_response_done(&res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct api *api = host_api(1);
    if (!n)
        return 0;
    bool seal = !(data[0] & 1);
    uint8_t *state = malloc(n - 1 + MAC_SIZE);
    host_require(state);
    memcpy(state, data + 1, n - 1);
    if (seal)
        hash_mac(api->stream_key, &(struct hash_part){state, n - 1}, 1, state + n - 1);
    const struct host_ask ask = {.method = METHOD_POST,
                                 .path = "/streams",
                                 .type = "application/octet-stream",
                                 .body = state,
                                 .size = n - 1 + (seal ? MAC_SIZE : 0)};
    struct api_response res = host_ask(api, &ask);
    if (res.http_status == 201) {
        char path[64], seq[24];
        host_require(seal && strlen(header_of(&res, "Location")) < sizeof path);
        strcpy(path, header_of(&res, "Location"));
        copy_number(&res, "\"seq\":", seq);
        use(api, path, seq);
    }
    api_response_done(&res);
    free(state);
    return 0;
}
