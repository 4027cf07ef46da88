/* labels: api */
/* Images that a request brings: a multipart body, names that match or do not, limits, tags; the pixels a graph sees are
 * those of the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "tests/support/ask.h"
#include "tests/support/pictures.h"

enum { W = 21, H = 13, PARTS = 4 };
#define GRAPH                                                                                                          \
    "{\"nodes\":{\"p\":{\"op\":\"image\",\"name\":\"photo\",\"u\":\"u\",\"v\":\"v\",\"filter\":\"nearest\"}},"         \
    "\"output\":[\"p.r\",\"p.g\",\"p.b\",\"p.a\"]}"
#define FIELDS ",\"width\":21,\"height\":13,\"format\":\"f32\""

struct part {
    const char *name;
    struct picture_file file;
};

static void add(struct picture_file *body, const void *data, size_t n)
{
    if (body->n + n > body->cap) {
        body->cap = 2 * (body->n + n);
        body->data = arena_grow(arena, body->data, body->n, body->cap, 1);
    }
    if (n)
        memcpy(body->data + body->n, data, n);
    body->n += n;
}

static void add_part(struct picture_file *body, const char *name, const char *type, const void *data, size_t n)
{
    const char *head = arena_printf(
        arena, "--cut\r\nContent-Disposition: form-data; name=\"%s\"\r\nContent-Type: %s\r\n\r\n", name, type);
    add(body, head, strlen(head));
    add(body, data, n);
    add(body, "\r\n", 2);
}

static struct ask upload_ask(const char *request, const struct part *parts)
{
    struct picture_file body = {0};
    add_part(&body, "request", "application/json", request, strlen(request));
    for (; parts->name; parts++) /* what a part says it is must not matter */
        add_part(&body, parts->name, "text/html", parts->file.data, parts->file.n);
    add(&body, "--cut--\r\n", 9);
    return (struct ask){.method = METHOD_POST,
                        .path = "/render",
                        .type = "multipart/form-data; boundary=cut",
                        .body = (const char *)body.data,
                        .size = body.n};
}

static struct api_response upload_to(struct api *of, const char *request, const struct part *parts)
{
    return ask_of(of, upload_ask(request, parts));
}

static struct api_response upload(const char *request, const struct part *parts)
{
    return upload_to(api, request, parts);
}

static struct picture_file png(void)
{
    return picture_png(arena, W, H, 6, 8, false);
}

static void the_pixels_are_those_of_the_file(void **state)
{
    (void)state;
    const struct part parts[] = {{"photo", png()}, {0}};
    struct api_response res = upload("{\"graph\":" GRAPH FIELDS "}", parts);
    assert_ok(&res);
    assert_int_equal(res.body_size, W * H * 16);
    const float *samples = res.body;
    for (unsigned i = 0; i < W * H * 4; i++) {
        float expected = (float)(picture_sample(i / 4 % W, i / 4 / W, i % 4) >> 8) / 255.0f;
        assert_true(samples[i] == expected);
    }
    api_response_done(&res);
}

/* The same graph as an expression, and under its id. */
static void graphs_may_come_in_every_form(void **state)
{
    (void)state;
    const struct part parts[] = {{"photo", png()}, {0}};
    struct api_response stored = post("/graphs", GRAPH);
    assert_true(stored.http_status == 201 || stored.http_status == 200);
    const struct datum *images = datum_get(json_of(stored.body, stored.body_size), "images");
    assert_int_equal(images->n, 1);
    assert_string_equal(images->items[0].string, "photo");
    const char *id = header_of(&stored, "Location") + strlen("/graphs/");
    assert_same_body(upload("{\"graph\":" GRAPH FIELDS "}", parts),
                     upload(arena_printf(arena, "{\"graph_id\":\"%s\"" FIELDS "}", id), parts));
    struct api_response res = upload("{\"expr\":\"image('photo',u,v,filter='nearest')\"" FIELDS "}", parts);
    assert_same_body(upload("{\"graph\":" GRAPH FIELDS "}", parts), res);
    api_response_done(&stored);
}

static void every_format_gives_the_same_picture(void **state)
{
    (void)state;
    const struct picture_file first = picture_npy(arena, W, H, 4, '<', "f4"),
                              second = picture_npy(arena, W, H, 4, '>', "f8");
    const size_t head = first.n - W * H * 16;
    const struct picture_file raw = {first.data + head, W * H * 16, 0};
    const struct part a[] = {{"photo", first}, {0}}, b[] = {{"photo", second}, {0}}, c[] = {{"photo", raw}, {0}};
    assert_same_body(upload("{\"graph\":" GRAPH FIELDS "}", a), upload("{\"graph\":" GRAPH FIELDS "}", b));
    assert_same_body(
        upload("{\"graph\":" GRAPH FIELDS "}", a),
        upload("{\"graph\":" GRAPH FIELDS ",\"images\":{\"photo\":{\"width\":21,\"height\":13,\"channels\":4}}}", c));
}

static void a_part_of_the_picture_is_its_crop(void **state)
{
    (void)state;
    const char *graph = "{\"nodes\":{\"p\":{\"op\":\"image\",\"name\":\"photo\",\"u\":\"u*1.3-0.2\",\"v\":\"v*2\","
                        "\"filter\":\"cubic\",\"wrap\":\"mirror\"},\"b\":{\"op\":\"blur\",\"in\":\"p.r\"}},"
                        "\"output\":\"b\"}";
    const struct part parts[] = {{"photo", png()}, {0}};
    struct api_response whole = upload(arena_printf(arena, "{\"graph\":%s" FIELDS "}", graph), parts),
                        part = upload(arena_printf(arena, "{\"graph\":%s" FIELDS ",\"tile\":[4,5,9,6]}", graph), parts);
    assert_ok(&whole);
    assert_ok(&part);
    for (unsigned y = 0; y < 6; y++)
        assert_memory_equal((const float *)whole.body + (y + 5) * W + 4, (const float *)part.body + y * 9, 9 * 4);
    api_response_done(&whole);
    api_response_done(&part);
}

static void names_must_match(void **state)
{
    (void)state;
    const struct part none[] = {{0}}, wrong[] = {{"foto", png()}, {0}},
                      more[] = {{"photo", png()}, {"phot", png()}, {0}};
    const char *request = "{\"graph\":" GRAPH FIELDS "}";
    assert_problem(upload(request, wrong), STATUS_BAD_FIELD, "/graph/nodes/p", "did you mean foto?");
    assert_problem(upload(request, wrong), STATUS_BAD_FIELD, NULL, "/images/foto");
    assert_problem(upload(request, more), STATUS_BAD_FIELD, "/images/phot", "did you mean photo?");
    assert_problem(upload(request, none), STATUS_BAD_FIELD, "/graph/nodes/p", "in a part named photo");
    assert_problem(upload("{\"expr\":\"x\"}", wrong), STATUS_BAD_FIELD, "/images/foto", "reads no image");
    assert_problem(upload("{\"expr\":\"x+image('photo',u,v)\"}", wrong), STATUS_BAD_FIELD, "/expr", "\"column\":9");
}

static void requests_without_images_say_how_to_send_them(void **state)
{
    (void)state;
    assert_problem(post("/render", "{\"graph\":" GRAPH FIELDS "}"), STATUS_BAD_FIELD, "/graph/nodes/p",
                   "multipart/form-data");
    assert_problem(get("/render", "expr=image('photo',u,v)"), STATUS_BAD_FIELD, "/expr", "multipart/form-data");
    assert_problem(get("/render", "expr=x&images=photo"), STATUS_BAD_FIELD, "/images", "multipart/form-data");
}

static void options_of_images_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *images, *pointer, *detail;
    } cases[] = {
        {"7", "/images", "an object"},
        {"{\"foto\":{}}", "/images/foto", "did you mean photo?"},
        {"{\"photo\":1}", "/images/photo", "an object"},
        {"{\"photo\":{\"widht\":3}}", "/images/photo/widht", "did you mean width?"},
        {"{\"photo\":{\"width\":0,\"height\":1,\"channels\":1}}", "/images/photo/width", "whole number"},
        {"{\"photo\":{\"width\":2.5}}", "/images/photo/width", "whole number"},
        {"{\"photo\":{\"channels\":5}}", "/images/photo/channels", "1 to 4"},
        {"{\"photo\":{\"width\":3}}", "/images/photo", "all of"},
        {"{\"photo\":{\"decode\":\"gamma\"}}", "/images/photo/decode", "srgb"},
        {"{\"photo\":{\"width\":3,\"height\":3,\"channels\":1}}", NULL, "brings its own size"},
    };
    const struct part parts[] = {{"photo", png()}, {0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *request = arena_printf(arena, "{\"graph\":" GRAPH FIELDS ",\"images\":%s}", cases[i].images);
        assert_problem(upload(request, parts), cases[i].pointer ? STATUS_BAD_FIELD : STATUS_BAD_IMAGE, cases[i].pointer,
                       cases[i].detail);
    }
}

static void broken_images_are_told_by_name(void **state)
{
    (void)state;
    struct picture_file cut = png();
    cut.n -= 100;
    const struct part parts[] = {{"photo", cut}, {0}}, text[] = {{"photo", {(uint8_t *)"hello", 5, 0}}, {0}},
                      empty[] = {{"photo", {0}}, {0}};
    const char *request = "{\"graph\":" GRAPH FIELDS "}";
    assert_problem(upload(request, parts), STATUS_BAD_IMAGE, "/images/photo", "png");
    assert_problem(upload(request, text), STATUS_BAD_IMAGE, "/images/photo", "known by their first bytes");
    assert_problem(upload(request, empty), STATUS_BAD_IMAGE, "/images/photo", "0 bytes");
}

static void images_have_limits(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_image_pixels = W * H - 1;
    struct api *small = small_api(config);
    const struct part one[] = {{"photo", png()}, {0}}, two[] = {{"photo", png()}, {"other", png()}, {0}};
    const char *request = "{\"graph\":" GRAPH FIELDS "}";
    assert_limit(upload_to(small, request, one), "max-image-pixels", "/images/photo");
    api_free(small);
    config = api_config_default();
    config.max_image_bytes = W * H * 16;
    small = small_api(config);
    struct api_response res = upload_to(small, request, one);
    assert_ok(&res);
    api_response_done(&res);
    assert_limit(upload_to(small, "{\"expr\":\"image('photo',u,v)+image('other',u,v)\"}", two), "max-image-bytes",
                 NULL);
    api_free(small);
}

static void tags_cover_the_bytes_of_images(void **state)
{
    (void)state;
    struct picture_file other = picture_png(arena, W, H, 6, 16, false);
    const struct part first[] = {{"photo", png()}, {0}}, second[] = {{"photo", other}, {0}};
    const char *request = "{\"graph\":" GRAPH FIELDS "}",
               *linear = "{\"graph\":" GRAPH FIELDS ",\"images\":{\"photo\":{\"decode\":\"srgb\"}}}";
    struct api_response a = upload(request, first), b = upload(request, second), c = upload(linear, first);
    assert_ok(&a);
    assert_ok(&b);
    assert_ok(&c);
    assert_true(*header_of(&a, "ETag"));
    assert_string_not_equal(header_of(&a, "ETag"), header_of(&b, "ETag"));
    assert_string_not_equal(header_of(&a, "ETag"), header_of(&c, "ETag"));
    assert_memory_not_equal(a.body, c.body, a.body_size);
    struct ask again = upload_ask(request, first);
    again.if_none_match = header_of(&a, "ETag");
    struct api_response known = ask(again);
    assert_int_equal(known.http_status, 304);
    api_response_done(&known);
    api_response_done(&a);
    api_response_done(&b);
    api_response_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pixels_are_those_of_the_file),
        cmocka_unit_test(graphs_may_come_in_every_form),
        cmocka_unit_test(every_format_gives_the_same_picture),
        cmocka_unit_test(a_part_of_the_picture_is_its_crop),
        cmocka_unit_test(names_must_match),
        cmocka_unit_test(requests_without_images_say_how_to_send_them),
        cmocka_unit_test(options_of_images_are_checked),
        cmocka_unit_test(broken_images_are_told_by_name),
        cmocka_unit_test(images_have_limits),
        cmocka_unit_test(tags_cover_the_bytes_of_images),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
