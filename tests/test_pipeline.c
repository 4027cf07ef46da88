/* labels: api */
/* Fields that look beside their pixels: a tile is the crop of the whole, bit for bit, for every pass and every edge,
 * with any number of threads; edges are what they are called; what they may cost has a limit. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/load/pool.h"
#include "api/room.h"
#include "core/node.h"
#include "tests/support/ask.h"

enum { W = 37, H = 23 };
static const char *const edges[] = {"repeat", "clamp", "mirror", "constant"};
#define SOURCE "sin(x*37+y*11)*cos(y*29-x*3)+x*y"

struct picture {
    float *data; /* interleaved */
    unsigned width, height, channels;
};

static struct picture picture_of(struct api_response res, unsigned width, unsigned height)
{
    assert_ok(&res);
    struct picture p = {arena_alloc(arena, res.body_size), width, height,
                        (unsigned)(res.body_size / sizeof(float) / width / height)};
    memcpy(p.data, res.body, res.body_size);
    assert_true(p.channels >= 1 && p.channels <= 4);
    assert_int_equal(res.body_size, sizeof(float) * width * height * p.channels);
    api_response_done(&res);
    return p;
}

static struct api_response render_of(struct api *of, const char *graph, unsigned width, unsigned height,
                                     const char *more)
{
    const char *text = arena_printf(arena, "{\"graph\":%s,\"width\":%u,\"height\":%u,\"format\":\"f32\"%s}", graph,
                                    width, height, more);
    return ask_of(of, (struct ask){.method = METHOD_POST, .path = "/render", .type = "application/json", .body = text});
}

static struct picture render(const char *graph, unsigned width, unsigned height, const char *more)
{
    return picture_of(render_of(api, graph, width, height, more), width, height);
}

static void assert_crop(const char *what, struct picture whole, struct picture part, unsigned x0, unsigned y0)
{
    assert_int_equal(whole.channels, part.channels);
    for (unsigned y = 0; y < part.height; y++) {
        const float *row = whole.data + ((size_t)(y0 + y) * whole.width + x0) * whole.channels;
        if (memcmp(row, part.data + (size_t)y * part.width * part.channels, sizeof(float) * part.width * part.channels))
            fail_msg("%s: row %u of the part at %u, %u is not that of the whole", what, y, x0, y0);
    }
}

static const unsigned tiles[][4] = {{0, 0, 1, 1},  {36, 22, 1, 1}, {17, 11, 1, 1},  {0, 22, 37, 1}, {36, 0, 1, 23},
                                    {3, 5, 11, 7}, {0, 0, 20, 10}, {25, 15, 12, 8}, {1, 1, 35, 21}};

/* Every tile of the list against the whole, with these further fields of the request. */
static void check_tiles(const char *what, const char *graph, const char *more)
{
    struct picture whole = render(graph, W, H, more);
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        const unsigned *t = tiles[i];
        const char *fields = arena_printf(arena, ",\"tile\":[%u,%u,%u,%u]%s", t[0], t[1], t[2], t[3], more);
        assert_crop(what, whole, picture_of(render_of(api, graph, W, H, fields), t[2], t[3]), t[0], t[1]);
    }
    /* The unit under test is not a constant. */
    bool varies = false;
    for (size_t i = whole.channels; i < (size_t)W * H * whole.channels; i++)
        varies |= whole.data[i] != whole.data[i % whole.channels];
    if (!varies)
        fail_msg("%s is constant", what);
}

static bool is_pass(const struct node_def *def)
{
    return node_input_by_name(def, "wrap") && !node_input_by_name(def, "name");
}

/* What a node needs beside its first input and its edges. */
static const char *needs_of(const char *name)
{
    static const char *const needs[][2] = {
        {"convolve", ",\"kernel\":[[1,2,1],[0,0.5,0],[-1,-2,3]]"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (!strcmp(needs[i][0], name))
            return needs[i][1];
    return "";
}

/* Every input that must be there gets the source, and the first one in any case. */
static const char *pass_graph(const struct node_def *def, const char *source, const char *edge)
{
    const char *inputs = "";
    for (size_t i = 0; i < def->n_inputs; i++)
        if (def->inputs[i].type != INPUT_SHAPE && (i == 0 || def->inputs[i].required))
            inputs = arena_printf(arena, "%s,\"%s\":\"%s\"", inputs, def->inputs[i].name, source);
    return arena_printf(arena, "{\"nodes\":{\"n\":{\"op\":\"%s\",\"wrap\":\"%s\"%s%s}},\"output\":\"n\"}", def->name,
                        edge, inputs, needs_of(def->name));
}

static void tiles_equal_crops_for_every_pass_and_edge(void **state)
{
    (void)state;
    unsigned passes = 0;
    for (size_t i = 0; i < node_count(); i++) {
        const struct node_def *def = node_at(i);
        if (!is_pass(def))
            continue;
        passes++;
        for (int e = 0; e < 4; e++)
            check_tiles(arena_printf(arena, "%s, %s", def->name, edges[e]), pass_graph(def, SOURCE, edges[e]), "");
    }
    assert_true(passes >= 10);
}

static int by_edge(int64_t x, int64_t n, int edge)
{
    while (edge == 0 && (x < 0 || x >= n))
        x += x < 0 ? n : -n;
    while (edge == 2 && n > 1 && (x < 0 || x >= n))
        x = x < 0 ? -x : 2 * (n - 1) - x;
    if (edge == 1 || (edge == 2 && n == 1))
        x = x < 0 ? 0 : x >= n ? n - 1 : x;
    return x < 0 || x >= n ? -1 : (int)x;
}

/* A kernel with one entry, at (dx, dy) of 7 x 7, applied `times` times: the pixel that many steps away. */
static const char *shift_graph(int dx, int dy, int times, const char *edge)
{
    char kernel[512] = "";
    size_t n = 0;
    for (int y = -3; y <= 3; y++) {
        n += (size_t)snprintf(kernel + n, sizeof kernel - n, "%s", y == -3 ? "[" : ",[");
        for (int x = -3; x <= 3; x++)
            n += (size_t)snprintf(kernel + n, sizeof kernel - n, "%s%d", x == -3 ? "" : ",", x == dx && y == dy);
        n += (size_t)snprintf(kernel + n, sizeof kernel - n, "]");
    }
    char *nodes = arena_printf(arena, "\"s0\":{\"op\":\"convolve\",\"in\":\"%s\",\"kernel\":[%s],\"wrap\":\"%s\"}",
                               SOURCE, kernel, edge);
    for (int i = 1; i < times; i++)
        nodes = arena_printf(arena, "%s,\"s%d\":{\"op\":\"convolve\",\"in\":\"s%d\",\"kernel\":[%s],\"wrap\":\"%s\"}",
                             nodes, i, i - 1, kernel, edge);
    return arena_printf(arena, "{\"nodes\":{%s},\"output\":\"s%d\"}", nodes, times - 1);
}

/* dx, dy of convolve's kernel may mean the neighbour there or the one opposite; the test finds out in the middle. */
static void check_shift(unsigned width, unsigned height, int edge, int dx, int dy, int times, int sign)
{
    struct picture plain = render("{\"output\":\"" SOURCE "\"}", width, height, ""),
                   moved = render(shift_graph(dx, dy, times, edges[edge]), width, height, "");
    for (int y = 0; y < (int)height; y++) {
        for (int x = 0; x < (int)width; x++) {
            int fx = x, fy = y;
            for (int i = 0; i < times && fx >= 0 && fy >= 0; i++) {
                fx = by_edge(fx + sign * dx, width, edge);
                fy = fx < 0 ? -1 : by_edge(fy + sign * dy, height, edge);
            }
            float expected = fx < 0 || fy < 0 ? 0.0f : plain.data[(unsigned)fy * width + (unsigned)fx];
            if (moved.data[(unsigned)y * width + (unsigned)x] != expected)
                fail_msg("%s of %u x %u by %d, %d, %d times: at %d, %d there is %g, not %g", edges[edge], width, height,
                         dx, dy, times, x, y, (double)moved.data[(unsigned)y * width + (unsigned)x], (double)expected);
        }
    }
}

static int convolve_sign(void)
{
    struct picture plain = render("{\"output\":\"" SOURCE "\"}", 9, 9, ""),
                   moved = render(shift_graph(1, 0, 1, "clamp"), 9, 9, "");
    return moved.data[4 * 9 + 4] == plain.data[4 * 9 + 5] ? 1 : -1;
}

static void edges_are_what_they_are_called(void **state)
{
    (void)state;
    static const unsigned sizes[][2] = {{9, 7}, {1, 1}, {2, 1}, {1, 3}, {2, 2}, {3, 2}};
    static const int shifts[][2] = {{3, 0}, {-3, 0}, {0, 2}, {0, -3}, {1, -1}, {-2, 3}, {0, 0}};
    int sign = convolve_sign();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++)
            for (int e = 0; e < 4; e++)
                for (int times = 1; times <= 4; times += 3)
                    check_shift(sizes[s][0], sizes[s][1], e, shifts[i][0], shifts[i][1], times, sign);
}

/* Planes that read planes, one read by two stages, and two edges that differ. */
static const char deep[] =
    "{\"nodes\":{\"a\":{\"op\":\"blur\",\"in\":\"" SOURCE "\",\"sigma\":1.5,\"wrap\":\"mirror\"},"
    "\"b\":{\"op\":\"blur\",\"in\":\"a*a+x\",\"sigma\":3,\"wrap\":\"repeat\"},"
    "\"c\":{\"op\":\"erode\",\"in\":\"a-b\",\"radius\":2,\"wrap\":\"constant\"},"
    "\"d\":{\"op\":\"emboss\",\"in\":\"c+a\",\"wrap\":\"clamp\"}},\"output\":[\"d\",\"b+c*x\",\"a\"]}";

static void chains_of_passes_are_crops_too(void **state)
{
    (void)state;
    check_tiles("a chain", deep, "");
    check_tiles("a chain of points", deep, ",\"samples\":4");
    check_tiles("a chain elsewhere", deep, ",\"region\":[-2,3,1.5,-1],\"time\":3,\"z\":2,\"seed\":5");
}

/* The mean over the grid is that of whole pictures, one for each point, summed in this order. */
static void points_of_a_pixel_have_planes_of_their_own(void **state)
{
    (void)state;
    struct picture mean = render(deep, W, H, ",\"samples\":4");
    float *sum = arena_alloc(arena, sizeof(float) * W * H * 3);
    for (int k = 0; k < 4; k++) {
        double dx = (k % 2 ? 0.25 : -0.25) / W, dy = (k / 2 ? 0.25 : -0.25) / H;
        const char *more = arena_printf(arena, ",\"region\":[%.17g,%.17g,%.17g,%.17g]", dx, dy, 1 + dx, 1 + dy);
        struct picture one = render(deep, W, H, more);
        for (size_t i = 0; i < (size_t)W * H * 3; i++)
            sum[i] = k ? sum[i] + one.data[i] : one.data[i];
    }
    for (size_t i = 0; i < (size_t)W * H * 3; i++)
        assert_true(fabsf(mean.data[i] - sum[i] / 4) < 2e-5f); /* the positions are rounded otherwise */
}

/* Frames and slices: each is the picture of its time or place alone. */
static void frames_have_planes_of_their_own(void **state)
{
    (void)state;
    static const char graph[] =
        "{\"params\":{\"s\":2},\"nodes\":{\"a\":{\"op\":\"box_blur\",\"in\":\"sin(x*9+t)*cos(y*7-z)\",\"radius\":3},"
        "\"b\":{\"op\":\"blur\",\"in\":\"a+t*x\",\"sigma\":1.25}},\"output\":\"b\"}";
    for (int samples = 1; samples <= 4; samples += 3) {
        const char *more = arena_printf(arena, ",\"samples\":%d,\"time\":0.5,\"frames\":3,\"fps\":4", samples);
        struct picture all = picture_of(render_of(api, graph, W, H, more), W, 3 * H);
        for (unsigned f = 0; f < 3; f++) {
            const char *at = arena_printf(arena, ",\"samples\":%d,\"time\":%.17g", samples, 0.5 + f / 4.0);
            struct picture one = render(graph, W, H, at);
            assert_memory_equal(one.data, all.data + (size_t)f * W * H, sizeof(float) * W * H);
        }
        assert_memory_not_equal(all.data, all.data + (size_t)W * H, sizeof(float) * W * H);
    }
}

/* What moves with time or z reaches elsewhere in each frame. */
static void reach_may_change_from_frame_to_frame(void **state)
{
    (void)state;
    static const char graph[] = "{\"output\":\"drop_shadow(vec4(1,x,0,step(0.3,y)),sigma=1,dx=t*17-9,dy=z*30,colour="
                                "vec3(x,y,0),wrap='repeat')\"}";
    check_tiles("a shadow that moves", graph, ",\"time\":1.3,\"z\":-0.2");
    struct picture all = picture_of(render_of(api, graph, W, H, ",\"time\":0.1,\"frames\":4,\"fps\":3"), W, 4 * H);
    for (unsigned f = 0; f < 4; f++) {
        const char *at = arena_printf(arena, ",\"time\":%.17g", 0.1 + f / 3.0);
        struct picture one = render(graph, W, H, at);
        assert_memory_equal(one.data, all.data + (size_t)f * W * H * 4, sizeof(float) * W * H * 4);
    }
}

static void what_reaches_far_is_refused_or_wrapped(void **state)
{
    (void)state;
    static const char *const far[] = {"1e9", "-1e9", "1/0", "0/0", "50000"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        const char *graph = arena_printf(
            arena, "{\"output\":\"drop_shadow(vec4(1,x,0,step(0.3,y)),dx=%s,dy=3,colour=vec3(0,0,0))\"}", far[i]);
        struct api_response res = render_of(api, graph, W, H, "");
        assert_true(res.http_status == 200 || res.http_status == 422);
        api_response_done(&res);
    }
    assert_problem(render_of(api, "{\"output\":\"drop_shadow(1,dx=x,colour=vec3(0,0,0))\"}", W, H, ""),
                   STATUS_BAD_GRAPH, NULL, "whole image");
}

static void any_number_of_threads_gives_the_same(void **state)
{
    (void)state;
    struct pool *own = pool;
    for (int samples = 1; samples <= 4; samples += 3) {
        const char *more = arena_printf(arena, ",\"samples\":%d", samples);
        struct picture first = {0};
        for (int threads = 1; threads <= 5; threads += 2) {
            pool = pool_new(threads);
            struct api *other = small_api(api_config_default());
            struct picture p = picture_of(render_of(other, deep, 300, 200, more), 300, 200);
            if (threads == 1)
                first = p;
            assert_crop("threads", first, p, 0, 0);
            api_free(other);
            pool_free(pool);
        }
    }
    pool = own;
}

static void planes_have_a_limit_that_tiles_keep(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_plane_bytes = 64 << 10;
    struct api *small = small_api(config);
    static const char graph[] = "{\"output\":\"blur(sin(x*9),sigma=2)\"}";
    assert_limit(render_of(small, graph, 200, 200, ""), "max-plane-bytes", "/width");
    unsigned side = 20;
    for (int status = 200; status == 200; side++) {
        struct api_response res = render_of(small, graph, side, side, "");
        status = res.http_status;
        api_response_done(&res);
    }
    assert_true(side > 40);
    assert_limit(render_of(small, graph, side - 2, side - 2, ",\"samples\":4"), "max-plane-bytes", "/width");
    struct picture whole = render(graph, 200, 200, "");
    struct picture part = picture_of(render_of(small, graph, 200, 200, ",\"tile\":[90,180,20,20]"), 20, 20);
    assert_crop("small", whole, part, 90, 180);
    /* Planes that nobody needs any more make room. */
    static const char chain[] =
        "{\"nodes\":{\"a\":{\"op\":\"blur\",\"in\":\"x\"},\"b\":{\"op\":\"blur\",\"in\":\"a\"},"
        "\"c\":{\"op\":\"blur\",\"in\":\"b\"},\"d\":{\"op\":\"blur\",\"in\":\"c\"}},\"output\":\"d\"}";
    struct api_response res = render_of(small, chain, 60, 60, "");
    assert_ok(&res);
    api_response_done(&res);
    api_free(small);
}

static void deadlines_and_leaving_end_the_work(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_request_ms = 1;
    struct api *hurried = small_api(config);
    struct api_response late = render_of(hurried, deep, 2000, 2000, ",\"samples\":16");
    assert_non_null(late.limit);
    assert_string_equal(late.limit, "max-request-ms");
    assert_problem(late, STATUS_DEADLINE, "", "--max-request-ms");
    api_free(hurried);
    const char *text = arena_printf(arena, "{\"graph\":%s,\"width\":500,\"height\":500}", deep);
    assert_problem(
        ask((struct ask){
            .method = METHOD_POST, .path = "/render", .type = "application/json", .body = text, .gone = true}),
        STATUS_CLIENT_GONE, "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_what_they_are_called),
        cmocka_unit_test(tiles_equal_crops_for_every_pass_and_edge),
        cmocka_unit_test(chains_of_passes_are_crops_too),
        cmocka_unit_test(points_of_a_pixel_have_planes_of_their_own),
        cmocka_unit_test(frames_have_planes_of_their_own),
        cmocka_unit_test(reach_may_change_from_frame_to_frame),
        cmocka_unit_test(what_reaches_far_is_refused_or_wrapped),
        cmocka_unit_test(any_number_of_threads_gives_the_same),
        cmocka_unit_test(planes_have_a_limit_that_tiles_keep),
        cmocka_unit_test(deadlines_and_leaving_end_the_work),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
