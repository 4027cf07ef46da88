/* labels: api */
/* Floats to samples of image files, and the files as other programs read them: PNG through libspng. */
#include "tests/support.h"

#include <math.h>
#include <pthread.h>
#include <spng.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "api/image/encoder.h"

struct picture {
    uint32_t width, height;
    int colour, bits;
    uint8_t *data;
};

static struct picture png_decode(const uint8_t *data, size_t n)
{
    struct spng_ihdr head;
    size_t size;
    spng_ctx *ctx = spng_ctx_new(0);
    assert_int_equal(spng_set_png_buffer(ctx, data, n), 0);
    assert_int_equal(spng_get_ihdr(ctx, &head), 0);
    assert_int_equal(spng_decoded_image_size(ctx, SPNG_FMT_RAW, &size), 0);
    struct picture p = {head.width, head.height, head.color_type, head.bit_depth, malloc(size)};
    assert_int_equal(spng_decode_image(ctx, p.data, size, SPNG_FMT_RAW, 0), 0);
    assert_int_equal(spng_decode_chunks(ctx), 0);
    spng_ctx_free(ctx);
    return p;
}

static struct raster raster_random(uint32_t width, uint32_t height, uint32_t channels, unsigned bits, uint64_t seed)
{
    struct raster r = {.width = width, .height = height, .channels = channels, .bits = bits, .big_endian = true};
    size_t n = raster_row_bytes(&r) * height;
    r.data = malloc(n);
    bool noise = seed % 2;
    for (size_t i = 0; i < n; i++)
        r.data[i] = noise ? (uint8_t)test_random(&seed) : (uint8_t)(i / 7);
    return r;
}

static void png_reads_back_for_every_layout(void **state)
{
    (void)state;
    static const int colours[] = {0, SPNG_COLOR_TYPE_GRAYSCALE, SPNG_COLOR_TYPE_GRAYSCALE_ALPHA,
                                  SPNG_COLOR_TYPE_TRUECOLOR, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA};
    static const uint32_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {67, 31}, {4096, 3}, {300, 700}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (unsigned bits = 8; bits <= 16; bits += 8)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                for (uint64_t seed = 2; seed <= 3; seed++) {
                    struct raster r = raster_random(sizes[s][0], sizes[s][1], channels, bits, seed);
                    size_t n = 0;
                    uint8_t *file = png_encode(&r, &n);
                    struct picture p = png_decode(file, n);
                    assert_int_equal(p.width, r.width);
                    assert_int_equal(p.height, r.height);
                    assert_int_equal(p.colour, colours[channels]);
                    assert_int_equal(p.bits, bits);
                    assert_memory_equal(p.data, r.data, raster_row_bytes(&r) * r.height);
                    free(p.data);
                    free(file);
                    free(r.data);
                }
}

/* ---- the same bytes wherever the compressor's state lies ---- */

enum { PLACES = 16384, PLACE = 64 << 10, STACK = 512 << 10 };

struct encoding {
    struct raster raster;
    uint8_t *file;
    size_t n;
};

static void *encode(void *user)
{
    struct encoding *e = user;
    e->file = png_encode(&e->raster, &e->n);
    return NULL;
}

/* Differences from pixel to pixel come twice, what stands before them does not. */
static void make_echo(struct raster *r)
{
    enum { PERIOD = 39 };
    uint64_t seed = 7;
    uint8_t steps[PERIOD], value = 0;
    for (int i = 0; i < PERIOD; i++)
        steps[i] = (uint8_t)(test_random(&seed) % 200 + 1);
    for (uint32_t x = 0; x < r->width; x++) {
        value = (uint8_t)(value + (x % PERIOD ? steps[x % PERIOD] : 201 + x / PERIOD));
        r->data[x] = value;
    }
}

static void png_has_the_same_bytes_wherever_it_is_made(void **state)
{
    (void)state;
    uint8_t row[200];
    struct encoding first = {.raster = {.width = sizeof row, .height = 1, .channels = 1, .bits = 8, .data = row}};
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size = (size_t)PLACES * PLACE + STACK;
    char *space = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(space != MAP_FAILED);
    make_echo(&first.raster);
    encode(&first);
    for (size_t i = 0; i < PLACES; i++) {
        struct encoding here = first;
        char *stack = space + i * PLACE;
        pthread_attr_init(&attributes);
        assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
        assert_int_equal(pthread_create(&thread, &attributes, encode, &here), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        assert_int_equal(here.n, first.n);
        assert_memory_equal(here.file, first.file, first.n);
        free(here.file);
        madvise(stack, PLACE, MADV_DONTNEED);
    }
    munmap(space, size);
    free(first.file);
}

static void png_of_many_chunks_reads_back(void **state)
{
    (void)state;
    struct raster r = raster_random(1500, 900, 3, 16, 5);
    size_t n = 0;
    uint8_t *file = png_encode(&r, &n);
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
    float in[] = {0, 1, 0.5f, -0.25f, 1.5f, NAN, INFINITY, -INFINITY, 0.25f, 0.75f};
    const uint8_t want[] = {0, 255, 128, 0, 255, 0, 255, 0, 64, 191};
    uint8_t out[10], wide[20];
    float *planes[] = {in};
    struct counts counts = {0};
    struct raster r = {.data = out, .width = 10, .height = 1, .channels = 1, .bits = 8};
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
        float v = (float)(test_random(&seed) >> 8) / 16777216.0f, *planes[] = {&v};
        uint8_t out[4];
        struct counts counts = {0};
        struct raster r = {.data = out, .width = 1, .height = 1, .channels = 1, .bits = 16};
        raster_rows(&r, 0, 1, planes, 1, &counts);
        assert_int_equal(out[0] | out[1] << 8, (int)floorl((long double)v * 65535.0L + 0.5L));
    }
    for (int k = 0; k < 255; k++) { /* and the floats around each half */
        float near = ((float)k + 0.5f) / 255.0f, in[] = {nextafterf(near, 0), near, nextafterf(near, 1)},
              *planes[] = {in};
        uint8_t out[3];
        struct counts counts = {0};
        struct raster r = {.data = out, .width = 3, .height = 1, .channels = 1, .bits = 8};
        raster_rows(&r, 0, 1, planes, 3, &counts);
        for (int i = 0; i < 3; i++)
            assert_int_equal(out[i], (int)floorl((long double)in[i] * 255.0L + 0.5L));
    }
}

static void planes_are_interleaved(void **state)
{
    (void)state;
    float a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8}, c[] = {9, 10, 11, 12};
    float *planes[] = {a, b, c}, out[12];
    struct counts counts = {0};
    struct raster r = {.data = (uint8_t *)out, .width = 2, .height = 2, .channels = 3, .bits = 32};
    raster_rows(&r, 0, 2, planes, 2, &counts);
    const float want[] = {1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12};
    assert_memory_equal(out, want, sizeof want);
    const float turned[] = {3, 7, 11, 4, 8, 12, 1, 5, 9, 2, 6, 10}, apart[] = {1, 2, 5, 6, 9, 10, 3, 4, 7, 8, 11, 12};
    r.bottom_up = true;
    raster_rows(&r, 0, 2, planes, 2, &counts);
    assert_memory_equal(out, turned, sizeof turned);
    r.bottom_up = false;
    r.planar = true;
    raster_rows(&r, 0, 2, planes, 2, &counts);
    assert_memory_equal(out, apart, sizeof apart);
}

static void srgb_is_the_standards_curve(void **state)
{
    (void)state;
    for (int i = 0; i <= 4000; i++) {
        float v = (float)i / 4000.0f * 1.2f;
        long double want = v <= 0.0031308f ? v * 12.92L : 1.055L * powl(v, 1.0L / 2.4L) - 0.055L;
        assert_true(fabsl(srgb_encode(v) - want) <= 6e-8L * (1 + want));
    }
    assert_true(isnan(srgb_encode(NAN)));
    assert_true(srgb_encode(1.0f) == 1.0f);
}

struct taken {
    struct sink sink;
    char bytes[512];
    size_t n;
};

static void take(struct sink *s, const void *bytes, size_t n)
{
    struct taken *t = (struct taken *)s;
    assert_true(t->n + n < sizeof t->bytes);
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
}

/* Rows pass through wide copies of the curve. */
static void the_curve_of_a_row_is_the_curve_of_each_value(void **state)
{
    (void)state;
    enum { N = 5000 };
    static float in[N], out[N];
    float *planes[] = {in};
    struct counts counts = {0};
    for (uint32_t i = 0; i < N; i++) {
        uint32_t bits = i * 429497u + 7 * i; /* negatives, infinities' neighbours and NaNs among them */
        memcpy(&in[i], &bits, sizeof bits);
    }
    memcpy(in, (float[]){0, -0.0f, INFINITY, -INFINITY, NAN, 0.0031308f, 0.00313081f, 1, 1e-40f}, 9 * sizeof *in);
    struct raster r = {.data = (uint8_t *)out, .width = N, .height = 1, .channels = 1, .bits = 32, .srgb = true};
    raster_rows(&r, 0, 1, planes, N, &counts);
    for (int i = 0; i < N; i++) {
        float want = srgb_encode(in[i]);
        if (memcmp(&out[i], &want, sizeof want) != 0 && !(isnan(out[i]) && isnan(want)))
            fail_msg("%a becomes %a, not %a", (double)in[i], (double)out[i], (double)want);
    }
}

static void npy_header_is_what_numpy_reads(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct fault fault;
    struct encoder *e;
    struct image_form form = {.width = 65536, .height = 4294967295u, .channels = 4, .frames = 1, .bits = 32};
    struct taken t = {.sink = {.put = take}};
    fault_init(&fault, a);
    assert_int_equal(encoder_new(IMAGE_NPY, &form, a, &e, &fault), STATUS_OK);
    e->head(e, &t.sink);
    assert_int_equal(t.n % 64, 0);
    assert_memory_equal(t.bytes, "\x93NUMPY\x01\x00", 8);
    assert_int_equal((uint8_t)t.bytes[8] + 256 * (uint8_t)t.bytes[9], t.n - 10);
    assert_int_equal(t.bytes[t.n - 1], '\n');
    assert_non_null(
        strstr(t.bytes + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967295, 65536, 4), }"));
    arena_free(a);
}

/* Bands lie one behind the other, whole, and their rows are the image's. */
static void bands_cover_every_row_once(void **state)
{
    (void)state;
    static const struct image_form forms[] = {{1, 1, 1, 1, 0, 8, false, 0},
                                              {1 << 20, 3, 4, 2, 0, 32, false, 0},
                                              {512, 1000, 1, 3, 0, 32, false, 0},
                                              {8, 70001, 3, 1, 0, 16, false, 0}};
    struct arena *a = arena_new(1 << 20);
    struct fault fault;
    fault_init(&fault, a);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        for (int turned = 0; turned < 2; turned++) {
            struct encoder *e;
            assert_int_equal(encoder_new(IMAGE_F32, &forms[i], a, &e, &fault), STATUS_OK);
            e->bottom_up = turned;
            uint32_t left = 0;
            uint64_t frame = UINT64_MAX, n = encoder_bands(e);
            for (uint64_t k = 0; k < n; k++) {
                struct band b = encoder_band(e, k);
                assert_int_equal(b.first, left == 0);
                frame += b.first;
                left = b.first ? e->form.height : left;
                assert_int_equal(b.frame, frame);
                assert_int_equal(b.row, turned ? left - b.rows : e->form.height - left);
                assert_in_range(b.rows, 1, left);
                left -= b.rows;
                assert_int_equal(b.last, left == 0);
            }
            assert_int_equal(left, 0);
            assert_int_equal(frame, e->form.frames - 1);
        }
    }
    arena_free(a);
}

static void pixels_are_rounded_and_not_cut(void **state)
{
    (void)state;
    float in[512], *planes[1] = {in};
    uint8_t out[512];
    struct counts counts = {0};
    struct raster r = {.data = out, .width = 512, .height = 1, .channels = 1, .bits = 8};
    for (int i = 0; i < 256; i++) {
        in[2 * i] = (float)((i + 0.49) / 255);
        in[2 * i + 1] = (float)((i + 0.51) / 255);
    }
    raster_rows(&r, 0, 1, planes, 512, &counts);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(out[2 * i], i);
        assert_int_equal(out[2 * i + 1], i == 255 ? 255 : i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_reads_back_for_every_layout),
        cmocka_unit_test(png_has_the_same_bytes_wherever_it_is_made),
        cmocka_unit_test(png_of_many_chunks_reads_back),
        cmocka_unit_test(values_are_clamped_and_rounded_half_up),
        cmocka_unit_test(every_float_rounds_as_the_exact_product),
        cmocka_unit_test(planes_are_interleaved),
        cmocka_unit_test(srgb_is_the_standards_curve),
        cmocka_unit_test(the_curve_of_a_row_is_the_curve_of_each_value),
        cmocka_unit_test(npy_header_is_what_numpy_reads),
        cmocka_unit_test(bands_cover_every_row_once),
        cmocka_unit_test(pixels_are_rounded_and_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
