/* See encoder.h: how an image is cut. The formats are in format_*.c, by the table formats.def. */
#include "api/image/encoder.h"

#include "api/image/diffused.h"

static encoder_open *const openers[IMAGE_FILES] = {
#define IMAGE_FILE(id, name, type, bits, open, what) open,
#define AUDIO_FILE(id, name, type, bits, what)
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE
};

enum status encoder_new(enum image_file file, const struct image_form *form, struct arena *a, struct encoder **ret,
                        struct fault *fault)
{
    struct encoder *e = ARENA_NEW(a, struct encoder);
    e->form = *form;
    e->sample_bits = form->bits;
    e->band_rows = encoder_rows(form, ENCODER_BAND);
    TRY(openers[file](e, a, fault));
    if (form->dither && e->sample_bits == 32)
        return fault_add(fault, STATUS_BAD_FIELD, "/dither", 0, "dither is for integer samples; this %s holds floats",
                         image_files[file].name);
    *ret = dither_is_diffusion(form->dither) ? diffused_new(e, a) : e;
    return STATUS_OK;
}

uint32_t encoder_rows(const struct image_form *form, size_t bytes)
{
    size_t row = (size_t)form->width * form->channels * (form->bits / 8), rows = bytes / row;
    return rows < 1 ? 1 : rows > form->height ? form->height : (uint32_t)rows;
}

size_t encoder_row_bytes(const struct encoder *e)
{
    return (size_t)e->form.width * e->form.channels * (e->sample_bits / 8);
}

static uint64_t bands_of_frame(const struct encoder *e)
{
    return ((uint64_t)e->form.height + e->band_rows - 1) / e->band_rows;
}

uint64_t encoder_bands(const struct encoder *e)
{
    return bands_of_frame(e) * e->form.frames;
}

struct band encoder_band(const struct encoder *e, uint64_t index)
{
    uint64_t n = bands_of_frame(e), at = index % n;
    uint32_t begin = (uint32_t)at * e->band_rows, left = e->form.height - begin;
    uint32_t rows = left < e->band_rows ? left : e->band_rows;
    return (struct band){
        .index = index,
        .frame = index / n,
        .row = e->bottom_up ? e->form.height - begin - rows : begin,
        .rows = rows,
        .first = at == 0,
        .last = at == n - 1,
    };
}
