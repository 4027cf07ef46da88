/* labels: api
 * Files of several frames, OpenEXR and diffused samples, made band by band as the service does, and read back: by
 * libspng, by OpenEXR's library, by tar's own rules. tests/tools/readback.py has other readers. */
#include "tests/support.h"

#include <math.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bytes/tar.h"
#include "api/image/encoder.h"
#include "api/image/format_exr.h"
#include "api/image/image_in.h"

struct memory {
    struct sink sink;
    uint8_t *data;
    size_t n;
};

static void memory_put(struct sink *s, const void *bytes, size_t n)
{
    struct memory *m = (struct memory *)s;
    m->data = realloc(m->data, m->n + n);
    memcpy(m->data + m->n, bytes, n);
    m->n += n;
}

/* A band as an encoder wants it. */
static void put_band(struct encoder *e, const struct band *b, const uint8_t *samples, struct sink *s)
{
    size_t n = b->rows * encoder_row_bytes(e);
    uint8_t *own = malloc(n), *bytes = malloc(e->band_most + 1);
    void *work = aligned_alloc(64, (e->work_size + 64) / 64 * 64);
    uint64_t note = 0;
    memcpy(own, samples, n);
    if (e->encode) {
        n = e->encode(e, b, own, work, bytes, &note);
        assert_true(n > 0 && n <= e->band_most);
    }
    if (e->join)
        e->join(e, b, e->encode ? bytes : own, n, note, s);
    else
        sink_put(s, e->encode ? bytes : own, n);
    free(own);
    free(bytes);
    free(work);
}

/* A file of samples that are as the encoder wants them, all frames one behind the other. Twice, since encoders may
 * begin anew. */
static struct memory file_of(struct encoder *e, const uint8_t *samples)
{
    struct memory m[2] = {{.sink = {.put = memory_put}}, {.sink = {.put = memory_put}}};
    for (int round = 0; round < 2; round++) {
        struct sink *s = &m[round].sink;
        if (e->head)
            e->head(e, s);
        for (uint64_t i = 0; i < encoder_bands(e); i++) {
            struct band b = encoder_band(e, i);
            put_band(e, &b, samples + (b.frame * e->form.height + b.row) * encoder_row_bytes(e), s);
        }
        if (e->tail)
            e->tail(e, s);
        assert_false(s->failed);
    }
    assert_int_equal(m[0].n, m[1].n);
    assert_memory_equal(m[0].data, m[1].data, m[0].n);
    free(m[1].data);
    return m[0];
}

static struct arena *arena;
static struct fault fault;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)1 << 30);
    fault_init(&fault, arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct encoder *encoder_of(enum image_file file, struct image_form form)
{
    struct encoder *e = NULL;
    assert_int_equal(encoder_new(file, &form, arena, &e, &fault), STATUS_OK);
    return e;
}

static void assert_refused(enum image_file file, struct image_form form, const char *pointer)
{
    struct encoder *e = NULL;
    fault_init(&fault, arena);
    assert_int_equal(encoder_new(file, &form, arena, &e, &fault), STATUS_BAD_FIELD);
    assert_string_equal(fault.items[0].pointer, pointer);
}

static uint8_t *random_bytes(size_t n, uint64_t seed)
{
    uint8_t *data = malloc(n);
    for (size_t i = 0; i < n; i++)
        data[i] = seed % 2 ? (uint8_t)test_random(&seed) : (uint8_t)(i / 9);
    return data;
}

/* ---- halves ---- */

static double half_value(unsigned h)
{
    int exponent = h >> 10 & 31;
    double part = (h & 1023) / 1024.0, v = exponent ? ldexp(1 + part, exponent - 15) : ldexp(part, -14);
    return h & 0x8000 ? -v : v;
}

/* Every half, and between each and the next the middle and its neighbours on both sides. */
static void halves_are_rounded_to_even(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x7c00; h++) {
        float at = (float)half_value(h), middle = (float)((half_value(h) + half_value(h + 1)) / 2);
        if (h == 0x7bff)
            middle = 65520;
        float in[8] = {at, -at, middle, -middle, nextafterf(middle, 0), nextafterf(middle, INFINITY)};
        unsigned even = h & 1 ? h + 1 : h;
        const uint16_t want[6] = {(uint16_t)h, (uint16_t)(h | 0x8000), (uint16_t)even, (uint16_t)(even | 0x8000),
                                  (uint16_t)h, (uint16_t)(h + 1)};
        uint16_t out[6];
        uint64_t clipped = halves_of_floats(in, 6, out);
        assert_memory_equal(out, want, sizeof want);
        assert_int_equal(clipped, h == 0x7bff ? 3 : 0);
    }
    float in[] = {NAN, INFINITY, -INFINITY, 1e-40f, 65520, -1e30f};
    const uint16_t want[] = {0x7e00, 0x7c00, 0xfc00, 0, 0x7c00, 0xfc00};
    uint16_t out[6];
    assert_int_equal(halves_of_floats(in, 6, out), 2);
    assert_memory_equal(out, want, sizeof want);
}

/* ---- OpenEXR ---- */

/* Decoded planes of all components, by OpenEXR's library. */
static float *exr_planes(const struct memory *m, uint32_t width, uint32_t height)
{
    char why[IMAGE_WHY] = "";
    struct image_in in = {.name = "x", .data = m->data, .size = m->n};
    struct image_head head = {.reader = &image_exr};
    assert_true(image_exr.is(m->data, m->n));
    if (!image_exr.head(&in, &head, why))
        fail_msg("%s", why);
    assert_int_equal(head.width, width);
    assert_int_equal(head.height, height);
    float *planes = calloc((size_t)width * height * 4, sizeof *planes);
    if (!image_exr.decode(&in, &head, planes, why))
        fail_msg("%s", why);
    return planes;
}

static bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void exr_reads_back(uint32_t width, uint32_t height, uint32_t channels, unsigned bits)
{
    size_t pixels = (size_t)width * height, n = pixels * channels;
    float *samples = malloc(n * sizeof *samples);
    uint64_t seed = width + channels;
    for (size_t i = 0; i < n; i++)
        samples[i] = ldexpf((float)(test_random(&seed) >> 8) / 16777216.0f - 0.5f, (int)(test_random(&seed) % 40) - 25);
    samples[n / 2] = 1e9f;
    samples[0] = NAN;
    samples[n - 1] = -INFINITY;
    struct image_form form = {.width = width, .height = height, .channels = channels, .frames = 1, .bits = bits};
    struct encoder *e = encoder_of(IMAGE_EXR, form);
    assert_true(e->planar && e->sample_bits == 32);
    struct memory m = file_of(e, (uint8_t *)samples);
    float *planes = exr_planes(&m, width, height);
    assert_int_equal(e->clipped, bits == 16 && n > 2);
    for (size_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < 4; c++) {
            size_t x = p % width, y = p / width;
            uint32_t from = c == 3 ? channels - 1 : channels > 2 ? c : 0;
            float want = c == 3 && channels % 2 ? 1.0f : samples[(y * channels + from) * width + x];
            if (bits == 16) {
                uint16_t h;
                halves_of_floats(&want, 1, &h);
                want = isnan(want) ? want : (h & 0x7fff) == 0x7c00 ? copysignf(INFINITY, want) : (float)half_value(h);
            }
            if (!same_float(planes[c * pixels + p], want))
                fail_msg("%u bits, %u channels, pixel %zu, component %u: %g, not %g", bits, channels, p, c,
                         (double)planes[c * pixels + p], (double)want);
        }
    }
    free(planes);
    free(samples);
    free(m.data);
}

static void exr_reads_back_for_every_layout(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {67, 31}, {3, 1200}, {9001, 7}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (unsigned bits = 16; bits <= 32; bits += 16)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
                exr_reads_back(sizes[s][0], sizes[s][1], channels, bits);
}

static void what_an_exr_cannot_hold_is_refused(void **state)
{
    (void)state;
    struct image_form form = {.width = 4, .height = 4, .channels = 1, .frames = 2, .bits = 32};
    assert_refused(IMAGE_EXR, form, "/frames");
    form.frames = 1;
    form.srgb = true;
    assert_refused(IMAGE_EXR, form, "/encode");
    form.srgb = false;
    form.bits = 16;
    form.dither = DITHER_BAYER2; /* halves are no integers */
    assert_refused(IMAGE_EXR, form, "/dither");
}

/* ---- PNG and its relatives ---- */

static uint8_t *png_pixels(const uint8_t *data, size_t n, const struct image_form *form)
{
    static const int colours[] = {0, SPNG_COLOR_TYPE_GRAYSCALE, SPNG_COLOR_TYPE_GRAYSCALE_ALPHA,
                                  SPNG_COLOR_TYPE_TRUECOLOR, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA};
    struct spng_ihdr head;
    uint8_t intent;
    size_t size;
    spng_ctx *ctx = spng_ctx_new(0);
    assert_int_equal(spng_set_png_buffer(ctx, data, n), 0);
    assert_int_equal(spng_get_ihdr(ctx, &head), 0);
    assert_int_equal(head.width, form->width);
    assert_int_equal(head.height, form->height);
    assert_int_equal(head.bit_depth, form->bits);
    assert_int_equal(head.color_type, colours[form->channels]);
    assert_int_equal(spng_decoded_image_size(ctx, SPNG_FMT_RAW, &size), 0);
    uint8_t *pixels = malloc(size);
    assert_int_equal(spng_decode_image(ctx, pixels, size, SPNG_FMT_RAW, 0), 0);
    assert_int_equal(spng_decode_chunks(ctx), 0);
    assert_int_equal(spng_get_srgb(ctx, &intent), form->srgb ? 0 : SPNG_ECHUNKAVAIL);
    spng_ctx_free(ctx);
    return pixels;
}

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Chunks of an APNG as PNGs of their own: the head's, a frame's data as IDAT, IEND. libspng checks their sums. */
struct frames {
    struct memory file;
    uint32_t sequence, n;
    uint64_t compared;
    const struct image_form *form;
    const uint8_t *want;
};

static void chunk_again(struct memory *m, const char *type, const uint8_t *data, uint32_t n)
{
    uint8_t head[8] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    uint32_t crc = 0xffffffff;
    memcpy(head + 4, type, 4);
    sink_put(&m->sink, head, 8);
    sink_put(&m->sink, data, n);
    for (uint32_t i = 0; i < n + 4; i++) {
        crc ^= i < 4 ? head[4 + i] : data[i - 4];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    crc = ~crc;
    sink_put(&m->sink, (uint8_t[]){(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc}, 4);
}

static void frame_ends(struct frames *f, size_t head)
{
    if (f->n) {
        size_t size = (size_t)f->form->width * f->form->height * f->form->channels * f->form->bits / 8;
        chunk_again(&f->file, "IEND", NULL, 0);
        uint8_t *pixels = png_pixels(f->file.data, f->file.n, f->form);
        assert_memory_equal(pixels, f->want + f->compared * size, size);
        f->compared++;
        free(pixels);
    }
    f->file.n = head;
}

static void apng_reads_back(struct image_form form, uint32_t num, uint32_t den, uint64_t seed)
{
    size_t size = (size_t)form.width * form.height * form.channels * form.bits / 8 * form.frames;
    uint8_t *samples = random_bytes(size, seed);
    struct memory m = file_of(encoder_of(IMAGE_APNG, form), samples);
    struct frames f = {.file = {.sink = {.put = memory_put}}, .form = &form, .want = samples};
    uint8_t *whole = png_pixels(m.data, m.n, &form); /* who knows no animation sees the first frame */
    assert_memory_equal(whole, samples, size / form.frames);
    free(whole);
    size_t head = 0;
    sink_put(&f.file.sink, m.data, 8);
    for (size_t at = 8; at < m.n;) {
        uint32_t n = big32(m.data + at);
        const char *type = (const char *)m.data + at + 4;
        const uint8_t *data = m.data + at + 8;
        at += 12 + (size_t)n;
        if (!memcmp(type, "IHDR", 4) || !memcmp(type, "sRGB", 4)) {
            chunk_again(&f.file, type, data, n);
            head = f.file.n;
        } else if (!memcmp(type, "acTL", 4)) {
            assert_int_equal(n, 8);
            assert_int_equal(big32(data), form.frames);
            assert_int_equal(big32(data + 4), 0);
        } else if (!memcmp(type, "fcTL", 4)) {
            frame_ends(&f, head);
            assert_int_equal(n, 26);
            assert_int_equal(big32(data), f.sequence++);
            assert_int_equal(big32(data + 4), form.width);
            assert_int_equal(big32(data + 8), form.height);
            assert_int_equal(big32(data + 20), num << 16 | den);
            f.n++;
        } else if (!memcmp(type, "IDAT", 4)) {
            assert_int_equal(f.n, 1);
            chunk_again(&f.file, "IDAT", data, n);
        } else if (!memcmp(type, "fdAT", 4)) {
            assert_int_equal(big32(data), f.sequence++);
            chunk_again(&f.file, "IDAT", data + 4, n - 4);
        } else {
            assert_memory_equal(type, "IEND", 4);
            assert_int_equal(at, m.n);
        }
    }
    frame_ends(&f, head);
    assert_int_equal(f.compared, form.frames);
    free(f.file.data);
    free(m.data);
    free(samples);
}

static void apng_frames_read_back(void **state)
{
    (void)state;
    static const struct {
        double fps;
        uint32_t num, den;
    } rates[] = {{25, 1, 25}, {29.97, 100, 2997}, {0.5, 2, 1}, {65535, 1, 65535}, {1 / 65535.0, 65535, 1}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (unsigned bits = 8; bits <= 16; bits += 8)
            for (uint64_t seed = 2; seed < 4; seed++) {
                size_t k = (channels + bits / 8 + seed) % 5;
                struct image_form form = {53, 47, channels, 1 + 2 * seed % 5, rates[k].fps, bits, seed == 2, 0};
                apng_reads_back(form, rates[k].num, rates[k].den, seed);
            }
    struct image_form many = {700, 500, 3, 3, 25, 16, false, 0}; /* several bands a frame */
    apng_reads_back(many, 1, 25, 5);
    many.fps = 1e6;
    assert_refused(IMAGE_APNG, many, "/fps");
}

static uint64_t octal(const uint8_t *p)
{
    return strtoull((const char *)p, NULL, 8);
}

static void tar_members_are_pngs(void **state)
{
    (void)state;
    struct image_form form = {700, 300, 4, 12, 25, 8, true, 0};
    size_t size = (size_t)form.width * form.height * 4;
    uint8_t *samples = random_bytes(size * form.frames, 4);
    struct encoder *e = encoder_of(IMAGE_TAR, form);
    struct memory m = file_of(e, samples);
    size_t at = 0;
    for (uint32_t i = 0; i < form.frames; i++) {
        const uint8_t *head = m.data + at;
        char name[32];
        uint32_t sum = 0;
        snprintf(name, sizeof name, "frame_%05u.png", i);
        assert_string_equal((const char *)head, name);
        assert_memory_equal(head + 257,
                            "ustar\0"
                            "00",
                            8);
        assert_int_equal(octal(head + 100), 0644);
        assert_int_equal(octal(head + 136), 0);
        for (int k = 0; k < TAR_BLOCK; k++)
            sum += k >= 148 && k < 156 ? ' ' : head[k];
        assert_int_equal(octal(head + 148), sum);
        size_t n = octal(head + 124);
        uint8_t *pixels = png_pixels(head + TAR_BLOCK, n, &form);
        assert_memory_equal(pixels, samples + i * size, size);
        free(pixels);
        at += TAR_BLOCK + n + tar_padding(n);
        assert_int_equal(at % TAR_BLOCK, 0);
    }
    assert_int_equal(m.n - at, TAR_END);
    for (; at < m.n; at++)
        assert_int_equal(m.data[at], 0);
    e->close(e);
    free(m.data);
    free(samples);
}

/* ---- error diffusion ---- */

/* Diffused band after band: the same as one image row by row. */
static void diffused_files_hold_the_diffused_rows(void **state)
{
    (void)state;
    static const enum image_file files[] = {IMAGE_PNG, IMAGE_NPY};
    for (size_t k = 0; k < 2; k++) {
        for (unsigned bits = 8; bits <= 16; bits += 8) {
            struct image_form form = {411, 700, 3, 1, 25, bits, false, DITHER_ATKINSON};
            size_t row = form.width * form.channels, n = row * form.height;
            float *in = malloc(n * sizeof *in);
            int32_t *want = malloc(row * sizeof *want);
            double *memory = malloc(diffusion_doubles(form.width, form.channels) * sizeof *memory);
            uint64_t seed = 9, clipped = 0;
            struct diffusion d;
            for (size_t i = 0; i < n; i++)
                in[i] = (float)(test_random(&seed) >> 8) / 15000000.0f;
            struct encoder *e = encoder_of(files[k], form);
            assert_int_equal(e->sample_bits, 32);
            struct memory m = file_of(e, (uint8_t *)in);
            uint8_t *got = files[k] == IMAGE_PNG ? png_pixels(m.data, m.n, &form) : m.data + m.n - n * bits / 8;
            int high = files[k] == IMAGE_PNG ? 0 : 1;
            diffusion_begin(&d, DITHER_ATKINSON, form.width, form.channels, bits, memory);
            for (size_t y = 0; y < form.height; y++) {
                clipped += diffusion_row(&d, in + y * row, want);
                for (size_t i = 0; i < row; i++) {
                    const uint8_t *at = got + (y * row + i) * bits / 8;
                    assert_int_equal(bits == 8 ? at[0] : at[high] << 8 | at[!high], want[i]);
                }
            }
            assert_int_equal(e->clipped, clipped);
            assert_true(clipped > 1000);
            if (files[k] == IMAGE_PNG)
                free(got);
            free(m.data);
            free(memory);
            free(want);
            free(in);
        }
    }
}

static void floats_are_not_dithered(void **state)
{
    (void)state;
    struct image_form form = {4, 4, 1, 1, 25, 32, false, DITHER_FLOYD_STEINBERG};
    assert_refused(IMAGE_F32, form, "/dither");
    assert_refused(IMAGE_NPY, form, "/dither");
    form.bits = 16;
    assert_non_null(encoder_of(IMAGE_NPY, form));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(halves_are_rounded_to_even, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exr_reads_back_for_every_layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_an_exr_cannot_hold_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(apng_frames_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tar_members_are_pngs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(diffused_files_hold_the_diffused_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(floats_are_not_dithered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
