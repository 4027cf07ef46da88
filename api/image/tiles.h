/* A field over rows of an image, on the calling thread: tiles of whole rows, each converted to the raster while it is
 * in the cache. Many threads may work on different rows at once. */
#ifndef API_TILES_H
#define API_TILES_H

#include "api/image/format_image.h"
#include "api/image/view.h"
#include "api/runner.h"

struct tiles;

/* For rasters of this form (data, height and y do not matter yet) and at most `threads` threads at once. The memory is
 * the request's. */
enum status tiles_new(struct runner *r, const struct view *view, const struct raster *form, int threads,
                      struct tiles **ret) MUST_CHECK;

/* Fills the raster with the view's rows from `row` on. Any part of an image equals that part of the whole one, bit for
 * bit, for any number of threads. DEADLINE and CLIENT_GONE between tiles, asked with the share of work `done` so far.
 * Adds to `counts`. */
enum status tiles_rows(struct tiles *t, const struct view *view, uint32_t row, const struct raster *to, double done,
                       struct counts *counts) MUST_CHECK;

#endif
