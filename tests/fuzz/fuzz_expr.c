/* libFuzzer: any text as an expression. What parses must print to text that parses and prints the same, and make a
 * graph of the same canonical text.
 *     ./dev fuzz expr 60 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_graph(const char *text, struct arena *a)
{
    struct fault fault;
    struct graph *graph;
    fault_init(&fault, a);
    if (graph_from_expr(text, NULL, a, &graph, &fault) != STATUS_OK)
        return;
    const char *printed = expr_print(graph->outputs[0], a), *canonical = graph_canonical(graph, a);
    if (graph_from_expr(printed, NULL, a, &graph, &fault) != STATUS_OK || strcmp(graph_canonical(graph, a), canonical))
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
    struct expr *e, *again;
    const char *text = arena_strndup(a, (const char *)data, n);
    fault_init(&fault, a);
    if (expr_parse(text, "", NULL, a, &e, &fault) == STATUS_OK) {
        const char *printed = expr_print(e, a);
        /* Long text may grow past the limit of length when spaces and parentheses are put in. */
        if (strlen(printed) <= EXPR_LENGTH_MAX) {
            if (expr_parse(printed, "", NULL, a, &again, &fault) != STATUS_OK || strcmp(expr_print(again, a), printed))
                abort();
            check_graph(text, a);
        }
    } else if (!fault.count || fault.items[0].column < 1) {
        abort();
    }
    arena_free(a);
    return 0;
}
