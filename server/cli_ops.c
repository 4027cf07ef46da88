/* sinter ops: the vocabulary. */
#include <stdio.h>
#include <string.h>

#include "core/node.h"
#include "server/cli.h"
#include "server/command.h"

static void print_input(const struct node_input *in, bool first)
{
    printf("%s%s%s", first ? "" : ", ", in->type == INPUT_SHAPE ? "*" : "", in->name);
    if (in->unit)
        printf(" (%s)", in->unit);
    for (size_t i = 0; in->choices && in->choices[i]; i++)
        printf("%s%s", i ? "|" : "=", in->choices[i]);
    if (!in->choices && in->optional)
        printf("=none");
    else if (!in->choices && !in->required)
        printf("=%.9g", in->value);
}

static void print_op(const struct node_def *def)
{
    printf("%s : ", def->name);
    for (size_t i = 0; i < def->n_inputs; i++)
        print_input(&def->inputs[i], i == 0);
    bool named = def->n_ports > 1 || *def->ports[0];
    for (size_t i = 0; named && i < def->n_ports; i++)
        printf("%s %s", i ? "" : " ->", def->ports[i]);
    printf("\n    %s\n", def->doc);
}

int command_ops(int argc, char **argv)
{
    struct cli c;
    struct api_response res;
    bool json = argc == 2 && !strcmp(argv[1], "--json");
    if (argc > 1 && !json) {
        fputs("usage: sinter ops [--json]\n", stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < node_count() && !json; i++)
        print_op(node_at(i));
    if (!json)
        return EXIT_DONE;
    if (!cli_open(&c, "none", 0))
        return EXIT_FAILED;
    bool done = cli_ask(&c, METHOD_GET, "/ops", NULL, NULL, 0, &res);
    if (done) {
        fwrite(res.body, 1, res.body_size, stdout);
        api_response_done(&res);
    }
    cli_close(&c);
    return done ? EXIT_DONE : EXIT_FAILED;
}
