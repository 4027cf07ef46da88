/* Where the planes of a field's stages lie: which pixels each is wanted at, which of them its stage computes, and where
 * in one block of memory they stand. Places are those of the whole image's pixels, also left of 0 and beyond its end.
 */
#ifndef API_PLANES_H
#define API_PLANES_H

#include "api/image/view.h"
#include "jit/engine.h"

struct rect {
    int64_t x0, y0, x1, y1; /* x0 <= x < x1; empty: all 0 */
};

struct plane_place {
    enum edge edge;
    struct rect wanted; /* by what is near the pixels of those who read it */
    struct rect real;   /* the pixels of the image that these come from */
    uint32_t stage, last_reader;
    size_t at; /* floats into the block: the sample at (stage's held.x0, held.y0) */
};

struct stage_place {
    struct rect run;  /* the pixels it computes: inside of the image */
    struct rect held; /* what each of its planes has room for */
};

struct planes {
    const struct program *program;
    struct plane_place *list;   /* program->n_planes */
    struct stage_place *stages; /* program->n_stages, and the last stage */
    double points;              /* that the stages before the last compute */
    size_t floats;              /* of the block */
};

struct planes *planes_new(const struct program *p, struct arena *a);

/* For one point of each pixel's grid; all points of a grid have the same places. `in.ir` does not matter. Fails when
 * the block is above `most` floats: *ret_needed then says how many, at least, and there is no place. */
enum status planes_lay(struct planes *planes, const struct view *view, struct view_inputs in, double most,
                       double *ret_needed) MUST_CHECK;

/* Do the places depend on time or z? On the pixel they must not: STATUS_BAD_GRAPH. */
enum status planes_check(const struct program *p, bool *ret_moves) MUST_CHECK;

/* Fills what is wanted of a plane outside of the image from what is inside. */
void planes_fill_edges(const struct planes *planes, uint32_t plane, const struct view *view, float *block);

static inline int64_t rect_width(struct rect r)
{
    return r.x1 - r.x0;
}
static inline int64_t rect_height(struct rect r)
{
    return r.y1 - r.y0;
}
static inline bool rect_empty(struct rect r)
{
    return r.x0 >= r.x1 || r.y0 >= r.y1;
}
/* Floats from a stage's held corner to a pixel. */
static inline ptrdiff_t rect_offset(struct rect held, int64_t x, int64_t y)
{
    return (ptrdiff_t)((y - held.y0) * rect_width(held) + x - held.x0);
}

#endif
