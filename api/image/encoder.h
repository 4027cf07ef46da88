/* From samples to an image file, in bands. An encoder is one file format at work on one image: it says how it wants its
 * samples, cuts the image into bands of whole rows, makes bytes of each band by itself, and puts the bands together in
 * order. Whoever drives it (api/image/output.c) computes samples, calls `encode` for many bands at once on the pool's
 * threads, and everything else for one band after the other, in file order. A buffered answer and a streamed one go the
 * same way; only the sink differs.
 *
 * The bytes depend on the form and the samples only: bands are cut by the image's size, never by threads or tiles, and
 * `encode` sees nothing but its band. What a band needs from the ones before it (a checksum, a sequence number, the
 * offset of a chunk) is kept by the encoder and added in `join`.
 *
 * Order of calls, `head_room` 0:   head, join(band 0), join(band 1), ..., tail
 *                 `head_room` > 0: join(band 0), ..., tail, head   (never streamed; see there)
 * `encode` of a band is called some time before its `join`, on any thread. Calls of head, join and tail follow one
 * another, not necessarily on one thread.
 *
 *   png     encode: filter and deflate, note: Adler-32; join: one IDAT; tail: last block, checksum, IEND
 *   f32 npy pfm: encode and join NULL, the samples are the bytes; pfm bottom_up
 *   exr     planar; encode: halves, compression; join: the chunk's offset kept, coordinates in front; head_room: the
 *           table of offsets; where sizes are known before (no compression) the head may come first
 *   apng    encode as png; join: fdAT with its sequence number, fcTL before a frame's first band
 *   tar     an encoder of one frame inside; join feeds it with a sink that collects, and at the frame's last band
 *           writes the entry: header, file, padding
 *   volumes frames: npy has them as its first axis */
#ifndef API_ENCODER_H
#define API_ENCODER_H

#include "api/bytes/sink.h"
#include "api/image/dither.h"
#include "api/image/format_image.h"
#include "core/arena.h"
#include "core/fault.h"

/* What the file holds. */
struct image_form {
    uint32_t width, height, channels; /* of a frame; 1 to 4 channels */
    uint64_t frames;                  /* one behind the other: time or slices */
    double fps;
    unsigned bits; /* of a sample, one of the format's in formats.def */
    bool srgb;     /* colour samples are encoded so */
    /* Of integer samples. Whoever makes the samples does the ordered ones; for error diffusion encoder_new() gives an
     * encoder that asks for floats and diffuses them itself, band after band. */
    enum dither dither;
};

struct band {
    uint64_t index; /* in file order, over all frames */
    uint64_t frame;
    uint32_t row, rows; /* of its frame, counted from the top */
    bool first, last;   /* of its frame, in file order */
};

struct encoder {
    struct image_form form;

    /* How samples come: rows of a band one behind the other, a row's channels interleaved, little-endian, top row
     * first, unless: */
    unsigned sample_bits; /* 8, 16, 32 (float); an exr of halves asks for 32 */
    bool big_endian;      /* of 16 bits */
    bool planar;          /* a row is all of channel 0, then all of channel 1, ... */
    bool bottom_up;       /* the lowest band is the first of its frame, and a band's lowest row comes first */

    /* Of every band but the frame's last (from the top; bottom_up: from the bottom). Chosen by the form alone. */
    uint32_t band_rows;

    size_t band_most;  /* `encode` gives at most so many bytes for a band */
    size_t work_size;  /* memory that one call of `encode` may use, any content, aligned to 64 */
    size_t frame_more; /* what a frame takes beside its samples, at most, when that may be more than they */
    /* Not 0: the head has exactly so many bytes and is asked for at the end, because it needs what came behind it. Such
     * a file is never streamed: it is held in memory, under max-output-bytes. */
    size_t head_room;

    void (*head)(struct encoder *e, struct sink *s); /* begins a file anew, whatever was written before; NULL: none */
    /* A band's bytes into `ret`; on any thread, several at a time. `note` is kept for `join`. Returns how many; 0: it
     * failed. `samples` is the encoder's to change. NULL: the samples are the bytes. */
    size_t (*encode)(const struct encoder *e, const struct band *b, uint8_t *samples, void *work, uint8_t *ret,
                     uint64_t *ret_note);
    /* Writes a band: what stands before it, its bytes, what stands behind. NULL: only its bytes. */
    void (*join)(struct encoder *e, const struct band *b, const uint8_t *bytes, size_t n, uint64_t note,
                 struct sink *s);
    void (*tail)(struct encoder *e, struct sink *s); /* NULL: none */

    void (*close)(struct encoder *e); /* frees what is not the arena's, at any time; NULL: nothing */

    uint64_t clipped; /* samples that `join` found out of range, beside those that were so when they came */
    void *own;        /* the format's */
};

/* The column `open` of formats.def. Fills *ret, which is zeroed but for `form` and the defaults sample_bits = form.bits
 * and band_rows = encoder_rows(form, ENCODER_BAND). What grows with the number of bands is allocated here: the arena
 * must not be used by encode and join, which run on other threads. A form that the format cannot hold is a fault at
 * "/format". */
typedef enum status encoder_open(struct encoder *ret, struct arena *a, struct fault *fault);
#define IMAGE_FILE(id, name, type, bits, open, what) encoder_open open;
#define AUDIO_FILE(id, name, type, bits, what)
#include "api/formats.def"
#undef IMAGE_FILE
#undef AUDIO_FILE

enum status encoder_new(enum image_file file, const struct image_form *form, struct arena *a, struct encoder **ret,
                        struct fault *fault) MUST_CHECK;

/* Rows of about `bytes` bytes of samples of form.bits, at least 1, at most the height. */
uint32_t encoder_rows(const struct image_form *form, size_t bytes);
enum { ENCODER_BAND = 128 << 10 }; /* bytes of samples in a band by default: half of a second cache */

size_t encoder_row_bytes(const struct encoder *e); /* of samples */
uint64_t encoder_bands(const struct encoder *e);   /* of all frames */
struct band encoder_band(const struct encoder *e, uint64_t index);

#endif
