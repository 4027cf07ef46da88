/* A subcommand of `sinter`: its function is command_NAME, in server/NAME.c or server/cli_NAME.c, its row in main.c. */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *usage;                 /* what follows the name, then what it does */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit code */
};

int command_serve(int argc, char **argv);
int command_ping(int argc, char **argv);
int command_render(int argc, char **argv);
int command_process(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_ops(int argc, char **argv);
int command_docs(int argc, char **argv);
int command_cache(int argc, char **argv);
int command_key(int argc, char **argv);
int command_sign(int argc, char **argv);
int command_bench(int argc, char **argv);

#endif
