/* See picture.h. */
#include "tests/fuzz/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/host.h"

static void check(struct exchange *ex, const struct image_in *file)
{
    struct image_head head;
    enum status status = image_head(ex, file, &head);
    if (status == STATUS_OK) {
        size_t n = image_bytes(&head) / sizeof(float);
        float *planes = malloc(n * sizeof(float));
        host_require(planes && n);
        memset(planes, 0x7f, n * sizeof(float));
        status = image_decode(ex, file, &head, planes);
        uint32_t bits, strange = 0;
        for (size_t i = 0; status == STATUS_OK && i < n; i++) {
            memcpy(&bits, &planes[i], sizeof bits);
            strange += isnan(planes[i]) && bits != 0x7fc00000u;
        }
        host_require(!strange);
        free(planes);
    }
    host_require(status == STATUS_OK || ex->fault.count);
}

/* The arena may end the check in its midst; what was allocated then is lost, and so it is given room enough. */
void picture_check(const struct image_options *options, const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(64 << 20);
    host_require(a && !ARENA_GUARD(a));
    struct exchange *ex = ARENA_NEW(a, struct exchange);
    *ex = (struct exchange){.api = host_api(1), .arena = a};
    fault_init(&ex->fault, a);
    check(ex, &(struct image_in){.name = "p", .data = data, .size = n, .options = *options});
    arena_free(a);
}
