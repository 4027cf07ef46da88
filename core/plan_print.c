/* A plan as text, for `sinter explain` and the tests. */
#include <stdio.h>

#include "core/plan_packs.h"

struct text {
    struct arena *arena;
    char *data;
};

static void say(struct text *t, const char *piece)
{
    t->data = arena_printf(t->arena, "%s%s", t->data, piece);
}

static const char *vals_text(struct arena *a, const struct val *vals, uint32_t n)
{
    char *data = arena_alloc(a, (size_t)n * 12 + 1), *end = data;
    for (uint32_t i = 0; i < n; i++)
        end += sprintf(end, " %%%u", vals[i].i);
    return data;
}

static void print_region(struct text *t, const struct plan *p, const struct region *r, int indent)
{
    static const char *const kinds[] = {"vector", "serial", "chunk"};
    say(t, arena_printf(t->arena, "%*s%s", indent, "", kinds[r->kind]));
    if (r->kind == REGION_CHUNK) {
        say(t, arena_printf(t->arena, " ages%s\n", vals_text(t->arena, r->ages, r->n_ages)));
        for (uint32_t i = 0; i < r->n_subs; i++)
            print_region(t, p, &r->subs[i], indent + 2);
    } else {
        say(t, arena_printf(t->arena, "%s\n", vals_text(t->arena, r->vals, r->n_vals)));
    }
}

/* Chains and stages, and what leaves each chain. */
static void print_pack(struct text *t, const struct pack *p)
{
    struct val *results = ARENA_ARRAY(t->arena, p->n_chains, struct val);
    for (uint32_t c = 0; c < p->n_chains; c++)
        results[c] = p->of[(c + 1) * p->n_stages - 1][p->result];
    say(t, arena_printf(t->arena, "pack %u x %u%s\n", p->n_chains, p->n_stages,
                        vals_text(t->arena, results, p->n_chains)));
}

char *plan_print(const struct plan *p, struct arena *a)
{
    struct text t = {a, arena_strdup(a, "")};
    say(&t, arena_printf(a, "call%s\n", vals_text(a, p->call_vals, p->n_call_vals)));
    if (p->n_row_vals)
        say(&t, arena_printf(a, "row%s\n", vals_text(a, p->row_vals, p->n_row_vals)));
    for (uint32_t i = 0; i < p->n_regions; i++)
        print_region(&t, p, &p->regions[i], 0);
    for (uint32_t i = 0; i < p->n_packs; i++)
        print_pack(&t, &p->packs[i]);
    say(&t, arena_printf(a, "state %u bytes, %u rings, scratch %u bytes%s\n", p->state_size, p->n_rings,
                         p->scratch_size, p->strips ? ", in strips" : ""));
    return t.data;
}
