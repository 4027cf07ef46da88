/* sinter: the table of contents of the program. Each row is a subcommand. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/command.h"

static int command_version(int argc, char **argv);

static const struct command commands[] = {
    {"serve", "[--NAME VALUE ...]\n        Answers HTTP; `sinter serve --help` lists the settings.", command_serve},
    {"render",
     "GRAPH.json|--expr EXPRESSION -o OUT.png [-w WIDTH] [-h HEIGHT] [--param NAME=VALUE ...]\n        Renders a field "
     "to an image.",
     command_render},
    {"process",
     "GRAPH.json|--expr EXPRESSION [IN.wav] -o OUT.wav [--seconds S --rate R] [--param NAME=VALUE ...]\n        Runs a "
     "graph over audio.",
     command_process},
    {"explain", "GRAPH.json|--expr EXPRESSION [--asm] [--json]\n        How a graph becomes a kernel.",
     command_explain},
    {"ops", "[--json]\n        Lists every operation.", command_ops},
    {"docs",
     "DIR [SHOWCASE]\n        Writes the reference of the nodes with their pictures, as docs/showcase.txt says.",
     command_docs},
    {"cache",
     "ls|verify|warm GRAPH.json ...|gc BYTES|suspects|release KEY|salvage NEW-DIR [--store DIR]\n        The stores.",
     command_cache},
    {"key",
     "new NAME --roles render,process,jobs,admin [--quota-seconds S] [--expires YYYY-MM-DD] [--keys FILE]\n"
     "    key new ID --signs [--expires YYYY-MM-DD] [--sign-keys FILE]\n"
     "    key ls [--keys FILE]\n        Makes a client's key or a secret that signs URLs, and adds it to the file; "
     "lists them.",
     command_key},
    {"sign",
     "URL --key ID --expires 1h [--sign-keys FILE]\n        Signs the URL of a GET /render, so that whoever has it may "
     "ask "
     "for it.",
     command_sign},
    {"bench", "[NAME ...] [--json]\n        Measures, beside baselines; without a name, everything.", command_bench},
    {"ping", "[URL]\n        Asks a running server whether it is ready; for health checks.", command_ping},
    {"version", "\n        Prints the version.", command_version},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int command_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fputs("usage: sinter version\n", stderr);
        return EXIT_USAGE;
    }
    puts("sinter " SINTER_VERSION);
    return EXIT_DONE;
}

static void print_help(FILE *to)
{
    fputs("usage: sinter COMMAND [ARGUMENTS]\n\nGraphs compiled to fused SIMD kernels, over HTTP and from here.\n\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "    %s %s\n", commands[i].name, commands[i].usage);
    fputs("\nExit codes: 0 done, 1 failed, 2 wrong usage.\n", to);
}

/* `sinter NAME --help`; serve prints its settings itself, bench its names. */
static bool asks_for_help(const struct command *c, int argc, char **argv)
{
    return c->run != command_serve && c->run != command_bench && argc == 3 && !strcmp(argv[2], "--help");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (!strcmp(name, "--version"))
        name = "version";
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name))
            continue;
        if (asks_for_help(&commands[i], argc, argv)) {
            printf("usage: sinter %s %s\n", commands[i].name, commands[i].usage);
            return EXIT_DONE;
        }
        int code = commands[i].run(argc - 1, argv + 1);
        if (fflush(stdout) && code == EXIT_DONE)
            code = EXIT_FAILED;
        return code;
    }
    if (*name)
        fprintf(stderr, "sinter: there is no command \"%s\"\n\n", name);
    print_help(stderr);
    return EXIT_USAGE;
}
