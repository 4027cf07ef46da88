/* sinter process: a graph over an audio file, or a generator's audio. */
#include <stdio.h>
#include <string.h>

#include "api/request.h"
#include "server/cli.h"
#include "server/command.h"

/* A boundary that the audio does not hold. */
static const char *boundary_for(struct cli *c, const char *audio, size_t n)
{
    const char *boundary;
    unsigned i = 0;
    do
        boundary = arena_printf(c->arena, "sinter-%u", i++);
    while (memmem(audio, n, boundary, strlen(boundary)));
    return boundary;
}

static bool ask_with_audio(struct cli *c, const char *request, const char *path, struct api_response *res)
{
    size_t n;
    char *audio = cli_read(c, path, &n);
    if (!audio)
        return false;
    const char *boundary = boundary_for(c, audio, n);
    struct text body = {.arena = c->arena};
    text_addf(&body, "--%s\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n", boundary);
    text_add(&body, request);
    text_addf(&body, "\r\n--%s\r\nContent-Disposition: form-data; name=\"audio\"\r\nContent-Type: audio/wav\r\n\r\n",
              boundary);
    text_add_n(&body, audio, n);
    text_addf(&body, "\r\n--%s--\r\n", boundary);
    const char *type = arena_printf(c->arena, "multipart/form-data; boundary=%s", boundary);
    return cli_ask(c, METHOD_POST, "/process", type, body.s, body.n, res);
}

static bool ask(struct cli *c, const char *request, const char *path, struct api_response *res)
{
    if (path)
        return ask_with_audio(c, request, path, res);
    return cli_ask(c, METHOD_POST, "/process", "application/json", request, strlen(request), res);
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
        if (request && ask(&c, request, args.n_files > in ? args.files[in] : NULL, &res)) {
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
            "         [--normalize LUFS] [--tail auto|S] [--compensate 1] [--dither tpdf] [--measure 1] [--FIELD VALUE "
            "...]\n",
            stderr);
    }
    cli_close(&c);
    return code;
}
