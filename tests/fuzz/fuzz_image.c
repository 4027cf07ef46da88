/* libFuzzer: any bytes as an image file: PNG, NPY or OpenEXR by its first bytes, or raw floats whose size the first
 * four bytes give.
 *     ./dev fuzz image 60 */
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum { HEAD = 4 };
    if (n < HEAD)
        return 0;
    struct image_options options = {.srgb = data[0] & 1};
    if (data[0] & 2) {
        options.width = data[1];
        options.height = data[2];
        options.channels = data[3] % 5;
    }
    picture_check(&options, data + HEAD, n - HEAD);
    return 0;
}
