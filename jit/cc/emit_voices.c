/* Voices, one a lane; see core/plan_packs.h. A block is as many samples as there are lanes: what goes in is turned from
 * a strip a voice into a vector a sample, in registers; then the samples are computed one after the other; then the
 * results are turned back. Strips are long enough for whole blocks, whose last samples may hold anything. */
#include <stdio.h>

#include "core/arena.h"
#include "jit/cc/loops.h"
#include "jit/cc/packs.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

static struct value one(gcc_jit_rvalue *v)
{
    return (struct value){.part = {v, NULL}};
}

static enum type type_of(const struct site *s, struct val v)
{
    return op_info(s->code->ins[v.i].op)->result;
}

static gcc_jit_rvalue *ints(struct site *s, const int *v)
{
    gcc_jit_rvalue *elements[LANES_MAX];
    for (int l = 0; l < s->shape->lanes; l++)
        elements[l] = machine_int(s->e, v[l]);
    return gcc_jit_context_new_rvalue_from_vector(s->e->ctxt, NULL, s->shape->i32, (size_t)s->shape->lanes, elements);
}

/* Exchanges the off-diagonal squares of `h` by `h` elements between rows a and b. */
static void exchange_v4(struct site *s, gcc_jit_rvalue **a, gcc_jit_rvalue **b, int h)
{
    int low[LANES_MAX], high[LANES_MAX], lanes = s->shape->lanes;
    for (int j = 0; j < lanes; j++) {
        low[j] = j & h ? lanes + j - h : j;
        high[j] = j & h ? lanes + j : j + h;
    }
    gcc_jit_rvalue *x = SITE_ASM(
        s, s->shape->f32, NULL, "vpermi2ps %3, %2, %0",
        {"0", site_let(s, s->shape->f32, gcc_jit_context_new_bitcast(s->e->ctxt, NULL, ints(s, low), s->shape->f32))},
        {"v", *a}, {"v", *b});
    gcc_jit_rvalue *y = SITE_ASM(
        s, s->shape->f32, NULL, "vpermi2ps %3, %2, %0",
        {"0", site_let(s, s->shape->f32, gcc_jit_context_new_bitcast(s->e->ctxt, NULL, ints(s, high), s->shape->f32))},
        {"v", *a}, {"v", *b});
    *a = x;
    *b = y;
}

static void exchange_v3(struct site *s, gcc_jit_rvalue **a, gcc_jit_rvalue **b, int h)
{
    static const char *const texts[3][2] = {
        {"vmovsldup %2, %0\n\tvblendps $0xaa, %0, %1, %0", "vmovshdup %1, %0\n\tvblendps $0xaa, %2, %0, %0"},
        {"vshufps $0x44, %2, %1, %0", "vshufps $0xee, %2, %1, %0"},
        {"vperm2f128 $0x20, %2, %1, %0", "vperm2f128 $0x31, %2, %1, %0"},
    };
    const char *const *text = texts[h >> 1];
    gcc_jit_rvalue *x = SITE_ASM(s, s->shape->f32, h == 1 ? "&x" : NULL, text[0], {"x", *a}, {"x", *b});
    gcc_jit_rvalue *y = SITE_ASM(s, s->shape->f32, h == 1 ? "&x" : NULL, text[1], {"x", *a}, {"x", *b});
    *a = x;
    *b = y;
}

/* Rows become columns. */
static void transpose(struct site *s, gcc_jit_rvalue *rows[LANES_MAX])
{
    for (int h = 1; h < s->shape->lanes; h *= 2)
        for (int i = 0; i < s->shape->lanes; i++) {
            if (i & h)
                continue;
            if (s->e->v4)
                exchange_v4(s, &rows[i], &rows[i + h], h);
            else
                exchange_v3(s, &rows[i], &rows[i + h], h);
        }
}

/* Room for a block. */
static gcc_jit_rvalue *tile(struct site *s)
{
    struct emitter *e = s->e;
    gcc_jit_type *array = gcc_jit_context_new_array_type(e->ctxt, NULL, s->shape->f32, s->shape->lanes);
    gcc_jit_lvalue *all = site_local(s, array, "tile");
    return gcc_jit_context_new_cast(e->ctxt, NULL, gcc_jit_lvalue_get_address(all, NULL), e->t_byte_ptr);
}

/* Samples from `at` on of a value of each lane into the tile, a vector a sample. */
static void turn_in(struct site *s, const struct group *g, uint32_t key, gcc_jit_rvalue *bytes, gcc_jit_rvalue *at)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *rows[LANES_MAX];
    for (int l = 0; l < s->shape->lanes; l++) {
        uint32_t chain = (uint32_t)l < g->n ? (uint32_t)l : 0;
        long strip = e->plan->strip_at[packs_in_lane(g, chain, 0, key).i];
        rows[l] = (uint32_t)l < g->n ? site_load(s, TYPE_F32, e->main->scratch, strip, at).part[0] : rows[0];
    }
    transpose(s, rows);
    for (int l = 0; l < s->shape->lanes; l++)
        site_store(s, TYPE_F32, bytes, 0, machine_long(e, (long)l * s->shape->lanes), one(rows[l]));
}

static void turn_out(struct site *s, const struct group *g, gcc_jit_rvalue *bytes, gcc_jit_rvalue *at)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *rows[LANES_MAX];
    for (int l = 0; l < s->shape->lanes; l++)
        rows[l] = site_load(s, TYPE_F32, bytes, 0, machine_long(e, (long)l * s->shape->lanes)).part[0];
    transpose(s, rows);
    for (uint32_t c = 0; c < g->n; c++) {
        long strip = e->plan->strip_at[packs_in_lane(g, c, 0, g->pack->result).i];
        site_store(s, TYPE_F32, e->main->scratch, strip, at, one(rows[c]));
    }
}

/* One sample of a value in every lane: of a strip that all lanes share, or of strips of f64, one each. */
static struct value gathered(struct site *s, const struct group *g, uint32_t key, gcc_jit_rvalue *at)
{
    struct emitter *e = s->e;
    enum type t = type_of(s, g->pack->keys[key]);
    struct site lane = *s;
    lane.shape = &e->scalar;
    if (!packs_lanes_differ(g, key)) {
        long strip = e->plan->strip_at[packs_in_lane(g, 0, 0, key).i];
        return site_splat(s, t, site_load(&lane, t, e->main->scratch, strip, at).part[0]);
    }
    gcc_jit_type *array = gcc_jit_context_new_array_type(e->ctxt, NULL, e->t_double, s->shape->lanes);
    gcc_jit_rvalue *bytes = gcc_jit_context_new_cast(
        e->ctxt, NULL, gcc_jit_lvalue_get_address(site_local(s, array, "row"), NULL), e->t_byte_ptr);
    for (int l = 0; l < s->shape->lanes; l++) {
        uint32_t chain = (uint32_t)l < g->n ? (uint32_t)l : 0;
        long strip = e->plan->strip_at[packs_in_lane(g, chain, 0, key).i];
        site_store(&lane, t, bytes, 0, machine_long(e, l), site_load(&lane, t, e->main->scratch, strip, at));
    }
    return site_load(s, t, bytes, 0, machine_long(e, 0));
}

static bool is_turned(const struct site *s, const struct group *g, uint32_t key)
{
    return packs_lanes_differ(g, key) && type_of(s, g->pack->keys[key]) != TYPE_F64;
}

struct block {
    gcc_jit_rvalue **in; /* by input: its tile, or NULL */
    gcc_jit_rvalue *out;
    gcc_jit_rvalue *start; /* of the block in the strip */
};

static void one_sample(struct site *s, const struct group *g, const struct block *b, gcc_jit_rvalue *at)
{
    const struct pack *p = g->pack;
    uint32_t first = p->n_keys - p->n_inputs;
    gcc_jit_rvalue *lanes = machine_long(s->e, s->shape->lanes);
    gcc_jit_rvalue *row = site_binary(s, GCC_JIT_BINARY_OP_MULT, s->e->t_long, site_sub(s, at, b->start), lanes);
    for (uint32_t i = 0; i < p->n_inputs; i++) {
        struct val v = p->keys[first + i];
        struct value x = b->in[i] ? site_load(s, type_of(s, v), b->in[i], 0, row) : gathered(s, g, first + i, at);
        site_remember(s, v, x);
    }
    packs_compute_members(s, g);
    struct val result = p->keys[p->result];
    site_store(s, type_of(s, result), b->out, 0, row, site_get(s, result));
    packs_remember_states(s, g, NULL);
    site_forget(s);
}

static void guest_sample(struct site *s, const struct region *guest, gcc_jit_rvalue *at)
{
    struct loop l = *s->loop;
    struct site lane = loop_site(s, &s->e->scalar, &l);
    l.index = at;
    l.at = site_add(&lane, l.base, at);
    emit_region_body(&lane, guest);
    state_turn(&lane, guest);
    site_forget(&lane);
    s->block = lane.block;
}

static void samples(struct site *s, const struct group *g, const struct block *b)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *end = site_smaller(s, site_add(s, b->start, machine_long(e, s->shape->lanes)), s->loop->hi);
    gcc_jit_lvalue *at = site_local(s, e->t_long, "at");
    gcc_jit_block *head = site_block(s, "samples"), *turn = site_block(s, "sample"), *done = site_block(s, "done");
    site_set(s, at, b->start);
    site_jump(s, head);
    site_branch(s, site_less(s, r(at), end), turn, done);
    s->block = turn;
    gcc_jit_rvalue *now = site_let(s, e->t_long, r(at));
    one_sample(s, g, b, now);
    if (g->guest)
        guest_sample(s, g->guest, now);
    site_set(s, at, site_add(s, r(at), machine_long(e, 1)));
    site_jump(s, head);
    s->block = done;
}

void voices_run(struct site *outer, struct group *g, const struct loop *strip)
{
    struct emitter *e = outer->e;
    const struct pack *p = g->pack;
    struct loop l = *strip;
    struct site s = loop_site(outer, g->shape, &l);
    struct block b = {.in = ARENA_ARRAY(e->arena, p->n_inputs, gcc_jit_rvalue *), .out = tile(&s)};
    gcc_jit_lvalue *start = site_local(&s, e->t_long, "block");
    gcc_jit_block *head = site_block(&s, "blocks"), *turn = site_block(&s, "block"), *done = site_block(&s, "done");
    for (uint32_t i = 0; i < p->n_inputs; i++)
        b.in[i] = is_turned(&s, g, p->n_keys - p->n_inputs + i) ? tile(&s) : NULL;
    site_set(&s, start, l.lo);
    site_jump(&s, head);
    site_branch(&s, site_less(&s, r(start), l.hi), turn, done);
    s.block = turn;
    b.start = site_let(&s, e->t_long, r(start));
    for (uint32_t i = 0; i < p->n_inputs; i++)
        if (b.in[i])
            turn_in(&s, g, p->n_keys - p->n_inputs + i, b.in[i], b.start);
    samples(&s, g, &b);
    turn_out(&s, g, b.out, b.start);
    site_set(&s, start, site_add(&s, b.start, machine_long(e, g->shape->lanes)));
    site_jump(&s, head);
    s.block = done;
    outer->block = s.block;
}
