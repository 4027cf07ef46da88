/* labels: api */
/* Uploaded images: every format to the same planes, and files that lie, each with an answer. */
#include <math.h>
#include <openexr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/image/format_image.h"
#include "api/image/image_in.h"
#include "api/room.h"
#include "tests/support/ask.h"
#include "tests/support/pictures.h"

enum { W = 21, H = 19 };

static struct exchange exchange_of(struct api *of)
{
    struct exchange ex = {.api = of, .arena = arena};
    fault_init(&ex.fault, arena);
    return ex;
}

struct decoded {
    float *planes;
    uint32_t width, height;
};

static struct decoded decode(struct image_in in)
{
    struct exchange ex = exchange_of(api);
    struct image_head head;
    in.name = "photo";
    if (image_head(&ex, &in, &head) != STATUS_OK)
        fail_msg("%s", ex.fault.items[0].detail);
    struct decoded d = {arena_alloc(arena, image_bytes(&head)), head.width, head.height};
    if (image_decode(&ex, &in, &head, d.planes) != STATUS_OK)
        fail_msg("%s", ex.fault.items[0].detail);
    return d;
}

static struct decoded decode_file(struct picture_file f)
{
    return decode((struct image_in){.data = f.data, .size = f.n});
}

static float at(const struct decoded *d, unsigned x, unsigned y, unsigned c)
{
    return d->planes[((size_t)c * d->height + y) * d->width + x];
}

/* The file's fault: its status; the detail must contain `part`. Head and pixels are both tried. */
static enum status refused(struct api *of, struct image_in in, const char *part)
{
    struct exchange ex = exchange_of(of);
    struct image_head head;
    in.name = "photo";
    enum status status = image_head(&ex, &in, &head);
    if (status == STATUS_OK)
        status = image_decode(&ex, &in, &head, arena_alloc(arena, image_bytes(&head)));
    if (status == STATUS_OK)
        fail_msg("%zu bytes were read as an image of %u x %u", in.size, head.width, head.height);
    assert_string_equal(ex.fault.items[0].pointer, "/images/photo");
    if (!strstr(ex.fault.items[0].detail, part))
        fail_msg("no \"%s\" in: %s", part, ex.fault.items[0].detail);
    return status;
}

static void assert_bad(const void *data, size_t n, const char *part)
{
    /* A copy without a byte behind it, so that sanitizers see who reads on. */
    void *copy = malloc(n ? n : 1);
    memcpy(copy, data, n);
    enum status status = refused(api, (struct image_in){.data = copy, .size = n}, part);
    free(copy);
    assert_int_equal(status, STATUS_BAD_IMAGE);
}

/* What a PNG's sample of so many bits is as a number. */
static float png_value(unsigned x, unsigned y, unsigned c, int depth)
{
    unsigned v = picture_sample(x, y, c) >> (16 - depth);
    return depth == 16 ? (float)v / 65535.0f : (float)(v * 255u / ((1u << depth) - 1)) / 255.0f;
}

static void check_png(int colour, int depth, bool interlaced, unsigned width, unsigned height)
{
    struct decoded d = decode_file(picture_png(arena, width, height, colour, depth, interlaced));
    assert_int_equal(d.width, width);
    assert_int_equal(d.height, height);
    for (unsigned i = 0; i < width * height * 4; i++) {
        unsigned x = i / 4 % width, y = i / 4 / width, c = i % 4;
        float expected =
            c < 3 || colour >= 4 ? png_value(x, y, colour == 0 || colour == 4 ? (c == 3 ? 3 : 0) : c, depth) : 1.0f;
        if (colour == 3 && c < 3) {
            unsigned k = picture_sample(x, y, 0) >> (16 - depth);
            expected = (float)(c == 0 ? k : c == 1 ? 255 - k : k ^ 85) / 255.0f;
        }
        if (at(&d, x, y, c) != expected)
            fail_msg("type %d, %d bits, %s, %u x %u: component %u at (%u, %u) is %g, not %g", colour, depth,
                     interlaced ? "interlaced" : "plain", width, height, c, x, y, (double)at(&d, x, y, c),
                     (double)expected);
    }
}

static void every_kind_of_png_is_read(void **state)
{
    (void)state;
    static const struct {
        int colour, depths[5];
    } kinds[] = {{0, {1, 2, 4, 8, 16}}, {2, {8, 16}}, {3, {1, 2, 4, 8}}, {4, {8, 16}}, {6, {8, 16}}};
    static const unsigned sizes[][2] = {{W, H}, {1, 1}, {3, 2}, {8, 8}, {5, 1}, {1, 9}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 0; k < 5 && kinds[i].depths[k]; k++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (int interlaced = 0; interlaced < 2; interlaced++)
                    check_png(kinds[i].colour, kinds[i].depths[k], interlaced, sizes[s][0], sizes[s][1]);
}

static void npy_of_every_type_is_read(void **state)
{
    (void)state;
    static const char *const types[] = {"u1", "u2", "f2", "f4", "f8"};
    for (size_t t = 0; t < 5; t++) {
        for (unsigned channels = 1; channels <= 4; channels++) {
            for (int big = 0; big < 2; big++) {
                struct decoded d = decode_file(picture_npy(arena, W, H, channels, big ? '>' : '<', types[t]));
                assert_int_equal(d.width, W);
                for (unsigned i = 0; i < W * H * 4; i++) {
                    unsigned x = i / 4 % W, y = i / 4 / W, c = i % 4, from = channels < 3 ? 0 : c;
                    unsigned s = picture_sample(x, y, c == 3 ? channels - 1 : from);
                    float expected = t == 0   ? (float)(s >> 8) / 255.0f
                                     : t == 1 ? (float)s / 65535.0f
                                              : (float)(s >> 8) / 256.0f;
                    if (c == 3 && channels % 2)
                        expected = 1.0f;
                    if (at(&d, x, y, c) != expected)
                        fail_msg("%s, %u channels: %g, not %g", types[t], channels, (double)at(&d, x, y, c),
                                 (double)expected);
                }
            }
        }
    }
}

static void check_exr(struct picture_exr of)
{
    struct decoded d = decode_file(picture_exr(arena, &of));
    bool gray = strchr(of.channels, 'Y'), alpha = strchr(of.channels, 'A');
    assert_int_equal(d.width, of.width);
    assert_int_equal(d.height, of.height);
    for (unsigned i = 0; i < of.width * of.height * 4; i++) {
        unsigned x = i / 4 % of.width, y = i / 4 / of.width, c = i % 4;
        unsigned s = picture_smooth(x, y, gray && c < 3 ? 0 : c);
        float expected = c == 3 && !alpha ? 1.0f : of.type == EXR_PIXEL_UINT ? (float)s : (float)(s >> 8) / 256.0f;
        if (at(&d, x, y, c) != expected)
            fail_msg("exr %s, type %d, compression %d, tiled %d: component %u at (%u, %u) is %g, not %g", of.channels,
                     of.type, of.compression, of.tiled, c, x, y, (double)at(&d, x, y, c), (double)expected);
    }
}

static void openexr_of_every_layout_is_read(void **state)
{
    (void)state;
    static const int compressions[] = {EXR_COMPRESSION_NONE, EXR_COMPRESSION_RLE, EXR_COMPRESSION_ZIPS,
                                       EXR_COMPRESSION_ZIP, EXR_COMPRESSION_PIZ};
    static const int types[] = {EXR_PIXEL_HALF, EXR_PIXEL_FLOAT, EXR_PIXEL_UINT};
    static const char *const channels[] = {"ABGR", "BGR", "Y", "AY", "ABGRZ", "BGRZ", "YZ"};
    for (size_t k = 0; k < sizeof compressions / sizeof *compressions; k++)
        for (size_t t = 0; t < 3; t++)
            for (size_t c = 0; c < 7; c++)
                for (int tiled = 0; tiled < 2; tiled++)
                    check_exr((struct picture_exr){.width = 35,
                                                   .height = 37,
                                                   .channels = channels[c],
                                                   .type = types[t],
                                                   .compression = compressions[k],
                                                   .tiled = tiled,
                                                   .x0 = c == 1 ? -5 : 0,
                                                   .y0 = c == 1 ? 7 : 0});
}

static void raw_floats_have_the_size_that_is_said(void **state)
{
    (void)state;
    float data[3 * 2 * 4];
    for (int i = 0; i < 24; i++)
        data[i] = (float)i - 5.5f;
    for (uint32_t channels = 1; channels <= 4; channels++) {
        struct image_in in = {
            .data = (const uint8_t *)data, .size = 6 * channels * 4, .options = {3, 2, channels, false}};
        struct decoded d = decode(in);
        for (unsigned i = 0; i < 6; i++)
            for (unsigned c = 0; c < 4; c++)
                assert_true(at(&d, i % 3, i / 3, c) == (c == 3 && channels % 2 ? 1.0f
                                                        : c == 3               ? data[i * channels + channels - 1]
                                                                 : data[i * channels + (channels < 3 ? 0 : c)]));
        in.size -= 4;
        assert_int_equal(refused(api, in, "bytes"), STATUS_BAD_IMAGE);
    }
}

static void nans_become_canonical(void **state)
{
    (void)state;
    const uint32_t bits[] = {0xffc00001, 0x7f800001, 0x7f800000, 0xff800000, 0x80000000, 0x00000001};
    struct decoded d =
        decode((struct image_in){.data = (const uint8_t *)bits, .size = 24, .options = {6, 1, 1, false}});
    const uint32_t expected[] = {0x7fc00000, 0x7fc00000, 0x7f800000, 0xff800000, 0x80000000, 0x00000001};
    assert_memory_equal(d.planes, expected, sizeof expected);
}

static void srgb_decodes_to_linear_colours_and_leaves_alpha(void **state)
{
    (void)state;
    struct picture_file f = picture_png(arena, W, H, 6, 16, false);
    struct decoded plain = decode_file(f),
                   linear = decode((struct image_in){.data = f.data, .size = f.n, .options = {.srgb = true}});
    for (unsigned i = 0; i < W * H * 4; i++) {
        double v = (double)plain.planes[i], expected = i >= W * H * 3 ? v
                                                       : v <= 0.04045 ? v / 12.92
                                                                      : pow((v + 0.055) / 1.055, 2.4);
        assert_true(fabs((double)linear.planes[i] - expected) <= expected * 1e-6);
        if (i < W * H * 3) /* and back */
            assert_true(fabs((double)srgb_encode(linear.planes[i]) - v) < 1e-6);
    }
    float odd[] = {NAN, INFINITY, -INFINITY, -0.5f, 0, 1, 4};
    srgb_decode(odd, 7);
    assert_true(isnan(odd[0]) && odd[1] == INFINITY && odd[2] == -INFINITY && odd[3] == -0.5f / 12.92f && odd[4] == 0);
    assert_true(odd[5] == 1);
    assert_true(fabsf(odd[6] - (float)pow(4.055 / 1.055, 2.4)) < 1e-5f);
}

/* Whatever is cut off, there is a fault and not a picture. */
static void files_cut_short_are_refused(void **state)
{
    (void)state;
    const struct picture_exr
        zip = {.width = 9, .height = 20, .channels = "BGR", .type = EXR_PIXEL_HALF, .compression = EXR_COMPRESSION_ZIP},
        tiles = {.width = 20, .height = 9, .channels = "Y", .type = EXR_PIXEL_FLOAT, .tiled = true};
    const struct picture_file files[] = {picture_png(arena, 9, 7, 2, 8, false), picture_png(arena, 9, 7, 6, 16, true),
                                         picture_npy(arena, 9, 7, 3, '<', "f4"), picture_exr(arena, &zip),
                                         picture_exr(arena, &tiles)};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        decode_file(files[i]);
        size_t whole = files[i].n - (i < 2 ? 4 : 0); /* nobody looks at the checksum of a PNG's end */
        for (size_t n = 0; n < whole; n++)
            assert_bad(files[i].data, n, "photo");
    }
}

static void what_is_no_image_is_told_so(void **state)
{
    (void)state;
    assert_bad("", 0, "known by their first bytes");
    assert_bad("GIF89a..........", 16, "known by their first bytes");
    struct picture_file png = picture_png(arena, 4, 4, 2, 8, false);
    struct image_in in = {.data = png.data, .size = png.n, .options = {4, 4, 3, false}};
    assert_int_equal(refused(api, in, "brings its own size"), STATUS_BAD_IMAGE);
}

static void spoil(struct picture_file file, size_t byte, uint8_t value, const char *part)
{
    uint8_t *copy = arena_alloc(arena, file.n);
    memcpy(copy, file.data, file.n);
    copy[byte] = value;
    assert_bad(copy, file.n, part);
}

static struct picture_file png_with_head(unsigned width, unsigned height)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct picture_file file = {.data = arena_alloc(arena, 64), .n = 8, .cap = 64};
    memcpy(file.data, signature, 8);
    const uint8_t head[] = {(uint8_t)(width >> 24),
                            (uint8_t)(width >> 16),
                            (uint8_t)(width >> 8),
                            (uint8_t)width,
                            (uint8_t)(height >> 24),
                            (uint8_t)(height >> 16),
                            (uint8_t)(height >> 8),
                            (uint8_t)height,
                            8,
                            6,
                            0,
                            0,
                            0};
    picture_chunk(arena, &file, "IHDR", head, sizeof head);
    picture_chunk(arena, &file, "IDAT", "", 0);
    return file;
}

static void pictures_without_pixels_are_refused(void **state)
{
    (void)state;
    struct picture_file none = png_with_head(0, 7);
    assert_bad(none.data, none.n, "");
    none = picture_npy(arena, 0, 3, 1, '<', "f4");
    assert_bad(none.data, none.n, "no pixels");
    none = picture_npy(arena, 3, 0, 4, '<', "u1");
    assert_bad(none.data, none.n, "no pixels");
}

static void heads_are_judged_before_memory_is_taken(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    config.max_image_pixels = 100;
    struct api *small = small_api(config);
    struct picture_file bomb = png_with_head(100000, 100000), absurd = png_with_head(0x7fffffff, 0x7fffffff);
    assert_int_equal(refused(api, (struct image_in){.data = bomb.data, .size = bomb.n}, "100000 x"), STATUS_LIMIT);
    assert_bad(absurd.data, absurd.n, "");
    const struct picture_exr exr = {.width = 11, .height = 10, .channels = "Y", .type = EXR_PIXEL_HALF};
    const struct picture_file files[] = {picture_png(arena, 11, 10, 0, 8, false),
                                         picture_npy(arena, 11, 10, 1, '<', "u1"), picture_exr(arena, &exr)};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            refused(small, (struct image_in){.data = files[i].data, .size = files[i].n}, "--max-image-pixels"),
            STATUS_LIMIT);
    api_free(small);
}

/* Chunks beside the pixels that grow when inflated: 64 MiB of zeros in a text, as deflate's longest repeats. */
static void a_bomb_beside_the_pixels_is_not_inflated(void **state)
{
    (void)state;
    struct picture_file good = picture_png(arena, 4, 4, 2, 8, false), file = {0};
    uint8_t text[70000] = "Comment\0\0";
    size_t n = 9;
    text[n++] = 0x78;
    text[n++] = 0x01;
    /* Fixed Huffman: literal 0 is 00110000, length 258 is 11000101, distance 1 is 00000, least bit first. */
    uint64_t bits = 3, count = 3; /* last block, fixed */
    bits |= (uint64_t)0x0c << count;
    count += 8;
    for (int i = 0; i < 40000; i++) {
        bits |= (uint64_t)0xa3 << count;
        count += 13;
        for (; count >= 8; count -= 8, bits >>= 8)
            text[n++] = (uint8_t)bits;
    }
    text[n++] = (uint8_t)bits;
    file = (struct picture_file){.data = arena_alloc(arena, 33), .n = 33, .cap = 33};
    memcpy(file.data, good.data, 33); /* up to the end of IHDR */
    for (int i = 0; i < 8; i++)
        picture_chunk(arena, &file, "zTXt", text, n);
    uint8_t *whole = arena_alloc(arena, file.n + good.n);
    memcpy(whole, file.data, file.n);
    memcpy(whole + file.n, good.data + 33, good.n - 33);
    struct exchange ex = exchange_of(api);
    struct image_head head;
    struct image_in in = {.name = "photo", .data = whole, .size = file.n + good.n - 33};
    assert_int_equal(image_head(&ex, &in, &head), STATUS_OK);
    /* Read or refused, but in bounded memory; the sanitizers' limit watches. */
    (void)!image_decode(&ex, &in, &head, arena_alloc(arena, image_bytes(&head)));
}

static void broken_heads_say_what_is_wrong(void **state)
{
    (void)state;
    struct picture_file npy = picture_npy(arena, 5, 4, 3, '<', "f4");
    spoil(npy, 6, 9, "version");
    char *descr = strstr((char *)npy.data + 10, "f4");
    spoil(npy, (size_t)((uint8_t *)descr - npy.data), 'i', "type");
    char *order = strstr((char *)npy.data + 10, "False");
    spoil(npy, (size_t)((uint8_t *)order - npy.data), 'T', "C order");
    char *shape = strstr((char *)npy.data + 10, "(4");
    spoil(npy, (size_t)((uint8_t *)shape - npy.data), '[', "shape");
    struct picture_file wide = picture_npy(arena, 5, 4, 5, '<', "f4");
    assert_bad(wide.data, wide.n, "1..4");
    struct picture_exr odd = {.width = 4, .height = 4, .channels = "Z", .type = EXR_PIXEL_FLOAT};
    struct picture_file exr = picture_exr(arena, &odd);
    assert_bad(exr.data, exr.n, "neither channels R, G, B nor Y");
    struct picture_file png = picture_png(arena, 5, 4, 2, 8, false);
    spoil(png, 25, 5, "");            /* a colour type there is not */
    spoil(png, png.n - 20, 0x55, ""); /* a pixel, so that the checksum is wrong */
}

/* One byte after the other is spoilt, then random ones: a picture or a fault, never more. */
static void spoilt_bytes_never_crash(void **state)
{
    (void)state;
    const struct picture_exr piz = {.width = 19,
                                    .height = 33,
                                    .channels = "ABGR",
                                    .type = EXR_PIXEL_HALF,
                                    .compression = EXR_COMPRESSION_PIZ},
                             zip = {.width = 19,
                                    .height = 33,
                                    .channels = "BGR",
                                    .type = EXR_PIXEL_FLOAT,
                                    .tiled = true,
                                    .compression = EXR_COMPRESSION_ZIP},
                             rle = {.width = 9,
                                    .height = 5,
                                    .channels = "Y",
                                    .type = EXR_PIXEL_UINT,
                                    .compression = EXR_COMPRESSION_RLE};
    const struct picture_file files[] = {picture_png(arena, 9, 7, 3, 4, true),
                                         picture_png(arena, 9, 7, 6, 16, false),
                                         picture_npy(arena, 9, 7, 3, '>', "f2"),
                                         picture_exr(arena, &piz),
                                         picture_exr(arena, &zip),
                                         picture_exr(arena, &rle)};
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        for (unsigned round = 0; round < 1500; round++) {
            uint8_t *copy = malloc(files[i].n);
            memcpy(copy, files[i].data, files[i].n);
            for (unsigned k = 0; k <= round % 4; k++)
                copy[round < 500 ? round % files[i].n : test_random(&random) % files[i].n] =
                    (uint8_t)test_random(&random);
            struct exchange ex = exchange_of(api);
            struct image_head head;
            struct image_in in = {.name = "photo", .data = copy, .size = files[i].n};
            if (image_head(&ex, &in, &head) == STATUS_OK && image_bytes(&head) + head.scratch < 16 << 20) {
                float *planes = malloc(image_bytes(&head));
                (void)!image_decode(&ex, &in, &head, planes);
                free(planes);
            }
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_png_is_read),
        cmocka_unit_test(npy_of_every_type_is_read),
        cmocka_unit_test(openexr_of_every_layout_is_read),
        cmocka_unit_test(raw_floats_have_the_size_that_is_said),
        cmocka_unit_test(nans_become_canonical),
        cmocka_unit_test(srgb_decodes_to_linear_colours_and_leaves_alpha),
        cmocka_unit_test(files_cut_short_are_refused),
        cmocka_unit_test(what_is_no_image_is_told_so),
        cmocka_unit_test(pictures_without_pixels_are_refused),
        cmocka_unit_test(heads_are_judged_before_memory_is_taken),
        cmocka_unit_test(a_bomb_beside_the_pixels_is_not_inflated),
        cmocka_unit_test(broken_heads_say_what_is_wrong),
        cmocka_unit_test(spoilt_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
