/* See view.h. */
#include "api/image/view.h"

#include "core/kernel.h"

struct view view_frame(const struct view *first, const struct frames *frames, uint64_t frame)
{
    struct view v = *first;
    v.time += frames->fps > 0 ? (double)frame / frames->fps : 0;
    v.z += (double)frame * frames->z_step;
    return v;
}

/* The centre of point k of a row of `grid` in a pixel, from the pixel's centre; a multiple of 2^-20, so that sums with
 * pixel indices are exact and do not depend on where a tile begins. */
static double point_offset(uint32_t k, uint32_t grid)
{
    double at = ((double)k + 0.5) / (double)grid - 0.5;
    return (double)(int32_t)(at * 0x1p20) * 0x1p-20;
}

void view_args(const struct view *v, const struct view_inputs *in, uint32_t x, uint32_t y, uint32_t k, double *ret_args)
{
    double context[CONTEXT_COUNT] = {
        [CONTEXT_WIDTH] = v->width,
        [CONTEXT_HEIGHT] = v->height,
        [CONTEXT_X0] = v->region[0],
        [CONTEXT_DX] = (v->region[2] - v->region[0]) / v->width,
        [CONTEXT_Y0] = v->region[1],
        [CONTEXT_DY] = (v->region[3] - v->region[1]) / v->height,
        [CONTEXT_PX0] = x + point_offset(k % v->grid, v->grid),
        [CONTEXT_PY0] = y + point_offset(k / v->grid, v->grid),
        [CONTEXT_Z] = v->z,
        [CONTEXT_TIME] = v->time,
        [CONTEXT_SEED] = v->seed,
    };
    lower_args(in->ir, in->params, context, in->images, ret_args);
}
