/* See parts.h. Values hang together when one is an operand of the other. */
#include "jit/cc/parts.h"

#include "core/arena.h"

enum { MANY = 4, SHORT = 4 };

static uint32_t root_of(uint32_t *parent, uint32_t v)
{
    while (parent[v] != v)
        v = parent[v] = parent[parent[v]];
    return v;
}

struct region *parts_of(const struct ir *ir, const struct region *region, struct arena *a, uint32_t *ret_n)
{
    const struct code *code = &ir->main;
    uint32_t *parent = ARENA_ARRAY(a, code->n, uint32_t), *number = ARENA_ARRAY(a, code->n, uint32_t), n = 0;
    struct region *parts = ARENA_ARRAY(a, region->n_vals, struct region);
    for (uint32_t i = 0; i < region->n_vals; i++)
        parent[region->vals[i].i] = region->vals[i].i;
    for (uint32_t i = 0; i < region->n_vals; i++) {
        uint32_t v = region->vals[i].i;
        for (uint32_t k = 0; k < code->ins[v].n_args; k++)
            if (parent[code->ins[v].args[k].i])
                parent[root_of(parent, v)] = root_of(parent, code->ins[v].args[k].i);
    }
    for (uint32_t i = 0; i < region->n_vals; i++) {
        uint32_t root = root_of(parent, region->vals[i].i);
        number[root] = number[root] ? number[root] : ++n;
        parts[number[root] - 1].n_vals++;
    }
    for (uint32_t i = 0; i < n; i++) {
        parts[i].kind = REGION_SERIAL;
        parts[i].vals = ARENA_ARRAY(a, parts[i].n_vals, struct val);
        parts[i].n_vals = 0;
    }
    for (uint32_t i = 0; i < region->n_vals; i++) {
        struct region *part = &parts[number[root_of(parent, region->vals[i].i)] - 1];
        part->vals[part->n_vals++] = region->vals[i];
    }
    *ret_n = n;
    return parts;
}

bool parts_are_many(const struct region *parts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (parts[i].n_vals > SHORT)
            return false;
    return n >= MANY;
}
