/* Reads OpenEXR through its C library: files of one part, scanlines or tiles (the full level), channels Y or R G B and
 * A of half, float or whole numbers, every compression. The image is the data window. */
#include <openexr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/image/image_in.h"

enum { CHANNELS_MOST = 64, COMPONENTS = 4 };

struct exr {
    exr_context_t ctx;
    const struct image_in *file;
    const exr_attr_chlist_t *channels;
    exr_attr_box2i_t window;
    uint32_t width, height;
    bool tiled, gray, alpha;
    char *why;
};

static bool exr_is(const uint8_t *data, size_t n)
{
    return n >= 4 && !memcmp(data, "\x76\x2f\x31\x01", 4);
}

static bool because(char why[IMAGE_WHY], const char *reason)
{
    snprintf(why, IMAGE_WHY, "%s", reason);
    return false;
}

/* The first message says most; what follows is about its consequences. */
static void on_error(exr_const_context_t ctx, exr_result_t code, const char *message)
{
    void *user = NULL;
    if (exr_get_user_data(ctx, &user) != EXR_ERR_SUCCESS || !user)
        return;
    struct exr *exr = user;
    if (code == EXR_ERR_OUT_OF_MEMORY)
        because(exr->why, IMAGE_NO_MEMORY);
    else if (!*exr->why)
        because(exr->why, message ? message : exr_get_default_error_message(code));
}

/* The library reads on without an attribute that it had no memory for, and says so to on_error alone. */
static bool lacked_memory(const struct exr *exr)
{
    return !strcmp(exr->why, IMAGE_NO_MEMORY);
}

static bool good(struct exr *exr, exr_result_t result)
{
    if (result == EXR_ERR_SUCCESS)
        return true;
    if (result == EXR_ERR_OUT_OF_MEMORY)
        return because(exr->why, IMAGE_NO_MEMORY);
    if (!*exr->why)
        because(exr->why, exr_get_default_error_message(result));
    return false;
}

static int64_t read_bytes(exr_const_context_t ctx, void *user, void *to, uint64_t n, uint64_t at,
                          exr_stream_error_func_ptr_t error)
{
    (void)ctx;
    (void)error;
    const struct image_in *file = ((const struct exr *)user)->file;
    if (at >= file->size)
        return 0;
    if (n > file->size - at)
        n = file->size - at;
    memcpy(to, file->data + at, n);
    return (int64_t)n;
}

static int64_t count_bytes(exr_const_context_t ctx, void *user)
{
    (void)ctx;
    return (int64_t)((const struct exr *)user)->file->size;
}

static bool has(const struct exr *exr, const char *name)
{
    for (int i = 0; i < exr->channels->num_channels; i++)
        if (!strcmp(exr->channels->entries[i].name.str, name))
            return true;
    return false;
}

/* Which plane a channel fills; -1: none. */
static int component_of(const struct exr *exr, const char *name)
{
    static const char *const names[COMPONENTS] = {"R", "G", "B", "A"};
    if (exr->gray && !strcmp(name, "Y"))
        return 0;
    for (int i = exr->gray ? 3 : 0; i < COMPONENTS; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

static bool check_channels(struct exr *exr)
{
    bool colour = has(exr, "R") && has(exr, "G") && has(exr, "B");
    exr->gray = !colour && has(exr, "Y");
    exr->alpha = has(exr, "A");
    if (exr->channels->num_channels > CHANNELS_MOST)
        return because(exr->why, "it has more than 64 channels");
    if (!colour && !exr->gray)
        return because(exr->why, "it has neither channels R, G, B nor Y");
    if (exr->gray && (has(exr, "RY") || has(exr, "BY")))
        return because(exr->why, "luminance with chroma (RY, BY) is not read; store R, G, B");
    for (int i = 0; i < exr->channels->num_channels; i++)
        if (exr->channels->entries[i].x_sampling != 1 || exr->channels->entries[i].y_sampling != 1)
            return because(exr->why, "a channel is subsampled");
    return true;
}

static bool read_head(struct exr *exr)
{
    int parts = 0;
    exr_storage_t storage;
    if (!good(exr, exr_get_count(exr->ctx, &parts)) || !good(exr, exr_get_storage(exr->ctx, 0, &storage)) ||
        !good(exr, exr_get_channels(exr->ctx, 0, &exr->channels)) ||
        !good(exr, exr_get_data_window(exr->ctx, 0, &exr->window)))
        return false;
    if (parts != 1)
        return because(exr->why, "it has several parts");
    if (storage != EXR_STORAGE_SCANLINE && storage != EXR_STORAGE_TILED)
        return because(exr->why, "deep data is not read");
    exr->tiled = storage == EXR_STORAGE_TILED;
    int64_t width = (int64_t)exr->window.max.x - exr->window.min.x + 1,
            height = (int64_t)exr->window.max.y - exr->window.min.y + 1;
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return because(exr->why, "its data window is empty or absurd");
    exr->width = (uint32_t)width;
    exr->height = (uint32_t)height;
    return check_channels(exr);
}

static bool exr_open(struct exr *exr, const struct image_in *file, char why[IMAGE_WHY])
{
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    *exr = (struct exr){.file = file, .why = why};
    init.error_handler_fn = on_error;
    init.user_data = exr;
    init.read_fn = read_bytes;
    init.size_fn = count_bytes;
    init.flags = EXR_CONTEXT_FLAG_DISABLE_CHUNK_RECONSTRUCTION;
    if (!good(exr, exr_start_read(&exr->ctx, "upload", &init)))
        return false; /* the library has released it */
    if (read_head(exr) && !lacked_memory(exr))
        return true;
    exr_finish(&exr->ctx);
    return false;
}

static bool exr_head(const struct image_in *file, struct image_head *io, char why[IMAGE_WHY])
{
    struct exr exr;
    uint64_t chunk = 0;
    if (!exr_open(&exr, file, why))
        return false;
    bool read = good(&exr, exr_get_chunk_unpacked_size(exr.ctx, 0, &chunk));
    io->width = exr.width;
    io->height = exr.height;
    io->scratch = 4 * chunk; /* packed, unpacked, and two that some compressions want */
    exr_finish(&exr.ctx);
    return read;
}

/* Where each channel's numbers go: into the planes, as floats. Those that nobody wants go to `waste`: some of the
 * library's loops expect a place for each. */
static void aim(const struct exr *exr, exr_decode_pipeline_t *decode, size_t at, float *planes, float *waste)
{
    size_t plane = (size_t)exr->width * exr->height;
    for (int i = 0; i < decode->channel_count; i++) {
        exr_coding_channel_info_t *c = &decode->channels[i];
        int component = component_of(exr, c->channel_name);
        float *to = component < 0 ? waste : planes + (size_t)component * plane + at;
        uint32_t stride = component < 0 ? (uint32_t)decode->chunk.width : exr->width;
        c->decode_to_ptr = (uint8_t *)to;
        c->user_data_type = EXR_PIXEL_FLOAT;
        c->user_bytes_per_element = sizeof(float);
        c->user_pixel_stride = sizeof(float);
        c->user_line_stride = (int32_t)(stride * sizeof(float));
    }
}

/* A chunk that unpacks to less than it says must not show what memory held before. */
static void *zeroed(exr_transcoding_pipeline_buffer_id_t id, size_t n)
{
    (void)id;
    return calloc(1, n);
}

static void release(exr_transcoding_pipeline_buffer_id_t id, void *memory)
{
    (void)id;
    free(memory);
}

static bool run_chunk(struct exr *exr, exr_decode_pipeline_t *decode, size_t at, float *planes)
{
    float *waste = malloc((size_t)decode->chunk.width * (size_t)decode->chunk.height * sizeof(float));
    if (!waste)
        return because(exr->why, IMAGE_NO_MEMORY);
    decode->alloc_fn = zeroed;
    decode->free_fn = release;
    aim(exr, decode, at, planes, waste);
    bool read = good(exr, exr_decoding_choose_default_routines(exr->ctx, 0, decode)) &&
                good(exr, exr_decoding_run(exr->ctx, 0, decode));
    free(waste);
    return read;
}

/* `at`: the pixel at which the chunk begins. The library does not expect a chunk without bytes. */
static bool read_chunk(struct exr *exr, const exr_chunk_info_t *chunk, size_t at, float *planes)
{
    exr_decode_pipeline_t decode = EXR_DECODE_PIPELINE_INITIALIZER;
    if (!chunk->packed_size || !chunk->unpacked_size || chunk->width < 1 || chunk->height < 1)
        return because(exr->why, "a chunk is empty");
    if (chunk->compression == EXR_COMPRESSION_NONE && chunk->packed_size != chunk->unpacked_size)
        return because(exr->why, "a chunk has not as many bytes as it has pixels");
    bool read = good(exr, exr_decoding_initialize(exr->ctx, 0, chunk, &decode)) && run_chunk(exr, &decode, at, planes);
    exr_decoding_destroy(exr->ctx, &decode);
    return read;
}

static bool read_scanlines(struct exr *exr, float *planes)
{
    int32_t lines = 0;
    if (!good(exr, exr_get_scanlines_per_chunk(exr->ctx, 0, &lines)))
        return false;
    for (uint32_t y = 0; y < exr->height; y += (uint32_t)lines) {
        exr_chunk_info_t chunk;
        int line = (int)((int64_t)exr->window.min.y + y);
        if (!good(exr, exr_read_scanline_chunk_info(exr->ctx, 0, line, &chunk)) ||
            !read_chunk(exr, &chunk, (size_t)y * exr->width, planes))
            return false;
    }
    return true;
}

static bool read_tiles(struct exr *exr, float *planes)
{
    int32_t w = 0, h = 0;
    if (!good(exr, exr_get_tile_sizes(exr->ctx, 0, 0, 0, &w, &h)) || w < 1 || h < 1)
        return false;
    for (uint32_t y = 0; y < exr->height; y += (uint32_t)h) {
        for (uint32_t x = 0; x < exr->width; x += (uint32_t)w) {
            exr_chunk_info_t chunk;
            int column = (int)(x / (uint32_t)w), row = (int)(y / (uint32_t)h);
            if (!good(exr, exr_read_tile_chunk_info(exr->ctx, 0, column, row, 0, 0, &chunk)) ||
                !read_chunk(exr, &chunk, (size_t)y * exr->width + x, planes))
                return false;
        }
    }
    return true;
}

static bool exr_decode(const struct image_in *file, const struct image_head *head, float *planes, char why[IMAGE_WHY])
{
    struct exr exr;
    size_t plane = (size_t)head->width * head->height;
    if (!exr_open(&exr, file, why))
        return false;
    memset(planes, 0, 4 * plane * sizeof(float));
    bool read = (exr.tiled ? read_tiles(&exr, planes) : read_scanlines(&exr, planes)) && !lacked_memory(&exr);
    exr_finish(&exr.ctx);
    if (!read)
        return *why ? false : because(why, "it cannot be read");
    if (exr.gray) {
        memcpy(planes + plane, planes, plane * sizeof(float));
        memcpy(planes + 2 * plane, planes, plane * sizeof(float));
    }
    for (size_t i = 0; i < plane && !exr.alpha; i++)
        planes[3 * plane + i] = 1.0f;
    return true;
}

const struct image_reader image_exr = {"exr", exr_is, exr_head, exr_decode};
