/* libFuzzer: any bytes as JSON and as a graph. What is read must write to JSON that reads and writes the same; a
 * graph's canonical text must be JSON of a graph with that text.
 *     ./dev fuzz json 60 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "api/json/json_write.h"
#include "core/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = 64};

/* What was read is written again: longer by no more than escapes, but perhaps over the limit. */
static const struct json_limits wide = {.max_bytes = 16 << 20, .max_depth = 64};

static struct datum *read_again(const char *text, struct arena *a)
{
    struct fault fault;
    struct datum *root;
    fault_init(&fault, a);
    if (json_read(text, strlen(text), &wide, a, &root, &fault) != STATUS_OK)
        abort();
    return root;
}

static char *written(const struct datum *root, struct arena *a)
{
    struct json_writer w;
    json_writer_init(&w, a);
    json_datum(&w, NULL, root);
    return w.text.s;
}

static void check_graph(const struct datum *root, struct arena *a)
{
    static const struct graph_limits roomy = GRAPH_LIMITS_DEFAULT;
    struct fault fault;
    struct graph *graph;
    fault_init(&fault, a);
    if (graph_read(root, &roomy, a, &graph, &fault) != STATUS_OK) {
        if (!fault.count)
            abort();
        return;
    }
    const char *text = graph_canonical(graph, a);
    if (strstr(text, "?"))
        return; /* conditions, unknown names */
    struct datum *again = read_again(text, a);
    if (graph_read(again, &roomy, a, &graph, &fault) != STATUS_OK) {
        if (fault.status != STATUS_LIMIT)
            abort(); /* only an expression's length may have passed its limit */
        return;
    }
    if (strcmp(graph_canonical(graph, a), text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(256 << 20);
    if (!a || ARENA_GUARD(a)) {
        arena_free(a);
        return 0;
    }
    struct fault fault;
    struct datum *root;
    fault_init(&fault, a);
    if (json_read((const char *)data, n, &limits, a, &root, &fault) == STATUS_OK) {
        const char *once = written(root, a);
        if (strcmp(written(read_again(once, a), a), once))
            abort();
        check_graph(root, a);
    } else if (!fault.count) {
        abort();
    }
    arena_free(a);
    return 0;
}
