/* See admit_pixels.h. */
#include "jit/cc/admit_pixels.h"

#include "core/arena.h"
#include "jit/cc/admit_inputs.h"

enum { SETS = 3, REACH_MAX = 1 << 12, GAP = 3 };

static const int32_t sizes[SETS][2] = {{7, 5}, {1, 1}, {13, 2}};

struct pixels pixels_new(const struct plan *plan, struct arena *a)
{
    const struct ir *ir = plan->ir;
    return (struct pixels){.plan = plan,
                           .windows = ARENA_ARRAY(a, ir->n_planes + 1, struct guarded),
                           .pictures = ARENA_ARRAY(a, ir->n_images + 1, struct guarded),
                           .reach = ARENA_ARRAY(a, ir->n_planes + 1, struct reach),
                           .planes = ARENA_ARRAY(a, ir->n_planes + 1, struct kernel_plane),
                           .images = ARENA_ARRAY(a, ir->n_images + 1, struct kernel_image)};
}

void pixels_done(struct pixels *p)
{
    for (uint32_t i = 0; i < p->plan->ir->n_planes; i++)
        guarded_done(&p->windows[i]);
    for (uint32_t i = 0; i < p->plan->ir->n_images; i++)
        guarded_done(&p->pictures[i]);
}

bool pixels_draw(struct pixels *p, int set, uint64_t *random)
{
    for (uint32_t i = 0; i < p->plan->ir->n_images; i++) {
        struct kernel_image *image = &p->images[i];
        int floats = 4 * sizes[set][0] * sizes[set][1];
        size_t size = (size_t)floats * sizeof(float);
        guarded_done(&p->pictures[i]);
        p->pictures[i] = guarded_new(size);
        if (!p->pictures[i].base)
            return false;
        float *data = guarded_end(&p->pictures[i], size);
        input_fill(data, floats, set, random);
        *image = (struct kernel_image){data, sizes[set][0], sizes[set][1]};
    }
    return true;
}

static bool is_near(int32_t from, int32_t to)
{
    return from >= -REACH_MAX && to <= REACH_MAX;
}

bool pixels_reach(struct pixels *p, const double *args, struct arena *a)
{
    stages_reach(p->plan, args, p->reach, a);
    for (uint32_t i = 0; i < p->plan->ir->n_planes; i++) {
        const struct reach *r = &p->reach[i];
        if (r->left <= r->right && !(is_near(r->left, r->right) && is_near(r->up, r->down)))
            return false;
    }
    return true;
}

/* One window; columns left..count - 1 + right and rows up..rows - 1 + down, and not a float more. */
static bool place(struct pixels *p, uint32_t i, int count, int rows, bool at_end, int set, uint64_t *random)
{
    const struct reach *r = &p->reach[i];
    int width = count - 1 + r->right - r->left + 1, height = rows - 1 + r->down - r->up + 1;
    int stride = width + GAP, floats = (height - 1) * stride + width;
    size_t size = (size_t)floats * sizeof(float);
    guarded_done(&p->windows[i]);
    p->windows[i] = guarded_new(size);
    if (!p->windows[i].base)
        return false;
    float *first = at_end ? guarded_end(&p->windows[i], size) : (float *)(void *)p->windows[i].base;
    input_fill(first, floats, set, random);
    p->planes[i] = (struct kernel_plane){first - (int64_t)r->up * stride - r->left, stride};
    return true;
}

bool pixels_place(struct pixels *p, int count, int rows, bool at_end, int set, uint64_t *random)
{
    for (uint32_t i = 0; i < p->plan->ir->n_planes; i++) {
        p->planes[i] = (struct kernel_plane){0};
        if (count > 0 && p->reach[i].left <= p->reach[i].right && !place(p, i, count, rows, at_end, set, random))
            return false;
    }
    return true;
}
