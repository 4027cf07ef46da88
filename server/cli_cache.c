/* sinter cache: the stores from outside. ls lists kernels, verify looks at those and at data.db, warm compiles graphs
 * into it, gc makes it smaller, suspects lists kernels that the server died with, release ends the quarantine of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/json/json.h"
#include "jit/store.h"
#include "server/cli.h"
#include "server/cli_owner.h"
#include "server/command.h"

struct listing {
    bool verify;
    uint64_t rows, bytes, unsound;
};

static void print_row(const struct cache_row *row, void *user)
{
    struct listing *l = user;
    struct tm tm;
    char when[32] = "";
    time_t used = (time_t)row->used_at;
    if (gmtime_r(&used, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    printf("%s  %-10s %8u  %s%s\n", row->key_hex, row->target, row->size, when,
           !l->verify   ? ""
           : row->sound ? "  sound"
                        : "  BROKEN");
    l->rows++;
    l->bytes += row->size;
    l->unsound += l->verify && !row->sound;
}

static int fail(const struct cli *c)
{
    for (size_t i = 0; i < c->fault.count && i < FAULT_MAX; i++)
        fprintf(stderr, "sinter: %s\n", c->fault.items[i].detail);
    return EXIT_FAILED;
}

static int list(struct cli *c, bool verify)
{
    struct listing l = {.verify = verify};
    if (engine_cache_list(c->engine, verify, print_row, &l, &c->fault) != STATUS_OK)
        return fail(c);
    printf("%llu kernels, %llu bytes", (unsigned long long)l.rows, (unsigned long long)l.bytes);
    if (verify)
        printf(", %llu broken", (unsigned long long)l.unsound);
    putchar('\n');
    return l.unsound ? EXIT_FAILED : EXIT_DONE;
}

static void print_suspect(const struct cache_suspect *s, void *user)
{
    struct tm tm;
    char when[32] = "";
    time_t at = (time_t)s->at;
    (void)user;
    if (gmtime_r(&at, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    printf("%s  crashes %u  signal %d  marks %u  %s  %s\n", s->key_hex, s->crashes, s->signal, s->marks, when,
           s->held ? "in quarantine" : "watched");
}

static int release(struct cli *c, const char *key_hex)
{
    if (engine_cache_release(c->engine, key_hex, &c->fault) != STATUS_OK)
        return fail(c);
    printf("%s is compiled anew when the server is started again\n", key_hex);
    return EXIT_DONE;
}

/* What is wrong with a file, and how often there was something. */
struct trouble {
    const char *file;
    uint64_t n;
};

static void tell_trouble(const char *line, void *user)
{
    struct trouble *t = user;
    printf("%s: %s\n", t->file, line);
    t->n++;
}

static int verify_kernels(const char *dir)
{
    struct trouble t = {.file = "kernels.db"};
    struct cli c;
    if (store_check(dir, tell_trouble, &t) != STORE_SOUND)
        return EXIT_FAILED;
    if (!cli_open(&c, dir, 0))
        return EXIT_FAILED;
    int code = list(&c, true);
    cli_close(&c);
    return code;
}

static int look_at_data(const char *dir, const char *unused, struct fault *fault)
{
    (void)unused;
    struct trouble t = {.file = "data.db"};
    struct data_verified v;
    if (data_verify(dir, tell_trouble, &t, &v, fault) != STATUS_OK)
        return EXIT_FAILED;
    printf("data.db: version %d, %llu graphs, %llu blobs, %llu jobs, %llu faults\n", v.version,
           (unsigned long long)v.graphs, (unsigned long long)v.blobs, (unsigned long long)v.jobs,
           (unsigned long long)v.faults);
    return v.faults ? EXIT_FAILED : EXIT_DONE;
}

/* With a fault whose words are for stderr. */
static int with_fault(int (*run)(const char *a, const char *b, struct fault *fault), const char *a, const char *b)
{
    struct fault fault;
    struct arena *arena = arena_new(1 << 20);
    if (!arena || ARENA_GUARD(arena)) {
        arena_free(arena);
        return EXIT_FAILED;
    }
    fault_init(&fault, arena);
    int code = run(a, b, &fault);
    if (fault.count)
        fprintf(stderr, "sinter: %s\n", fault.items[0].detail);
    arena_free(arena);
    return code;
}

static int salvage_into(const char *dir, const char *new_dir, struct fault *fault)
{
    if (data_salvage(dir, new_dir, fault) != STATUS_OK)
        return EXIT_FAILED;
    return look_at_data(new_dir, NULL, fault);
}

/* What can be read of a damaged data.db, into a new folder. */
static int salvage(const char *given, const char *new_dir)
{
    const char *dir = given ? given : cli_store();
    return with_fault(salvage_into, dir ? dir : "sinter-data", new_dir);
}

static bool has_file(const char *dir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0;
}

/* Both files, those that are there. Neither is changed, not even a damaged one. */
static int verify(const char *given)
{
    const char *dir = given ? given : cli_store();
    if (!dir || !strcmp(dir, "none") || (!has_file(dir, "kernels.db") && !has_file(dir, "data.db"))) {
        fprintf(stderr, "sinter: there is no store in %s\n", dir ? dir : "sinter-data");
        return EXIT_FAILED;
    }
    int kernels = has_file(dir, "kernels.db") ? verify_kernels(dir) : EXIT_DONE;
    int data = has_file(dir, "data.db") ? with_fault(look_at_data, dir, NULL) : EXIT_DONE;
    return kernels == EXIT_DONE ? data : kernels;
}

static int collect(struct cli *c, const char *keep)
{
    uint64_t removed = 0;
    char *end;
    uint64_t bytes = strtoull(keep, &end, 10);
    if (!*keep || *end || *keep == '-') {
        fprintf(stderr, "sinter: gc takes a number of bytes, not \"%s\"\n", keep);
        return EXIT_USAGE;
    }
    if (engine_cache_gc(c->engine, bytes, &removed, &c->fault) != STATUS_OK)
        return fail(c);
    printf("%llu kernels removed\n", (unsigned long long)removed);
    return EXIT_DONE;
}

#define BOUNDARY "sinter-warm"

static void add_part(struct text *body, const char *name, const char *type, const void *data, size_t n)
{
    text_addf(body, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"\r\nContent-Type: %s\r\n\r\n", name,
              type);
    text_add_n(body, data, n);
    text_add(body, "\r\n");
}

/* The smallest request of one layout that waits for its kernel. Its images have one black pixel. */
static struct text field_body(struct cli *c, const char *graph, const struct datum *images)
{
    static const float black[1] = {0};
    struct text request = {.arena = c->arena}, body = {.arena = c->arena};
    text_addf(&request, "{\"width\":1,\"height\":1,\"format\":\"f32\",\"tier\":\"jit\",\"graph\":%s,\"images\":{",
              graph);
    for (size_t i = 0; images && i < images->n; i++) {
        text_add(&request, i ? "," : "");
        text_quoted(&request, images->items[i].string);
        text_add(&request, ":{\"width\":1,\"height\":1,\"channels\":1}");
    }
    text_add(&request, "}}");
    add_part(&body, "request", "application/json", request.s, request.n);
    for (size_t i = 0; images && i < images->n; i++)
        add_part(&body, images->items[i].string, "application/octet-stream", black, sizeof black);
    return body;
}

static struct text audio_body(struct cli *c, const char *graph, const char *layout)
{
    struct text body = {.arena = c->arena};
    int channels = !strcmp(layout, "mono") ? 1 : !strcmp(layout, "stereo") ? 2 : atoi(layout);
    const char *request =
        arena_printf(c->arena, "{\"rate\":48000,\"channels\":%d,\"format\":\"f32le\",\"tier\":\"jit\",\"graph\":%s}",
                     channels, graph);
    add_part(&body, "request", "application/json", request, strlen(request));
    add_part(&body, "audio", "application/octet-stream", "", 0);
    return body;
}

static bool compile_layout(struct cli *c, const char *graph, const char *layout, const struct datum *images)
{
    struct api_response res;
    bool field = !strcmp(layout, "field");
    struct text body = field ? field_body(c, graph, images) : audio_body(c, graph, layout);
    text_add(&body, "--" BOUNDARY "--\r\n");
    if (!cli_ask(c, METHOD_POST, field ? "/render" : "/process", "multipart/form-data; boundary=" BOUNDARY, body.s,
                 body.n, &res))
        return false;
    printf("%s  %s\n", cli_header(&res, "Sinter-Kernel"), layout);
    api_response_done(&res);
    return true;
}

static bool warm_one(struct cli *c, const char *path)
{
    struct api_response res;
    struct datum *root;
    size_t n;
    bool done = true;
    char *graph = cli_read(c, path, &n);
    if (!graph || !cli_ask(c, METHOD_POST, "/graphs", "application/json", graph, n, &res))
        return false;
    struct json_limits limits = {.max_bytes = res.body_size, .max_depth = JSON_DEPTH_MAX};
    if (json_read(res.body, res.body_size, &limits, c->arena, &root, &c->fault) == STATUS_OK) {
        const struct datum *kernels = datum_get(root, "kernels");
        for (size_t i = 0; kernels && i < kernels->n; i++)
            done &=
                compile_layout(c, graph, datum_get(&kernels->items[i], "layout")->string, datum_get(root, "images"));
    }
    api_response_done(&res);
    return done;
}

static int warm(struct cli *c, int n, char **paths)
{
    int code = EXIT_DONE;
    for (int i = 0; i < n; i++)
        if (!warm_one(c, paths[i]))
            code = EXIT_FAILED;
    return code;
}

/* Only warm makes a store. A name that was mistyped would look like a store that is empty. */
static bool store_is_there(const char *given)
{
    const char *store = given ? given : getenv("SINTER_STORE");
    if (!store || !strcmp(store, "none") || has_file(store, "kernels.db"))
        return true;
    fprintf(stderr, "sinter: there is no kernel store in %s: %s\n", store, strerror(errno));
    return false;
}

int command_cache(int argc, char **argv)
{
    struct cli c;
    const char *store = NULL;
    int code = EXIT_USAGE;
    if (argc > 3 && !strcmp(argv[argc - 2], "--store")) {
        store = argv[argc - 1];
        argc -= 2;
    }
    const char *what = argc > 1 ? argv[1] : "";
    bool warms = !strcmp(what, "warm");
    const char *dir = store ? store : cli_store();
    if (argc == 3 && !strcmp(what, "salvage")) /* writes elsewhere */
        return salvage(store, argv[2]);
    if (dir && (warms ? cli_is_of_other(dir) : !cli_become_owner(dir)))
        return EXIT_FAILED;
    if (argc == 2 && !strcmp(what, "verify"))
        return verify(store);
    if (!warms && !store_is_there(store))
        return EXIT_FAILED;
    if (!cli_open(&c, store, warms ? cli_threads() : 0))
        return EXIT_FAILED;
    if (argc == 2 && !strcmp(what, "ls"))
        code = list(&c, false);
    else if (argc == 3 && !strcmp(what, "gc"))
        code = collect(&c, argv[2]);
    else if (argc == 3 && !strcmp(what, "release"))
        code = release(&c, argv[2]);
    else if (argc == 2 && !strcmp(what, "suspects")) {
        engine_cache_suspects(c.engine, print_suspect, NULL);
        code = EXIT_DONE;
    } else if (argc > 2 && warms)
        code = warm(&c, argc - 2, argv + 2);
    else
        fputs("usage: sinter cache ls|verify|warm GRAPH.json ...|gc BYTES|suspects|release KEY|salvage NEW-DIR "
              "[--store DIR]\n",
              stderr);
    cli_close(&c);
    return code;
}
