/* labels: api jit
 * A stream that goes on elsewhere: bit for bit, with another engine, under the same key; anything else is refused. */
#include "tests/support/folder.h"
#include "tests/support/streaming.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/streams/stream_state.h"
#include "core/hash.h"
#include "core/ir.h"

enum { FRAMES = 6000, HALF = 2500, MAGIC = 16 };

static float noise[FRAMES], heard[FRAMES * 2], wanted[FRAMES * 2];
static char folder[FOLDER_PATH];

struct bytes_of {
    uint8_t *data;
    size_t n;
};

static struct bytes_of export(const struct fed *s)
{
    struct api_response res = stream_get(s, "/state");
    assert_ok(&res);
    struct bytes_of b = {.data = malloc(res.body_size), .n = res.body_size};
    memcpy(b.data, res.body, res.body_size);
    assert_string_equal(header_of(&res, "Content-Type"), "application/octet-stream");
    api_response_done(&res);
    return b;
}

static struct fed import(struct api *of, const struct fed *from, struct bytes_of state)
{
    struct fed s = *from;
    struct api_response res = stream_import(of, state.data, state.n);
    if (res.http_status != 201)
        fail_msg("%d %s", res.http_status, body_of(&res));
    s.api = of;
    s.path = arena_strdup(arena, header_of(&res, "Location"));
    assert_string_not_equal(s.path, from->path);
    api_response_done(&res);
    return s;
}

static struct api *kept_api(const char *dir)
{
    struct api_config config = api_config_default();
    config.store_dir = dir;
    return small_api(config);
}

static const char moves[] =
    "{\"params\":[{\"param\":\"cutoff\",\"value\":5000,\"at\":2000,\"ramp_frames\":1500},"
    "{\"param\":\"mix\",\"value\":1,\"at\":4000},{\"param\":\"mix\",\"value\":0.3,\"at\":5000,\"ramp\":0.01}]}";

static struct fed begin(struct api *of)
{
    struct fed s = stream_open(of, "\"graph\":" ECHO_GRAPH ",\"rate\":48000,\"seed\":5");
    struct api_response res = stream_patch(&s, moves);
    assert_ok(&res);
    api_response_done(&res);
    return s;
}

static void an_exported_stream_goes_on_bit_for_bit(void **state)
{
    (void)state;
    struct api *one = kept_api(folder);
    struct fed whole = begin(one), first = begin(one);
    stream_feed(&whole, noise, 0, FRAMES, 512, wanted);
    stream_feed(&first, noise, 0, HALF, 100, heard); /* in the middle of a ramp */
    struct bytes_of exported = export(&first);
    api_free(one); /* as a restart */
    struct api *two = kept_api(folder);
    struct fed second = import(two, &first, exported), twin = import(two, &first, exported);
    assert_true(stream_number(&second, "position") == HALF);
    assert_true(stream_number(&second, "changes") == 2);
    assert_true(stream_number(&second, "seed") == 5);
    /* A block whose answer was lost on the way is asked for again, at the new place. */
    struct api_response res = stream_send(&second, second.seq - 1, noise + HALF - 100, 400);
    assert_ok(&res);
    assert_memory_equal(res.body, heard + (HALF - 100) * 2, 800);
    api_response_done(&res);
    assert_problem(stream_send(&second, second.seq - 1, noise, 400), STATUS_CONFLICT, "/seq", "same body");
    stream_feed(&second, noise, HALF, FRAMES, 64, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
    memset(heard + HALF * 2, 0, sizeof heard - HALF * 8);
    stream_feed(&twin, noise, HALF, FRAMES, FRAMES, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
    free(exported.data);
    api_free(two);
}

static void exporting_changes_nothing(void **state)
{
    (void)state;
    struct fed s = begin(api);
    stream_feed(&s, noise, 0, HALF, 100, heard);
    struct bytes_of a = export(&s), b = export(&s);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    stream_feed(&s, noise, HALF, FRAMES, 100, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
    free(a.data);
    free(b.data);
}

static void what_was_changed_is_refused(void **state)
{
    (void)state;
    struct fed s = begin(api);
    stream_feed(&s, noise, 0, 300, 100, heard);
    struct bytes_of b = export(&s);
    for (size_t i = 0; i < b.n; i += i < 400 || i + 64 > b.n ? 1 : 97) {
        b.data[i] ^= 1;
        assert_problem(stream_import(api, b.data, b.n), STATUS_BAD_STATE, "", i < MAGIC ? "is not" : "key");
        b.data[i] ^= 1;
    }
    for (size_t n = 1; n < b.n; n = n * 2 + 1)
        assert_problem(stream_import(api, b.data, b.n - n), STATUS_BAD_STATE, "", NULL);
    assert_problem(stream_import(api, "hello", 5), STATUS_BAD_STATE, "", "is not");
    struct api *stranger = small_api(api_config_default());
    assert_problem(stream_import(stranger, b.data, b.n), STATUS_BAD_STATE, "", "another key");
    api_free(stranger);
    s = import(api, &s, b);
    free(b.data);
}

/* What another release would have sealed. */
static void seal(struct bytes_of *b)
{
    size_t n = 0;
    const char *path = arena_printf(arena, "%s/streams.key", folder);
    const uint8_t *key = (const uint8_t *)test_read_file(arena, path, &n);
    assert_int_equal(n, MAC_KEY_SIZE);
    hash_mac(key, &(struct hash_part){b->data, b->n - MAC_SIZE}, 1, b->data + b->n - MAC_SIZE);
}

static void put_number(struct bytes_of *b, size_t at, uint64_t v)
{
    memcpy(b->data + at, &v, sizeof v);
    seal(b);
}

static void other_versions_are_refused_by_name(void **state)
{
    (void)state;
    enum { FORM = MAGIC, SEMANTICS = FORM + 8, GRAPH = SEMANTICS + 8, LAYOUT = GRAPH + GRAPH_ID_SIZE };
    struct api *kept = kept_api(folder);
    struct fed s = begin(kept);
    struct bytes_of b = export(&s);
    put_number(&b, FORM, STREAM_STATE_VERSION + 1);
    assert_problem(stream_import(kept, b.data, b.n), STATUS_BAD_STATE, "", "another release");
    put_number(&b, FORM, STREAM_STATE_VERSION);
    put_number(&b, SEMANTICS, SEMANTICS_VERSION + 1);
    assert_problem(stream_import(kept, b.data, b.n), STATUS_BAD_STATE, "", "semantics version");
    put_number(&b, SEMANTICS, SEMANTICS_VERSION);
    b.data[GRAPH] ^= 1;
    seal(&b);
    assert_problem(stream_import(kept, b.data, b.n), STATUS_BAD_STATE, "", "another id");
    b.data[GRAPH] ^= 1;
    b.data[LAYOUT] ^= 1;
    seal(&b);
    assert_problem(stream_import(kept, b.data, b.n), STATUS_BAD_STATE, "", "lays the graph's state out otherwise");
    b.data[LAYOUT] ^= 1;
    seal(&b);
    s = import(kept, &s, b);
    /* Sealed, but cut: a count says more than there is. */
    b.n -= 64;
    seal(&b);
    assert_problem(stream_import(kept, b.data, b.n), STATUS_BAD_STATE, "", "does not hold");
    free(b.data);
    api_free(kept);
}

static void limits_hold_for_what_comes_back(void **state)
{
    (void)state;
    struct api *one = kept_api(folder);
    struct fed s = begin(one);
    struct bytes_of b = export(&s);
    struct api_config config = api_config_default();
    config.store_dir = folder;
    config.max_state_bytes = 1000;
    struct api *small = small_api(config);
    assert_limit(stream_import(small, b.data, b.n), "max-state-bytes", "");
    api_free(small);
    config.max_state_bytes = api_config_default().max_state_bytes;
    config.max_streams = 0;
    small = small_api(config);
    assert_problem(stream_import(small, b.data, b.n), STATUS_BUSY, "", "--max-streams");
    struct ask with = {.method = METHOD_POST,
                       .path = "/streams",
                       .query = "rate=44100",
                       .type = "application/octet-stream",
                       .body = (const char *)b.data,
                       .size = b.n};
    assert_problem(ask_of(one, with), STATUS_BAD_FIELD, "/rate", NULL);
    free(b.data);
    api_free(small);
    api_free(one);
}

/* Every audio example, stereo, in random pieces, each sent twice, moved to another server on the way. */

static bool is_audio(const char *graph, const char **ret_id, bool *ret_reads)
{
    struct api_response res = post("/graphs", graph);
    assert_true(res.http_status == 201 || res.http_status == 200);
    const struct datum *root = json_of(res.body, res.body_size);
    *ret_id = datum_get(root, "id")->string;
    *ret_reads = datum_get(root, "inputs")->number > 0;
    bool audio = !strcmp(datum_get(root, "kind")->string, "audio");
    api_response_done(&res);
    return audio;
}

static void feed_twice(struct fed *s, const float *in, size_t from, size_t to, float *out)
{
    uint64_t seed = from;
    for (size_t at = from, n; at < to; at += n) {
        n = test_random(&seed) % 500 + 1;
        n = n < to - at ? n : to - at;
        for (int again = 0; again < 2; again++) {
            struct api_response res = in ? stream_send(s, s->seq, in + at * 2, n * 8) : stream_silence(s, s->seq, n);
            assert_ok(&res);
            if (again)
                assert_memory_equal((char *)out + at * s->frame_out, res.body, res.body_size);
            memcpy((char *)out + at * s->frame_out, res.body, res.body_size);
            api_response_done(&res);
        }
        s->seq++;
    }
}

static void try_example(const char *id, bool reads)
{
    enum { N = FRAMES / 2 };
    static float out[N * 64];
    struct fed s = stream_open(api, arena_printf(arena, "\"graph_id\":\"%s\",\"rate\":48000,\"channels\":2", id));
    assert_true(s.frame_out <= 64 * sizeof(float));
    feed_twice(&s, reads ? noise : NULL, 0, N / 3, out);
    struct bytes_of b = export(&s);
    struct fed other = import(api, &s, b);
    feed_twice(&other, reads ? noise : NULL, N / 3, N, out);
    struct api_response whole =
        reads ? process_raw(arena_printf(arena, "graph=%s&rate=48000&channels=2&format=f32le", id), noise, N * 8)
              : post("/process", arena_printf(arena,
                                              "{\"graph_id\":\"%s\",\"rate\":48000,\"channels\":2,\"frames\":%d,"
                                              "\"format\":\"f32le\"}",
                                              id, N));
    assert_ok(&whole);
    assert_int_equal(whole.body_size, N * s.frame_out);
    assert_memory_equal(out, whole.body, whole.body_size);
    api_response_done(&whole);
    free(b.data);
}

static void every_audio_example_streams(void **state)
{
    (void)state;
    int tried = 0;
    DIR *dir = opendir("examples");
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        const char *dot = strrchr(d->d_name, '.'), *id;
        bool reads;
        if (!dot || strcmp(dot, ".json") != 0)
            continue;
        const char *path = arena_printf(arena, "examples/%s", d->d_name);
        if (!is_audio(test_read_file(arena, path, NULL), &id, &reads))
            continue;
        try_example(id, reads);
        tried++;
    }
    closedir(dir);
    assert_true(tried >= 6);
}

/* Engines */

static struct engine *compiling_engine(struct fault *fault)
{
    struct engine_config config = engine_config_default();
    struct engine *e;
    config.compilers = 1;
    config.store_dir = NULL;
    config.compiler_path = arena_printf(arena, "%s/sinter-cc", test_build_dir());
    assert_int_equal(engine_new(&config, &e, fault), STATUS_OK);
    return e;
}

static void the_engine_may_change_in_the_middle(void **state)
{
    (void)state;
    enum { STEP = 10, PATIENCE = 300 };
    struct fault fault;
    struct api *compiling;
    fault_init(&fault, arena);
    if (engine_config_default().target == TARGET_NONE)
        skip();
    struct engine *e = compiling_engine(&fault);
    struct api_config config = api_config_default();
    config.store_dir = folder;
    assert_int_equal(api_new(&config, e, pool, &compiling, &fault), STATUS_OK);
    struct api *interpreting = kept_api(folder);
    struct fed s = begin(compiling);
    /* Until the kernel is there every block is the interpreter's. */
    size_t at = 0;
    bool changed = false, interpreted = false;
    for (int i = 0; i < PATIENCE && !changed; i++) {
        struct api_response res = stream_send(&s, s.seq++, noise + at, STEP * sizeof(float));
        assert_ok(&res);
        memcpy(heard + at * 2, res.body, res.body_size);
        interpreted |= !strcmp(header_of(&res, "Sinter-Engine"), "interp");
        changed = !strcmp(header_of(&res, "Sinter-Engine"), "jit");
        api_response_done(&res);
        at += STEP;
        if (!changed)
            nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
    }
    assert_true(interpreted);
    assert_true(changed);
    stream_feed(&s, noise, at, 4000, 77, heard);
    /* And back: what the kernel left, the interpreter takes up. */
    struct bytes_of b = export(&s);
    struct fed back = import(interpreting, &s, b);
    stream_feed(&back, noise, 4000, FRAMES, 33, heard);
    assert_memory_equal(heard, wanted, sizeof heard);
    free(b.data);
    api_free(interpreting);
    api_free(compiling);
    engine_free(e);
}

static int set_up(void **state)
{
    uint64_t seed = 1;
    for (size_t i = 0; i < FRAMES; i++)
        noise[i] = (float)test_random(&seed) * 0x1p-31f - 1;
    folder_make(folder);
    return ask_set_up(state);
}

static int tear_down(void **state)
{
    folder_remove(folder);
    return ask_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exported_stream_goes_on_bit_for_bit),
        cmocka_unit_test(exporting_changes_nothing),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(other_versions_are_refused_by_name),
        cmocka_unit_test(limits_hold_for_what_comes_back),
        cmocka_unit_test(every_audio_example_streams),
        cmocka_unit_test(the_engine_may_change_in_the_middle),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
