/* See loops.h. */
#include "jit/cc/loops.h"

static gcc_jit_rvalue *r(gcc_jit_lvalue *l)
{
    return gcc_jit_lvalue_as_rvalue(l);
}

struct turns turns_begin(struct site *s, gcc_jit_rvalue *lo, gcc_jit_rvalue *hi)
{
    struct turns t = {.s = *s};
    gcc_jit_block *turn = site_block(s, "turn");
    t.index = site_local(s, s->e->t_long, "i");
    t.head = site_block(s, "head");
    t.done = site_block(s, "done");
    site_set(&t.s, t.index, lo);
    site_jump(&t.s, t.head);
    site_branch(&t.s, site_less(&t.s, r(t.index), hi), turn, t.done);
    t.s.block = turn;
    return t;
}

void turns_end(struct turns *t, gcc_jit_rvalue *next)
{
    site_set(&t->s, t->index, next);
    site_jump(&t->s, t->head);
    t->s.block = t->done;
}

gcc_jit_rvalue *site_smaller(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b)
{
    gcc_jit_lvalue *m = site_local(s, s->e->t_long, "least");
    gcc_jit_block *other = site_block(s, "other"), *joined = site_block(s, "joined");
    site_set(s, m, a);
    site_branch(s, site_less(s, b, a), other, joined);
    s->block = other;
    site_set(s, m, b);
    site_jump(s, joined);
    return r(m);
}

void loop_at(struct site *s, struct loop *l, gcc_jit_lvalue *index)
{
    l->index = r(index);
    l->at = site_add(s, l->base, l->index);
    if (s->shape->vector)
        l->mask = site_first_lanes(s, site_int(s, site_sub(s, l->hi, l->index)));
}

/* Of the last vector of the loop s is in. */
gcc_jit_rvalue *loop_last_lane(struct site *s)
{
    struct emitter *e = s->e;
    gcc_jit_rvalue *length = site_sub(s, s->loop->hi, s->loop->lo);
    return site_and(s, site_sub(s, length, machine_long(e, 1)), machine_long(e, e->vector.lanes - 1));
}

struct site loop_site(const struct site *outer, const struct shape *shape, struct loop *loop)
{
    struct site s = *outer;
    s.shape = shape;
    s.loop = loop;
    return s;
}
