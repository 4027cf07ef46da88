/* What the subcommands that work without a server share: an engine and the api room in this process, and requests to
 * it. */
#ifndef SERVER_CLI_H
#define SERVER_CLI_H

#include "api/api.h"
#include "api/json/json_write.h"
#include "core/text.h"

struct cli {
    struct arena *arena;
    struct engine *engine;
    struct pool *pool;
    struct api *api;
    struct fault fault;
};

/* The store that is meant when none is given; NULL: none. */
const char *cli_store(void);
/* `store`: NULL: $SINTER_STORE, else ./sinter-data when it is there, else none. `compilers` 0: nothing is compiled.
 * False: the reason is on stderr. */
bool cli_open(struct cli *c, const char *store, int compilers);
void cli_close(struct cli *c);

/* Reads a whole file ("-": standard input) into the arena; NULL: the reason is on stderr. */
char *cli_read(struct cli *c, const char *path, size_t *ret_n);
bool cli_write(const char *path, const void *data, size_t n);
int cli_threads(void);

/* --image or --response NAME=FILE, or bytes in memory. */
enum { CLI_IMAGES = 32 };
struct cli_image {
    const char *name, *path;
    const char *type; /* NULL: its bytes say */
    const void *data; /* NULL: what the file holds */
    size_t size;
};

/* The arguments of a command: files without a dash, fields of the request with one. */
struct cli_args {
    const char *files[8];
    int n_files;
    const char *out, *store;
    bool json;
    struct json_writer fields; /* members of the request's object, from --NAME VALUE and --param */
    bool has_format, has_expr;
    struct cli_image images[CLI_IMAGES + 1]; /* and the audio */
    int n_images;
};

/* `of`: enum field_of of the fields that are taken. False: usage, told on stderr. */
bool cli_parse(struct cli *c, int argc, char **argv, unsigned of, struct cli_args *ret);

/* The JSON of a request: the graph from the file or --expr, the fields, the format by the ending of `out`. NULL: told
 * on stderr. */
char *cli_request(struct cli *c, const struct cli_args *args, int graph_file);

/* Asks, with a progress bar on a terminal for anything over a second. False: the problem is on stderr. The answer lives
 * until api_response_done. */
bool cli_ask(struct cli *c, enum method method, const char *path, const char *type, const void *body, size_t n,
             struct api_response *ret);
/* The body of a request with the files of --image or --response: `json` itself when there are none. False: told on
 * stderr. */
struct cli_body {
    const char *type;
    const void *data;
    size_t n;
};
bool cli_body(struct cli *c, const struct cli_args *args, const char *json, struct cli_body *ret);

/* POSTs it and writes the answer to a file ("-": standard output); an image too large for memory is written while it
 * is made. False: told on stderr. The answer's headers live until api_response_done. */
bool cli_save(struct cli *c, const char *path, const struct cli_body *body, const char *out, struct api_response *ret);
const char *cli_header(const struct api_response *res, const char *name); /* "" when absent */

/* One line about the answer on stderr: engine and times. */
void cli_report(const struct api_response *res, const char *out);

#endif
