/* sinter explain: how a graph becomes a kernel, to read. */
#include <stdio.h>
#include <string.h>

#include "api/json/json.h"
#include "api/request.h"
#include "server/cli.h"
#include "server/command.h"

static const char *text_of(const struct datum *root, const char *key)
{
    const struct datum *d = datum_get(root, key);
    return d && d->kind == DATUM_STRING ? d->string : "-";
}

static double number_of(const struct datum *root, const char *key)
{
    const struct datum *d = datum_get(root, key);
    return d && d->kind == DATUM_NUMBER ? d->number : 0;
}

static void print_explanation(const struct datum *root)
{
    const struct datum *stages = datum_get(root, "stages"), *cost = datum_get(root, "cost");
    for (size_t i = 0; stages && i < stages->n; i++)
        printf("== %s: %s\n%s\n", text_of(&stages->items[i], "stage"), text_of(&stages->items[i], "does"),
               text_of(&stages->items[i], "ir"));
    printf("== plan\n%s\n", text_of(root, "plan"));
    if (cost)
        printf("== cost\ninterpreter %.3g ns a point, compiled %.3g ns, %.0f instructions, compile about %.0f ms\n\n",
               number_of(cost, "interp_ns"), number_of(cost, "jit_ns"), number_of(cost, "instructions"),
               number_of(cost, "compile_ms"));
    if (datum_get(root, "asm"))
        printf("== assembly\n%s\n", text_of(root, "asm"));
    printf("graph  %s\nkernel %s (%s)\nby     %s\n", text_of(root, "graph_id"), text_of(root, "key"),
           text_of(root, "state"), text_of(root, "compiler"));
}

static int explain(struct cli *c, const struct cli_args *args)
{
    struct api_response res;
    struct datum *root;
    char *request = cli_request(c, args, 0);
    if (!request || !cli_ask(c, METHOD_POST, "/explain", "application/json", request, strlen(request), &res))
        return EXIT_FAILED;
    struct json_limits limits = {.max_bytes = res.body_size, .max_depth = JSON_DEPTH_MAX};
    if (args->json)
        fwrite(res.body, 1, res.body_size, stdout);
    else if (json_read(res.body, res.body_size, &limits, c->arena, &root, &c->fault) == STATUS_OK)
        print_explanation(root);
    api_response_done(&res);
    return EXIT_DONE;
}

int command_explain(int argc, char **argv)
{
    struct cli c;
    struct cli_args args;
    int code = EXIT_USAGE;
    if (!cli_open(&c, NULL, 1))
        return EXIT_FAILED;
    if (cli_parse(&c, argc, argv, FIELD_EXPLAIN, &args) && args.n_files + args.has_expr == 1)
        code = explain(&c, &args);
    else
        fputs("usage: sinter explain GRAPH.json|--expr EXPRESSION [--asm] [--json] [--kind field|audio] [--channels N] "
              "[--rate R]\n",
              stderr);
    cli_close(&c);
    return code;
}
