/* labels: api */
/* The n-th allocation fails, for every n, whoever makes it: a request that meets this is answered 503, or rightly after
 * all; nothing is leaked, and the same request works right behind. Each round has an api of its own, so that what is
 * alive at its end can be counted. With SINTER_EVERY set every n is tried, and with all that follow failing, too; else
 * about two dozen of each request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jit/store.h"
#include "tests/interpose/allocations.h"
#include "tests/support/ask.h"
#include "tests/support/upload.h"

enum { PREPARED = 8, ROUNDS_QUICK = 24, SETTLE_MS = 400 };

/* One request; `before` is asked before it, and its Location stands for %s in the path. */
struct scenario {
    const char *name;
    struct ask ask, before;
    bool varies;  /* the answer is another each time */
    size_t piece; /* > 0: the body comes in pieces of this size */
};

static struct scenario scenarios[64];
static size_t n_scenarios;
static char folder[64];

#define JSON(p, text)                                                                                                  \
    {                                                                                                                  \
        .method = METHOD_POST, .path = p, .type = "application/json", .body = text                                     \
    }
#define GET(p, q)                                                                                                      \
    {                                                                                                                  \
        .method = METHOD_GET, .path = p, .query = q                                                                    \
    }
#define RENDER(rest) "{\"width\":24,\"height\":18," rest "}"
#define NODES                                                                                                          \
    "\"graph\":{\"params\":{\"k\":{\"default\":3,\"min\":0,\"max\":9}},\"nodes\":{\"n\":{\"op\":\"perlin2\","          \
    "\"x\":\"x*k\",\"y\":\"y*4\",\"seed\":7},\"w\":{\"op\":\"ramp\",\"in\":\"n\",\"stops\":[[0,\"#102030\"],[1,"       \
    "\"#ffeecc\"]]}},\"output\":\"w\"}"
#define STREAM                                                                                                         \
    "{\"graph\":{\"params\":{\"k\":1},\"nodes\":{\"d\":{\"op\":\"delay\",\"in\":\"in+0.5*d\",\"time\":0.002}},"        \
    "\"output\":\"d*k\"},\"rate\":48000}"

static void add(struct scenario s)
{
    scenarios[n_scenarios++] = s;
}

/* The body of an answer of an api without faults; lives as long as the test. */
static struct ask with_body_of(struct ask ask, const char *path, const char *json)
{
    struct api_response res = post(path, json);
    assert_ok(&res);
    ask.method = METHOD_POST;
    ask.body = upload_body(&res);
    ask.size = res.body_size;
    api_response_done(&res);
    return ask;
}

/* A multipart body: the request, and a file made by another request. */
static struct ask multipart(const char *path, const char *request, const char *name, const char *made_by,
                            const char *json)
{
    struct ask file = with_body_of((struct ask){0}, made_by, json);
    const char *head = arena_printf(arena,
                                    "--cut\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n%s\r\n"
                                    "--cut\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
                                    request, name);
    size_t n = strlen(head);
    static const char end[] = "\r\n--cut--\r\n";
    char *body = arena_alloc(arena, n + file.size + sizeof end);
    memcpy(body, head, n);
    memcpy(body + n, file.body, file.size);
    memcpy(body + n + file.size, end, sizeof end - 1);
    return (struct ask){.method = METHOD_POST,
                        .path = path,
                        .type = "multipart/form-data; boundary=cut",
                        .body = body,
                        .size = n + file.size + sizeof end - 1};
}

#define TONE(more) "{\"expr\":\"sine(440)*0.5\",\"rate\":48000,\"channels\":2,\"seconds\":0.05" more "}"
#define PICTURE(format) "{\"expr\":\"vec4(x,y,x*y,1)\",\"width\":16,\"height\":9,\"format\":\"" format "\"}"

static void add_renders(void)
{
    static const char *const formats[] = {"png", "f32", "npy", "pfm", "exr"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        add((struct scenario){formats[i], .ask = JSON("/render", arena_printf(arena, RENDER("%s,\"format\":\"%s\""),
                                                                              NODES, formats[i]))});
    add((struct scenario){"an expression by GET",
                          .ask = GET("/render", "expr=sin(x*9)+y&width=9&height=9&format=f32")});
    add((struct scenario){
        "a sequence of frames",
        .ask = JSON("/render", RENDER("\"expr\":\"sin(x*9+t)\",\"frames\":3,\"fps\":5,\"format\":\"png\""))});
    add((struct scenario){"points a pixel, dithered",
                          .ask = JSON("/render", RENDER("\"expr\":\"x*y\",\"samples\":4,\"dither\":true"))});
    add((struct scenario){"what looks beside its pixel",
                          .ask =
                              JSON("/render", RENDER("\"expr\":\"blur(perlin2(x*5,y*5),0.1)\",\"format\":\"f32\""))});
    add((struct scenario){"a graph that is wrong", .ask = JSON("/render", RENDER("\"expr\":\"nothing(x)+*\""))});
    add((struct scenario){"a graph by its id", .ask = GET("/render", "graph=%s&width=8&height=8&format=f32"),
                          .before = JSON("/graphs", "{\"output\":\"x+y\"}")});
    static const char *const pictures[] = {"png", "npy", "exr"};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        add((struct scenario){
            arena_printf(arena, "an uploaded %s", pictures[i]),
            .ask = multipart("/render", "{\"expr\":\"image('p',u,v)\",\"width\":9,\"height\":7,\"format\":\"f32\"}",
                             "p", "/render", arena_printf(arena, PICTURE("%s"), pictures[i]))});
}

static void add_audio(void)
{
    static const struct ask wav = {.path = "/process", .query = "expr=lowpass(in,900)", .type = "audio/wav"},
                            flac = {.path = "/process", .query = "expr=in*0.5&format=wav", .type = "audio/flac"},
                            to_flac = {.path = "/process", .query = "expr=in&format=flac&bits=16", .type = "audio/wav"},
                            other_rate = {.path = "/process",
                                          .query = "expr=in&out_rate=32000&format=f32le",
                                          .type = "audio/wav"},
                            louder = {
                                .path = "/process", .query = "expr=in&normalize=-16&tail=0.01", .type = "audio/wav"};
    add((struct scenario){"a generator", .ask = JSON("/process", TONE(""))});
    add((struct scenario){"a WAV", .ask = with_body_of(wav, "/process", TONE(""))});
    add((struct scenario){"a WAV in pieces", .ask = with_body_of(wav, "/process", TONE("")), .piece = 3000});
    add((struct scenario){"a FLAC", .ask = with_body_of(flac, "/process", TONE(",\"format\":\"flac\""))});
    add((struct scenario){"a FLAC in pieces", .ask = with_body_of(flac, "/process", TONE(",\"format\":\"flac\"")),
                          .piece = 1000});
    add((struct scenario){"to FLAC", .ask = with_body_of(to_flac, "/process", TONE(""))});
    add((struct scenario){"to FLAC in pieces", .ask = with_body_of(to_flac, "/process", TONE("")), .piece = 3000});
    add((struct scenario){"another rate", .ask = with_body_of(other_rate, "/process", TONE(""))});
    add((struct scenario){"another rate in pieces", .ask = with_body_of(other_rate, "/process", TONE("")),
                          .piece = 3000});
    add((struct scenario){"another loudness", .ask = with_body_of(louder, "/process", TONE(""))});
    add((struct scenario){"another loudness in pieces", .ask = with_body_of(louder, "/process", TONE("")),
                          .piece = 3000});
    add((struct scenario){"an impulse response",
                          .ask = multipart("/process",
                                           "{\"expr\":\"convolve(sine(300),'ir')\",\"rate\":48000,\"seconds\":0.05}",
                                           "ir", "/process", TONE(""))});
}

static void add_kept(void)
{
    static const char block[64 * 4] = {1, 2, 3};
    add((struct scenario){"a graph to keep", .ask = JSON("/graphs", "{\"output\":\"sin(x)*y\"}"), .varies = true});
    add((struct scenario){"a graph kept", .ask = GET("/graphs/%s", NULL),
                          .before = JSON("/graphs", "{\"output\":\"sin(x)*y\"}")});
    add((struct scenario){"explain", .ask = JSON("/explain", "{" NODES "}"), .varies = true});
    add((struct scenario){"a stream opened", .ask = JSON("/streams", STREAM), .varies = true});
    add((struct scenario){"a block",
                          .ask = {.method = METHOD_POST,
                                  .path = "%s",
                                  .query = "seq=0",
                                  .type = "application/octet-stream",
                                  .body = block,
                                  .size = sizeof block},
                          .before = JSON("/streams", STREAM)});
    add((struct scenario){
        "a stream's parameters",
        .ask = {.method = METHOD_PATCH, .path = "%s", .type = "application/json", .body = "{\"params\":{\"k\":0.25}}"},
        .before = JSON("/streams", STREAM), .varies = true});
    add((struct scenario){"a stream seen", .ask = GET("%s", NULL), .before = JSON("/streams", STREAM), .varies = true});
    add((struct scenario){"a stream's state", .ask = GET("%s/state", NULL), .before = JSON("/streams", STREAM),
                          .varies = true});
}

#define JOB "[{\"kind\":\"render\",\"expr\":\"x\"},{\"id\":\"b\",\"kind\":\"render\",\"expr\":\"y*2\"}]"

static void add_jobs(void)
{
    static const struct ask lines = {.method = METHOD_POST,
                                     .path = "/jobs",
                                     .type = "application/x-ndjson",
                                     .body = "{\"kind\":\"render\",\"expr\":\"x\"}\n"},
                            blob = {.method = METHOD_POST,
                                    .path = "/blobs",
                                    .type = "application/octet-stream",
                                    .body = "some bytes"},
                            cancel = {.method = METHOD_DELETE, .path = "%s"};
    add((struct scenario){"a job", .ask = JSON("/jobs", JOB), .varies = true});
    add((struct scenario){"a job in lines", .ask = lines, .varies = true});
    add((struct scenario){"a job seen", .ask = GET("%s", NULL), .before = JSON("/jobs", JOB), .varies = true});
    add((struct scenario){"a job cancelled", .ask = cancel, .before = JSON("/jobs", JOB), .varies = true});
    add((struct scenario){"a blob", .ask = blob, .varies = true});
    add((struct scenario){"a blob fetched", .ask = GET("%s", NULL), .before = blob});
}

static void add_pages(void)
{
    add((struct scenario){"the catalogue", .ask = GET("/ops", NULL)});
    add((struct scenario){"the contract", .ask = GET("/openapi.json", NULL)});
    add((struct scenario){"metrics", .ask = GET("/metrics", NULL), .varies = true});
    add((struct scenario){"the index", .ask = GET("/", NULL)});
    add((struct scenario){"an error's page", .ask = GET("/errors/busy", NULL)});
    add((struct scenario){"nothing there", .ask = GET("/nowhere", NULL)});
}

/* ---- a round ---- */

struct world {
    struct engine *engine;
    struct api *api;
};

/* With a store in a folder of its own, or without one. */
static struct world world_open(bool kept)
{
    struct world w;
    struct fault fault;
    struct engine_config config = engine_config_default();
    struct api_config limits = api_config_default();
    struct arena *a = arena_new(1 << 20);
    fault_init(&fault, a);
    config.tier = TIER_INTERP;
    config.compilers = 0;
    config.store_dir = NULL;
    limits.store_dir = kept ? folder : NULL;
    limits.spool_dir = "/tmp";
    assert_int_equal(engine_new(&config, &w.engine, &fault), STATUS_OK);
    assert_int_equal(api_new(&limits, w.engine, NULL, &w.api, &fault), STATUS_OK);
    arena_free(a);
    return w;
}

static void world_close(struct world *w)
{
    api_free(w->api);
    engine_free(w->engine);
}

struct outcome {
    int http_status;
    size_t n;
    uint64_t sum; /* of the body's bytes */
    bool no_memory;
    char problem[300];
};

static struct outcome outcome_of(struct api_response *res, const struct scenario *s)
{
    struct outcome o = {.http_status = res->http_status, .n = res->body_size, .sum = 5381};
    char piece[4096];
    for (size_t at = 0; at < res->body_size && !s->varies; at += sizeof piece) {
        size_t n = res->body_size - at < sizeof piece ? res->body_size - at : sizeof piece;
        if (res->fd >= 0)
            assert_int_equal(pread(res->fd, piece, n, (off_t)(res->fd_at + at)), n);
        else
            memcpy(piece, (const char *)res->body + at, n);
        for (size_t i = 0; i < n; i++)
            o.sum = o.sum * 33 + (unsigned char)piece[i];
    }
    if (o.http_status >= 400)
        snprintf(o.problem, sizeof o.problem, "%.*s", (int)res->body_size, (const char *)res->body);
    if (o.http_status == 503)
        o.no_memory =
            *header_of(res, "Retry-After") && !strcmp(header_of(res, "Content-Type"), "application/problem+json");
    api_response_done(res);
    return o;
}

/* As upload_of does it, without memory of its own. */
static struct api_response ask_in_pieces(struct api *of, struct ask a, size_t piece)
{
    static char buffer[1 << 18];
    struct api_response res;
    struct api_request req = request_of(&a);
    size_t come = 0, kept = 0;
    bool good = api_intake_begin(of, &req, (int64_t)req.body_size, &res);
    while (good && come < req.body_size) {
        size_t n = piece < req.body_size - come ? piece : req.body_size - come, used = 0;
        memcpy(buffer + kept, (const char *)req.body + come, n);
        come += n;
        kept += n;
        good = api_intake_piece(&res, buffer, kept, &used);
        if (good)
            memmove(buffer, buffer + used, kept -= used);
    }
    if (good)
        api_intake_end(&res, buffer, kept);
    return res;
}

/* Asks with the n-th allocation failing; n 0: none. */
static struct outcome round_ask(struct api *of, const struct scenario *s, const struct ask *ask, long n, bool onwards,
                                long *ret_count)
{
    struct api_response res;
    if (n)
        allocations_arm(n, onwards);
    res = s->piece ? ask_in_pieces(of, *ask, s->piece) : ask_of(of, *ask);
    *ret_count = n ? allocations_disarm() : 0;
    return outcome_of(&res, s);
}

/* "%s" in the path or query is what `before` made. */
static struct ask prepared(struct api *of, const struct scenario *s, char text[2][256])
{
    struct ask ask = s->ask;
    if (!s->before.path)
        return ask;
    struct api_response res = ask_of(of, s->before);
    const char *location = header_of(&res, "Location");
    assert_true(*location);
    if (!strncmp(location, "/graphs/", 8))
        location += 8;
    const char *parts[] = {ask.path, ask.query};
    for (int i = 0; i < 2; i++) {
        const char *mark = parts[i] ? strstr(parts[i], "%s") : NULL;
        if (mark)
            snprintf(text[i], 256, "%.*s%s%s", (int)(mark - parts[i]), parts[i], location, mark + 2);
        else
            snprintf(text[i], 256, "%s", parts[i] ? parts[i] : "");
    }
    ask.path = text[0];
    ask.query = s->ask.query ? text[1] : NULL;
    api_response_done(&res);
    return ask;
}

/* What is wrong is said for every request, up to a few times each. */
static int wrong;
#define WRONG(...) (wrong++, print_error(__VA_ARGS__))

/* True when the fault was met. */
static bool try_round(const struct scenario *s, const struct outcome *right, long n, bool onwards)
{
    char text[2][256];
    long count, unused;
    struct world w = world_open(false);
    const struct ask ask = prepared(w.api, s, text);
    struct outcome got = round_ask(w.api, s, &ask, n, onwards, &count);
    bool same = got.http_status == right->http_status && (s->varies || (got.n == right->n && got.sum == right->sum));
    if (!same && !got.no_memory && !(s->varies && got.http_status == 200))
        WRONG("%s, allocation %ld of %ld: status %d: %s\n", s->name, n, count, got.http_status, got.problem);
    struct outcome again = round_ask(w.api, s, &ask, 0, false, &unused);
    bool works = again.http_status == right->http_status || (s->varies && again.http_status == 200);
    if (!works || (!s->varies && (again.n != right->n || again.sum != right->sum)))
        WRONG("%s, allocation %ld of %ld: the next request has status %d: %s\n", s->name, n, count, again.http_status,
              again.problem);
    world_close(&w);
    return count >= n;
}

/* Threads that have ended give back what is their own. */
static long settled(long alive)
{
    for (int ms = 0; ms < SETTLE_MS && allocations_alive() > alive; ms++)
        usleep(1000);
    return allocations_alive();
}

/* The same without leaving anything; what is made once for the process, and was not there before, is no leak. */
static bool try_twice(const struct scenario *s, const struct outcome *right, long n, bool onwards, long *alive)
{
    bool met = try_round(s, right, n, onwards);
    long after = settled(*alive);
    if (after <= *alive)
        return met;
    (void)try_round(s, right, n, onwards);
    if (settled(after) > after)
        WRONG("%s, allocation %ld%s: each time %ld more are alive\n", s->name, n, onwards ? " and all after it" : "",
              allocations_alive() - after);
    *alive = after;
    return met;
}

/* Without faults, twice: what the first leaves is once and for all. */
static struct outcome measure(const struct scenario *s, long *ret_alive, long *ret_count)
{
    struct outcome o = {0};
    for (int i = 0; i < 3; i++) {
        char text[2][256];
        struct world w = world_open(false);
        const struct ask ask = prepared(w.api, s, text);
        o = round_ask(w.api, s, &ask, 1L << 40, false, ret_count);
        world_close(&w);
        *ret_alive = allocations_alive();
    }
    return o;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool every = getenv("SINTER_EVERY");
    const char *only = getenv("SINTER_ONLY");
    long sum = 0, rounds = 0;
    for (size_t i = 0; i < n_scenarios; i++) {
        const struct scenario *s = &scenarios[i];
        long alive, count;
        if (only && !strstr(s->name, only))
            continue;
        int before = wrong;
        struct outcome right = measure(s, &alive, &count);
        if (right.http_status == 503 || right.http_status == 500)
            fail_msg("%s: status %d without any fault", s->name, right.http_status);
        long step = every || count <= ROUNDS_QUICK ? 1 : count / ROUNDS_QUICK;
        for (int onwards = 0; onwards < 2; onwards++) {
            bool met = true;
            for (long n = 1; met && wrong < before + 3; n += step) {
                met = try_twice(s, &right, n, onwards, &alive);
                rounds++;
            }
        }
        sum += count;
        if (getenv("TEST_VERBOSE"))
            print_message("%s: %ld allocations\n", s->name, count);
    }
    assert_int_equal(wrong, 0);
    test_figure("allocations.made-to-fail", (double)rounds, "rounds", "-");
    print_message("%zu requests of %ld allocations together\n", n_scenarios, sum);
}

/* ---- the store of kernels ---- */

/* A kernel put and asked for; how many allocations that took. */
static long use_store(long n, bool onwards)
{
    static const uint8_t key[HASH_SIZE] = {7}, code[700] = {0xc3}, shape_bytes[] = "shape";
    const struct image image = {code, sizeof code, 0};
    const struct bytes shape = {shape_bytes, sizeof shape_bytes};
    struct stored row;
    allocations_arm(n, onwards);
    struct store *s = store_open(&(struct store_config){.dir = folder, .bytes = 1 << 20});
    if (s) {
        store_put(s, key, TARGET_V3, shape, &image);
        store_flush(s);
        if (store_get(s, key, TARGET_V3, shape, &row) == STORE_HIT) {
            assert_memory_equal(row.image.bytes, code, sizeof code);
            stored_done(&row);
        }
        store_close(s);
    }
    return allocations_disarm();
}

static void the_store_of_kernels_does_without_memory(void **state)
{
    (void)state;
    const long never = 1L << 40;
    long alive = 0, count = 0;
    for (int i = 0; i < 3; i++) {
        count = use_store(never, false);
        alive = allocations_alive();
    }
    long step = getenv("SINTER_EVERY") ? 1 : 1 + count / ROUNDS_QUICK;
    for (int onwards = 0; onwards < 2; onwards++)
        for (long n = 1; n <= count; n += step)
            use_store(n, onwards);
    use_store(never, false);
    assert_true(settled(alive) <= alive);
    assert_true(count > 50);
}

static int set_up(void **state)
{
    if (ask_set_up(state))
        return -1;
    strcpy(folder, "/tmp/sinter-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    add_renders();
    add_audio();
    add_kept();
    add_jobs();
    add_pages();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) || ask_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_store_of_kernels_does_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
