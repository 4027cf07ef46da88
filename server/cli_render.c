/* sinter render: a field to an image file. */
#include <stdio.h>

#include "api/request.h"
#include "server/cli.h"
#include "server/command.h"

int command_render(int argc, char **argv)
{
    struct cli c;
    struct cli_args args;
    struct api_response res;
    int code = EXIT_USAGE;
    if (!cli_open(&c, NULL, 1))
        return EXIT_FAILED;
    if (cli_parse(&c, argc, argv, FIELD_RENDER, &args) && args.out && args.n_files <= 1) {
        char *request = cli_request(&c, &args, 0);
        struct cli_body body;
        code = EXIT_FAILED;
        if (request && cli_body(&c, &args, request, &body) && cli_save(&c, "/render", &body, args.out, &res)) {
            cli_report(&res, args.out);
            api_response_done(&res);
            code = EXIT_DONE;
        }
    } else {
        fputs("usage: sinter render GRAPH.json|--expr EXPRESSION -o OUT.png [-w WIDTH] [-h HEIGHT] [--param NAME=VALUE "
              "...] [--image NAME=FILE ...] [--FIELD VALUE ...]\n",
              stderr);
    }
    cli_close(&c);
    return code;
}
