/* sinter process: a graph over an audio file, or a generator's audio. */
#include <stdio.h>
#include <string.h>

#include "api/request.h"
#include "server/cli.h"
#include "server/command.h"

static bool ask(struct cli *c, struct cli_args *args, const char *request, const char *path, struct api_response *res)
{
    struct cli_body body;
    if (path) /* there is room: cli_parse leaves one */
        args->images[args->n_images++] = (struct cli_image){.name = "audio", .path = path, .type = "audio/wav"};
    return cli_body(c, args, request, &body) && cli_ask(c, METHOD_POST, "/process", body.type, body.data, body.n, res);
}

int command_process(int argc, char **argv)
{
    struct cli c;
    struct cli_args args;
    struct api_response res;
    int code = EXIT_USAGE;
    if (!cli_open(&c, NULL, 1))
        return EXIT_FAILED;
    if (cli_parse(&c, argc, argv, FIELD_PROCESS, &args) && args.out && args.n_files <= 2) {
        int in = args.has_expr ? 0 : 1;
        char *request = cli_request(&c, &args, 0);
        code = EXIT_FAILED;
        if (request && ask(&c, &args, request, args.n_files > in ? args.files[in] : NULL, &res)) {
            if (cli_write(args.out, res.body, res.body_size)) {
                cli_report(&res, args.out);
                code = EXIT_DONE;
            }
            api_response_done(&res);
        }
    } else {
        fputs(
            "usage: sinter process GRAPH.json|--expr EXPRESSION [IN.wav|IN.flac|IN.aiff] -o OUT.wav|OUT.flac|OUT.aiff\n"
            "         [--seconds S --rate R --channels N] [--param NAME=VALUE ...] [--bits B] [--out-rate R]\n"
            "         [--response NAME=FILE ...] [--normalize LUFS] [--tail auto|S] [--compensate 1] [--dither tpdf] "
            "[--measure 1] [--FIELD VALUE "
            "...]\n",
            stderr);
    }
    cli_close(&c);
    return code;
}
