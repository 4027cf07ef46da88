/* libFuzzer: any bytes as a multipart body, of a request for an image or for audio. The first byte chooses.
 *     ./dev fuzz multipart 60 */
#include <stdint.h>

#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const types[] = {"multipart/form-data; boundary=cut", "multipart/form-data; boundary=\"a b\"",
                                        "multipart/form-data"};
    if (!n)
        return 0;
    struct host_ask ask = {.method = METHOD_POST,
                           .path = data[0] & 1 ? "/process" : "/render",
                           .type = types[data[0] / 2 % 3],
                           .body = data + 1,
                           .size = n - 1};
    struct api_response res = host_ask(host_api(1), &ask);
    api_response_done(&res);
    return 0;
}
