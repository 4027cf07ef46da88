/* A field over an image: tiles of whole rows, on the pool's threads, each converted to the raster while it is in the
 * cache. */
#ifndef API_TILES_H
#define API_TILES_H

#include "api/format_image.h"
#include "api/runner.h"

struct view {
    uint32_t width, height; /* of the whole image */
    uint32_t x, y, w, h;    /* the part of it that is wanted */
    double region[4];       /* x0 y0 x1 y1 of the whole image */
    double z, time, seed;
    uint32_t grid; /* grid * grid points a pixel, averaged */
};

/* Fills the raster (w by h). Any part of an image equals that part of the whole one, bit for bit, for any number of
 * threads. DEADLINE and CLIENT_GONE between tiles. */
enum status tiles_run(struct runner *r, const struct view *view, const struct raster *raster,
                      struct counts *ret_counts) MUST_CHECK;

#endif
