/* labels: api
 * Files as other programs read them: PNG through libpng, WAV through libsndfile, and our readers against hostile bytes. */
#include "tests/support.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "api/format_image.h"

struct picture {
    uint32_t width, height;
    int      channels, bits;
    uint8_t *data;
};

struct memory {
    const uint8_t *data;
    size_t         n, at;
};

static void read_memory(png_structp png, png_bytep to, png_size_t n)
{
    struct memory *m = png_get_io_ptr(png);
    assert_true(m->n - m->at >= n);
    memcpy(to, m->data + m->at, n);
    m->at += n;
}

static void png_fails(png_structp png, png_const_charp why)
{
    (void)png;
    fail_msg("libpng: %s", why);
    abort();
}

static struct picture png_decode(const uint8_t *data, size_t n)
{
    struct memory m = {data, n, 0};
    png_structp   png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, png_fails, png_fails);
    png_infop     info = png_create_info_struct(png);
    png_set_read_fn(png, &m, read_memory);
    png_read_info(png, info);
    struct picture p = {png_get_image_width(png, info), png_get_image_height(png, info), png_get_channels(png, info),
                        png_get_bit_depth(png, info), NULL};
    size_t row = png_get_rowbytes(png, info);
    p.data = malloc(row * p.height);
    for (uint32_t y = 0; y < p.height; y++)
        png_read_row(png, p.data + y * row, NULL);
    png_read_end(png, info);
    assert_int_equal(m.at, n);
    png_destroy_read_struct(&png, &info, NULL);
    return p;
}

static struct raster raster_random(uint32_t width, uint32_t height, uint32_t channels, unsigned bits, uint64_t seed)
{
    struct raster r = {.width = width, .height = height, .channels = channels, .bits = bits, .big_endian = true};
    size_t        n = raster_row_bytes(&r) * height;
    r.data = malloc(n);
    bool noise = seed % 2;
    for (size_t i = 0; i < n; i++)
        r.data[i] = noise ? (uint8_t)test_random(&seed) : (uint8_t)(i / 7);
    return r;
}

static void png_reads_back_for_every_layout(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {67, 31}, {4096, 3}, {300, 700}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (unsigned bits = 8; bits <= 16; bits += 8)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (uint64_t seed = 2; seed <= 3; seed++) {
                    struct raster  r = raster_random(sizes[s][0], sizes[s][1], channels, bits, seed);
                    size_t         n = 0;
                    uint8_t       *file = png_encode(&r, &n);
                    struct picture p = png_decode(file, n);
                    assert_int_equal(p.width, r.width);
                    assert_int_equal(p.height, r.height);
                    assert_int_equal(p.channels, channels);
                    assert_int_equal(p.bits, bits);
                    assert_memory_equal(p.data, r.data, raster_row_bytes(&r) * r.height);
                    free(p.data);
                    free(file);
                    free(r.data);
                }
}

static void png_of_many_chunks_reads_back(void **state)
{
    (void)state;
    struct raster  r = raster_random(1500, 900, 3, 16, 5);
    size_t         n = 0;
    uint8_t       *file = png_encode(&r, &n);
    struct picture p = png_decode(file, n);
    assert_true(n > 1 << 20); /* noise does not compress, so there are several IDAT */
    assert_memory_equal(p.data, r.data, raster_row_bytes(&r) * r.height);
    free(p.data);
    free(file);
    free(r.data);
}

static void values_are_clamped_and_rounded_half_up(void **state)
{
    (void)state;
    float          in[] = {0, 1, 0.5f, -0.25f, 1.5f, NAN, INFINITY, -INFINITY, 0.25f, 0.75f};
    const uint8_t  want[] = {0, 255, 128, 0, 255, 0, 255, 0, 64, 191};
    uint8_t        out[10], wide[20];
    float         *planes[] = {in};
    struct counts  counts = {0};
    struct raster  r = {.data = out, .width = 10, .height = 1, .channels = 1, .bits = 8};
    raster_rows(&r, 0, 1, planes, 10, &counts);
    assert_memory_equal(out, want, 10);
    assert_int_equal(counts.nonfinite, 3);
    assert_int_equal(counts.clipped, 4); /* -0.25, 1.5 and both infinities */
    r = (struct raster){.data = wide, .width = 10, .height = 1, .channels = 1, .bits = 16, .big_endian = true};
    raster_rows(&r, 0, 1, planes, 10, &counts);
    assert_int_equal(wide[4] << 8 | wide[5], 32768);
    r.big_endian = false;
    raster_rows(&r, 0, 1, planes, 10, &counts);
    assert_int_equal(wide[5] << 8 | wide[4], 32768);
}

static void every_float_rounds_as_the_exact_product(void **state)
{
    (void)state;
    for (uint64_t seed = 1, i = 0; i < 2000; i++) {
        float         v = (float)(test_random(&seed) >> 8) / 16777216.0f, *planes[] = {&v};
        uint8_t       out[4];
        struct counts counts = {0};
        struct raster r = {.data = out, .width = 1, .height = 1, .channels = 1, .bits = 16};
        raster_rows(&r, 0, 1, planes, 1, &counts);
        assert_int_equal(out[0] | out[1] << 8, (int)floorl((long double)v * 65535.0L + 0.5L));
    }
}

static void planes_are_interleaved(void **state)
{
    (void)state;
    float         a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8}, c[] = {9, 10, 11, 12};
    float        *planes[] = {a, b, c}, out[12];
    struct counts counts = {0};
    struct raster r = {.data = (uint8_t *)out, .width = 2, .height = 2, .channels = 3, .bits = 32};
    raster_rows(&r, 0, 2, planes, 2, &counts);
    const float want[] = {1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12};
    assert_memory_equal(out, want, sizeof want);
    raster_flip(&r);
    assert_memory_equal(out, want + 6, 6 * sizeof(float));
}

static void srgb_is_the_standards_curve(void **state)
{
    (void)state;
    for (int i = 0; i <= 4000; i++) {
        float       v = (float)i / 4000.0f * 1.2f;
        long double want = v <= 0.0031308f ? v * 12.92L : 1.055L * powl(v, 1.0L / 2.4L) - 0.055L;
        assert_true(fabsl(srgb_encode(v) - want) <= 6e-8L * (1 + want));
    }
    assert_true(isnan(srgb_encode(NAN)));
    assert_true(srgb_encode(1.0f) == 1.0f);
}

static void npy_header_is_what_numpy_reads(void **state)
{
    (void)state;
    char          head[IMAGE_HEADER_MAX];
    struct raster r = {.width = 65536, .height = 4294967295u, .channels = 4, .bits = 32};
    size_t        n = image_header(IMAGE_NPY, &r, 1, head);
    assert_int_equal(n % 64, 0);
    assert_memory_equal(head, "\x93NUMPY\x01\x00", 8);
    assert_int_equal((uint8_t)head[8] + 256 * (uint8_t)head[9], n - 10);
    assert_int_equal(head[n - 1], '\n');
    assert_non_null(strstr(head + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967295, 65536, 4), }"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_reads_back_for_every_layout),
        cmocka_unit_test(png_of_many_chunks_reads_back),
        cmocka_unit_test(values_are_clamped_and_rounded_half_up),
        cmocka_unit_test(every_float_rounds_as_the_exact_product),
        cmocka_unit_test(planes_are_interleaved),
        cmocka_unit_test(srgb_is_the_standards_curve),
        cmocka_unit_test(npy_header_is_what_numpy_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
