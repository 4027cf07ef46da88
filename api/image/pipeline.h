/* The stages of a field that looks beside its pixels: planes of values over all the pixels that the view's pixels need,
 * filled one stage after the other, so that the last stage can run tile by tile as any field does. What lies outside of
 * the image is filled by each plane's edge mode. A part of an image needs only the surroundings of that part. */
#ifndef API_PIPELINE_H
#define API_PIPELINE_H

#include "api/image/view.h"
#include "api/runner.h"

struct pipeline;

/* NULL when the program has no stages beside the last. Finds what each plane needs in every frame: LIMIT
 * max-plane-bytes before any memory is taken or work done. */
enum status pipeline_new(struct runner *r, const struct view *view, const struct frames *frames,
                         struct pipeline **ret) MUST_CHECK;

/* Fills the planes for this frame of the view. More than one grid point a pixel: the last stage runs here, too, since
 * every point of the grid has planes of its own. Asked after runner_choose; DEADLINE and CLIENT_GONE between tiles,
 * asked with the share of all work `done` before and after. Adds no fault for these two. */
struct done {
    double before, after;
};
enum status pipeline_frame(struct pipeline *p, const struct view *view, struct done done) MUST_CHECK;

uint64_t pipeline_bytes(const struct pipeline *p); /* of its planes; NULL: 0 */

/* Of the frame, for the last stage with one point a pixel: windows by its surfaces, for a call that begins with this
 * row of the view. */
void pipeline_windows(const struct pipeline *p, uint32_t row, struct kernel_plane *ret_windows);

/* With several: the means of an output, from this row of the view on; rows stand one behind the other. */
float *pipeline_means(const struct pipeline *p, uint32_t output, uint32_t row);

#endif
