/* libFuzzer: text that may come over a socket is parsed, judged, optimised, printed and parsed again. Besides crashes
 * it finds passes that break IR and texts that do not read back.
 *     ./dev fuzz ir 60 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/ir.h"
#include "core/pass.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check(struct arena *a, const char *text)
{
    struct fault fault;
    struct ir *ir = NULL, *again = NULL;
    fault_init(&fault, a);
    if (ir_parse(text, a, &ir, &fault) || ir_verify(ir, &fault))
        return;
    for (size_t i = 0; pass_at(i); i++) {
        pass_at(i)->run(ir);
        require(ir_verify(ir, &fault) == STATUS_OK);
    }
    passes_run(ir, NULL, NULL);
    require(ir_verify(ir, &fault) == STATUS_OK);
    const char *printed = ir_print(ir, a);
    require(ir_parse(printed, a, &again, &fault) == STATUS_OK);
    require(!strcmp(printed, ir_print(again, a)));
    struct bytes x = ir_shape(ir, a), y = ir_shape(again, a);
    require(x.n == y.n && !memcmp(x.data, y.data, x.n));
}

/* Apart from check(), whose variables the way out of a full arena would lose. */
static void check_within(struct arena *a, const char *text)
{
    if (!ARENA_GUARD(a))
        check(a, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(64 << 20);
    char *text = malloc(size + 1);
    if (a && text) {
        if (size)
            memcpy(text, data, size);
        text[size] = 0;
        check_within(a, text);
    }
    free(text);
    arena_free(a);
    return 0;
}
