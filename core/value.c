/* See value.h. */
#include "core/value.h"

struct value value_of(const struct build *b, struct val v)
{
    enum value_kind kind = b_type(b, v) == TYPE_F64 ? VALUE_F64 : VALUE_F32;
    return (struct value){.kind = kind, .dims = 1, .c = {v}};
}

struct value value_number(struct build *b, double v)
{
    return (struct value){.kind = VALUE_NUMBER, .dims = 1, .c = {b_f64(b, v)}};
}

struct val value_as(struct build *b, const struct value *v, int component, enum type t)
{
    return b_to(b, t, v->c[v->dims == 1 ? 0 : component]);
}

struct val value_truth(struct build *b, const struct value *v)
{
    if (v->truth.i)
        return v->truth;
    return b_gt(b, v->c[0], b_const(b, b_type(b, v->c[0]), 0.5));
}

struct value value_from_truth(struct build *b, struct val mask, enum value_kind kind)
{
    return (struct value){.kind = kind, .dims = 1, .c = {b_to(b, value_type(kind), mask)}, .truth = mask};
}

enum value_kind value_meet(enum value_kind a, enum value_kind b)
{
    if (a == VALUE_NUMBER && b == VALUE_NUMBER)
        return VALUE_NUMBER;
    return a == VALUE_F64 || b == VALUE_F64 ? VALUE_F64 : VALUE_F32;
}

enum type value_type(enum value_kind kind)
{
    return kind == VALUE_F32 ? TYPE_F32 : TYPE_F64;
}
