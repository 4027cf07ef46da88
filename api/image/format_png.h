/* Parts of PNG that its relatives share: bands of filtered and deflated rows, chunks, the checksum over bands. */
#ifndef API_FORMAT_PNG_H
#define API_FORMAT_PNG_H

#include "api/image/encoder.h"

/* A chunk whose data is `prefix` and then `data`; either may be empty. */
void png_chunk(struct sink *s, const char type[4], const void *prefix, size_t prefix_n, const void *data, size_t n);

void png_signature(struct sink *s);
void png_head_chunks(const struct image_form *form, struct sink *s); /* IHDR, and sRGB when it is encoded so */

/* Sets big_endian, band_most, work_size and encode for bands of PNG rows. */
void png_bands(struct encoder *e);

/* A zlib stream of bands: its two bytes at the beginning stand before the first band's bytes; the bytes at the end
 * close it. */
struct png_stream {
    uint32_t adler; /* of what went in */
};
enum { PNG_BEGIN_SIZE = 2, PNG_END_SIZE = 6 };
extern const uint8_t png_begin[PNG_BEGIN_SIZE];

void png_stream_begin(struct png_stream *z);
void png_stream_add(struct png_stream *z, const struct encoder *e, const struct band *b, uint64_t note);
void png_stream_end(const struct png_stream *z, uint8_t ret[PNG_END_SIZE]);

#endif
