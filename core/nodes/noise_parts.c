/* See noise_parts.h. */
#include "core/nodes/noise_parts.h"

#include <assert.h>

static uint32_t add_fn(struct build *b, const char *name, noise_body_with *body, const void *user, const struct val *in,
                       int n)
{
    static const enum op params[] = {[TYPE_F32] = OP_PARAM_F32, [TYPE_F64] = OP_PARAM_F64, [TYPE_I32] = OP_PARAM_I32};
    struct ir_fn fn = {.name = arena_strdup(b->ir->arena, name), .n_params = (uint32_t)n};
    struct build inside = *b;
    struct val in_fn[FN_ARGS_MAX];
    inside.code = &fn.code;
    for (int i = 0; i < n; i++) {
        fn.params[i] = b_type(b, in[i]);
        in_fn[i] = ir_emit(b->ir, &fn.code, (struct ins){.op = params[fn.params[i]], .imm.i = i});
    }
    fn.result = body(&inside, in_fn, user);
    fn.result_type = b_type(&inside, fn.result);
    return ir_add_fn(b->ir, &fn);
}

struct val noise_call_with(struct build *b, const char *name, noise_body_with *body, const void *user,
                           const struct val *in, int n)
{
    struct val copy[FN_ARGS_MAX];
    uint32_t index;
    assert(n <= FN_ARGS_MAX);
    if (!ir_fn_by_name(b->ir, name, &index))
        index = add_fn(b, name, body, user, in, n);
    for (int i = 0; i < n; i++)
        copy[i] = in[i];
    assert(b->ir->fns[index].result_type == TYPE_F32);
    return ir_emit(b->ir, b->code,
                   (struct ins){.op = OP_CALL_F32, .n_args = (uint32_t)n, .args = copy, .imm.i = (int32_t)index});
}

struct plain {
    noise_body *body;
    int user;
};

static struct val plain_body(struct build *b, const struct val *in, const void *user)
{
    const struct plain *p = user;
    return p->body(b, in, p->user);
}

struct val noise_call(struct build *b, const char *name, noise_body *body, int user, const struct val *in, int n)
{
    return noise_call_with(b, name, plain_body, &(struct plain){body, user}, in, n);
}

struct val noise_cell(struct build *b, struct val x, struct val *ret_fraction)
{
    struct val cell = b_floor(b, x);
    *ret_fraction = b_sub(b, x, cell);
    return cell;
}

struct val noise_fade(struct build *b, struct val t)
{
    struct val p = b_fma(b, t, b_fmac(b, t, 6, -15), b_f32(b, 10));
    return b_mul(b, b_mul(b, b_mul(b, t, t), t), p);
}

struct val noise_seed(struct build *b, struct val seed)
{
    return b_to(b, TYPE_I32, seed);
}

/* Two rounds of xor-shift and multiply with odd constants: a bijection of 32 bits; 0 is moved first. */
struct val noise_mixed_seed(struct build *b, struct val seed)
{
    struct val h = b_addc(b, noise_seed(b, seed), 0x3c6ef372);
    h = b_mulc(b, b_xor(b, h, b_shr(b, h, 16)), 0x7feb352d);
    h = b_mulc(b, b_xor(b, h, b_shr(b, h, 15)), (int32_t)0x846ca68bu);
    return b_xor(b, h, b_shr(b, h, 16));
}
