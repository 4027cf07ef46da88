/* See cli.h. A command is a request to the api room, so that it does exactly what the server does. */
#include "server/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/json/json.h"
#include "api/load/pool.h"
#include "api/request.h"

const char *cli_store(void)
{
    struct stat st;
    const char *store = getenv("SINTER_STORE");
    if (store)
        return strcmp(store, "none") ? store : NULL;
    return stat("sinter-data", &st) == 0 ? "sinter-data" : NULL;
}

int cli_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 && n < 1024 ? (int)n : 1;
}

static void complain(const struct fault *f)
{
    for (size_t i = 0; i < f->count && i < FAULT_MAX; i++)
        fprintf(stderr, "sinter: %s%s%s\n", f->items[i].pointer, *f->items[i].pointer ? ": " : "", f->items[i].detail);
}

bool cli_open(struct cli *c, const char *store, int compilers)
{
    *c = (struct cli){.arena = arena_new((size_t)1 << 34)};
    if (!c->arena || ARENA_GUARD(c->arena)) {
        fputs("sinter: out of memory\n", stderr);
        exit(1);
    }
    fault_init(&c->fault, c->arena);
    struct engine_config engine = engine_config_default();
    struct api_config api = api_config_default();
    engine.store_dir = store ? (strcmp(store, "none") ? store : NULL) : cli_store();
    engine.compilers = compilers;
    engine.recompile = 0;
    if (!compilers)
        engine.preload = 0; /* it would delete what it finds broken, before anybody was told */
    /* Whoever runs this owns the machine: only what protects them from a slip of the pen stays. */
    api.max_request_ms = UINT32_MAX;
    api.max_width = api.max_height = 1u << 20;
    api.max_pixels = (uint64_t)1 << 36;
    api.max_body = api.max_output_bytes = api.max_arena = (uint64_t)1 << 34;
    api.max_json = (uint64_t)1 << 30;
    api.max_image_pixels = 1u << 28;
    api.max_image_bytes = api.max_plane_bytes = (uint64_t)1 << 36;
    api.max_response_samples = (uint64_t)1 << 32;
    api.store_dir = NULL;
    c->pool = pool_new(cli_threads());
    bool open = c->pool && engine_new(&engine, &c->engine, &c->fault) == STATUS_OK &&
                api_new(&api, c->engine, c->pool, &c->api, &c->fault) == STATUS_OK;
    if (!open) {
        complain(&c->fault);
        cli_close(c);
    }
    return open;
}

void cli_close(struct cli *c)
{
    pool_free(c->pool);
    if (c->api)
        api_free(c->api);
    if (c->engine)
        engine_free(c->engine);
    arena_free(c->arena);
    *c = (struct cli){0};
}

char *cli_read(struct cli *c, const char *path, size_t *ret_n)
{
    bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdin : fopen(path, "rb");
    size_t n = 0, cap = 1 << 16;
    char *data = arena_alloc(c->arena, cap + 1);
    if (!f) {
        fprintf(stderr, "sinter: cannot open %s: %s\n", path, strerror(errno));
        return NULL;
    }
    for (size_t got; (got = fread(data + n, 1, cap - n, f)) > 0;) {
        n += got;
        if (n == cap) {
            data = arena_grow(c->arena, data, cap + 1, cap * 2 + 1, 1);
            cap *= 2;
        }
    }
    bool failed = ferror(f) != 0;
    if (failed)
        fprintf(stderr, "sinter: cannot read %s: %s\n", path, strerror(errno));
    if (!standard)
        fclose(f);
    data[n] = 0;
    *ret_n = n;
    return failed ? NULL : data;
}

bool cli_write(const char *path, const void *data, size_t n)
{
    bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdout : fopen(path, "wb");
    bool done = f && fwrite(data, 1, n, f) == n;
    if (f && !standard)
        done = fclose(f) == 0 && done;
    if (!done)
        fprintf(stderr, "sinter: cannot write %s: %s\n", path, strerror(errno));
    return done;
}

static const struct field_info *field_by_name(const char *name, unsigned of)
{
    for (size_t i = 0; field_info_at(i); i++)
        if ((field_info_at(i)->of & of) && !strcmp(field_info_at(i)->name, name))
            return field_info_at(i);
    return NULL;
}

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return *text && !*end && strspn(text, "0123456789+-.eE") == strlen(text);
}

static bool add_field(struct cli *c, struct cli_args *args, const struct field_info *f, const char *value)
{
    bool number = !strcmp(f->form, "NUMBER") || !strcmp(f->form, "COUNT");
    if (!strcmp(f->form, "FLAG")) {
        bool yes = !strcmp(value, "1") || !strcmp(value, "true");
        json_raw(&args->fields, f->name, yes ? "true" : !strcmp(value, "0") || !strcmp(value, "false") ? "false" : "0");
        return true;
    }
    if (number && !is_number(value)) {
        fprintf(stderr, "sinter: --%s takes a number, not \"%s\"\n", f->name, value);
        return false;
    }
    if (number || (!strcmp(f->form, "TEXT") && strcmp(f->name, "expr") != 0 && is_number(value)))
        json_raw(&args->fields, f->name, value);
    else if (!strcmp(f->form, "NUMBERS"))
        json_raw(&args->fields, f->name, arena_printf(c->arena, "[%s]", value));
    else if (!strcmp(f->form, "IMAGES"))
        json_raw(&args->fields, f->name, value);
    else
        json_string(&args->fields, f->name, value);
    args->has_format |= !strcmp(f->name, "format");
    args->has_expr |= !strcmp(f->name, "expr");
    return true;
}

static bool add_param(struct cli *c, struct json_writer *params, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !is_number(equals + 1)) {
        fprintf(stderr, "sinter: --param takes NAME=NUMBER, not \"%s\"\n", text);
        return false;
    }
    json_raw(params, arena_strndup(c->arena, text, (size_t)(equals - text)), equals + 1);
    return true;
}

static bool add_image(struct cli *c, struct cli_args *args, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1] || args->n_images == CLI_IMAGES) {
        fprintf(stderr, "sinter: --image and --response take NAME=FILE, at most %d times, not \"%s\"\n", CLI_IMAGES,
                text);
        return false;
    }
    args->images[args->n_images++] =
        (struct cli_image){.name = arena_strndup(c->arena, text, (size_t)(equals - text)), .path = equals + 1};
    return true;
}

/* --out-rate is the field out_rate. */
static const char *underscored(struct cli *c, const char *name)
{
    char *copy = arena_strndup(c->arena, name, strlen(name));
    for (char *at = copy; *at; at++)
        *at = *at == '-' ? '_' : *at;
    return copy;
}

static bool take_option(struct cli *c, struct cli_args *args, struct json_writer *params, unsigned of, const char *name,
                        const char *value)
{
    static const char *const short_names[][2] = {{"w", "width"}, {"h", "height"}, {"p", "param"}};
    name = underscored(c, name);
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        if (!strcmp(name, short_names[i][0]))
            name = short_names[i][1];
    const struct field_info *f = field_by_name(name, of);
    bool image =
        (!strcmp(name, "image") && field_by_name("images", of)) || (!strcmp(name, "response") && of == FIELD_PROCESS);
    bool known = f || image || !strcmp(name, "o") || !strcmp(name, "store") || !strcmp(name, "param");
    if (!known || !value) {
        fprintf(stderr, known ? "sinter: -%s needs a value\n" : "sinter: there is no option \"%s\"\n", name);
        return false;
    }
    if (!strcmp(name, "o"))
        args->out = value;
    else if (!strcmp(name, "store"))
        args->store = value;
    else if (image)
        return add_image(c, args, value);
    else
        return f ? add_field(c, args, f, value) : add_param(c, params, value);
    return true;
}

bool cli_parse(struct cli *c, int argc, char **argv, unsigned of, struct cli_args *ret)
{
    struct json_writer params;
    *ret = (struct cli_args){0};
    json_writer_init(&ret->fields, c->arena);
    json_writer_init(&params, c->arena);
    json_object(&ret->fields, NULL);
    json_object(&params, NULL);
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!strcmp(arg, "--json")) {
            ret->json = true;
        } else if (!strcmp(arg, "--asm") && field_by_name("asm", of)) {
            json_bool(&ret->fields, "asm", true);
        } else if (arg[0] == '-' && arg[1]) {
            if (!take_option(c, ret, &params, of, arg + 1 + (arg[1] == '-'), argv[i + 1]))
                return false;
            i++;
        } else if (ret->n_files == 8) {
            fputs("sinter: too many files\n", stderr);
            return false;
        } else {
            ret->files[ret->n_files++] = arg;
        }
    }
    json_object_end(&params);
    if (params.text.n > 2)
        json_raw(&ret->fields, "params", params.text.s);
    return true;
}

char *cli_request(struct cli *c, const struct cli_args *args, int graph_file)
{
    struct json_writer w = args->fields;
    const char *dot = args->out ? strrchr(args->out, '.') : NULL;
    if (!args->has_expr) {
        size_t n;
        char *graph = graph_file < args->n_files ? cli_read(c, args->files[graph_file], &n) : NULL;
        if (graph_file >= args->n_files)
            fputs("sinter: there is no graph; name a file, or write --expr EXPRESSION\n", stderr);
        if (!graph)
            return NULL;
        /* Alone first: inside the request its lines would be counted wrong, and text behind it would be taken for the
         * request's. */
        struct json_limits limits = {.max_bytes = n, .max_depth = JSON_DEPTH_MAX};
        if (json_check(graph, n, &limits, c->arena, &c->fault) != STATUS_OK) {
            fprintf(stderr, "sinter: %s:\n", args->files[graph_file]);
            complain(&c->fault);
            return NULL;
        }
        json_raw(&w, "graph", graph);
    }
    if (!args->has_format && dot && !strchr(dot, '/'))
        json_string(&w, "format", !strcmp(dot, ".aif") ? "aiff" : dot + 1);
    json_object_end(&w);
    return w.text.s;
}

/* A request that this process makes of itself. */
struct asking {
    const char *type;
    double began;
    bool bar;
};

static const char *asking_header(const struct api_request *req, const char *name)
{
    const struct asking *a = req->user;
    return !strcasecmp(name, "Content-Type") ? a->type : NULL;
}

static const char *asking_query(const struct api_request *req, const char *name)
{
    (void)req;
    (void)name;
    return NULL;
}

static void asking_each(const struct api_request *req, void (*one)(const char *name, const char *value, void *),
                        void *user)
{
    (void)req;
    (void)one;
    (void)user;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void show_progress(const struct api_request *req, double done)
{
    struct asking *a = req->user;
    enum { WIDTH = 40 };
    char bar[WIDTH + 1];
    double seconds = now_s() - a->began;
    if (seconds < 1 || !isatty(STDERR_FILENO))
        return;
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)(done * WIDTH));
    bar[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %3.0f %%, %.1f s ", bar, done * 100, seconds);
    a->bar = true;
}

/* The problem's places, one a line. */
static void print_problem(struct cli *c, const struct api_response *res)
{
    struct json_limits limits = {.max_bytes = res->body_size, .max_depth = JSON_DEPTH_MAX};
    struct datum *root;
    const struct datum *errors = NULL;
    if (json_read(res->body, res->body_size, &limits, c->arena, &root, &c->fault) == STATUS_OK)
        errors = datum_get(root, "errors");
    if (!errors || !errors->n)
        fprintf(stderr, "sinter: %.*s\n", (int)res->body_size, (const char *)res->body);
    for (size_t i = 0; errors && i < errors->n; i++) {
        const struct datum *pointer = datum_get(&errors->items[i], "pointer"),
                           *detail = datum_get(&errors->items[i], "detail"),
                           *column = datum_get(&errors->items[i], "column");
        fprintf(stderr, "sinter: %s", pointer ? pointer->string : "");
        if (column)
            fprintf(stderr, ", column %.0f", column->number);
        fprintf(stderr, "%s%s\n", pointer && *pointer->string ? ": " : "", detail ? detail->string : "");
    }
}

/* All of it, as it is made, on this thread. */
static bool write_stream(struct api_response *res, FILE *f)
{
    static char piece[1 << 16];
    enum api_supply supply;
    bool written = true;
    size_t n;
    do {
        supply = api_stream_take(res->stream, piece, sizeof piece, &n);
        written &= fwrite(piece, 1, n, f) == n;
        res->body_size += n;
        if (api_stream_wants(res->stream))
            api_stream_work(res->stream);
    } while (supply == API_SUPPLY_MORE && written);
    return written && supply == API_SUPPLY_END;
}

static bool save(struct api_response *res, const char *out)
{
    if (!res->stream)
        return cli_write(out, res->body, res->body_size);
    bool standard = !strcmp(out, "-");
    FILE *f = standard ? stdout : fopen(out, "wb");
    bool done = f && write_stream(res, f);
    if (f && !standard)
        done = fclose(f) == 0 && done;
    if (!done)
        fprintf(stderr, "sinter: %s is not whole: the work failed, or it cannot be written\n", out);
    return done;
}

/* `out` NULL: the answer stays in memory. */
static bool ask(struct cli *c, enum method method, const char *path, const char *type, const void *body, size_t n,
                const char *out, struct api_response *ret)
{
    struct asking asking = {.type = type, .began = now_s()};
    struct api_request req = {.method = method,
                              .path = path,
                              .header = asking_header,
                              .query = asking_query,
                              .each_query = asking_each,
                              .body = body,
                              .body_size = n,
                              .progress = show_progress,
                              .takes_stream = out,
                              .user = &asking};
    if (api_begin(c->api, &req, ret) == API_LONG)
        api_finish(c->api, &req, ret);
    bool good = ret->http_status < 400, saved = good && (!out || save(ret, out));
    if (asking.bar)
        fputc('\n', stderr);
    if (!good)
        print_problem(c, ret);
    if (!saved)
        api_response_done(ret);
    return saved;
}

bool cli_ask(struct cli *c, enum method method, const char *path, const char *type, const void *body, size_t n,
             struct api_response *ret)
{
    return ask(c, method, path, type, body, n, NULL, ret);
}

bool cli_save(struct cli *c, const char *path, const struct cli_body *body, const char *out, struct api_response *ret)
{
    return ask(c, METHOD_POST, path, body->type, body->data, body->n, out, ret);
}

const char *cli_header(const struct api_response *res, const char *name)
{
    for (size_t i = 0; i < res->n_headers; i++)
        if (!strcasecmp(res->headers[i].name, name))
            return res->headers[i].value;
    for (size_t i = 0; i < res->n_trailers; i++)
        if (!strcasecmp(res->trailers[i].name, name))
            return res->trailers[i].value;
    return "";
}

void cli_report(const struct api_response *res, const char *out)
{
    const char *lufs = cli_header(res, "Sinter-Loudness"), *gain = cli_header(res, "Sinter-Gain");
    fprintf(stderr, "%s: %zu bytes, %s, clipped %s, not finite %s\n", out, res->body_size,
            cli_header(res, "Sinter-Engine"), cli_header(res, "Sinter-Clipped"), cli_header(res, "Sinter-Nonfinite"));
    if (*lufs)
        fprintf(stderr, "%s: %s LUFS, peak %s dBFS, true peak %s dBTP%s%s%s\n", out, lufs,
                cli_header(res, "Sinter-Peak"), cli_header(res, "Sinter-True-Peak"), *gain ? ", gain " : "", gain,
                *gain ? " dB" : "");
}
