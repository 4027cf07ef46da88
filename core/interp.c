/* The interpreter's outside: running bytecode, folding, floating-point state. See interp.h. */
#include "core/interp.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "core/interp/program.h"

enum { MXCSR_FTZ = 0x8000, MXCSR_DAZ = 0x0040, MXCSR_ROUNDING = 0x6000 };

unsigned fp_state_enter(void)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr((saved & ~(unsigned)MXCSR_ROUNDING) | MXCSR_FTZ | MXCSR_DAZ);
    return saved;
}

void fp_state_leave(unsigned saved)
{
    _mm_setcsr(saved);
}

bool interp_isa_available(enum interp_isa isa)
{
    switch (isa) {
    case INTERP_V4:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && interp_isa_available(INTERP_V3);
    case INTERP_V3:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    default:
        return true;
    }
}

static enum interp_isa best_isa(void)
{
    return interp_isa_available(INTERP_V4) ? INTERP_V4 : interp_isa_available(INTERP_V3) ? INTERP_V3 : INTERP_BASE;
}

struct interp *interp_new(const struct plan *p, enum interp_isa isa, struct arena *a)
{
    isa = isa == INTERP_BEST ? best_isa() : isa;
    assert(interp_isa_available(isa));
    return interp_build(p, VAL_NONE, isa, a);
}

size_t interp_work_size(const struct interp *in)
{
    return in->work_size;
}

/* A piece of the current strip, `off` samples behind its start. */
static struct frame piece(const struct frame *f, size_t off, size_t n)
{
    struct frame sub = *f;
    sub.w4 += off * 4;
    sub.w8 += off * 8;
    sub.at += (int32_t)off;
    sub.n = n;
    return sub;
}

static void run_serial(const struct block *b, const struct frame *f)
{
    struct frame tick = *f;
    b->enter->fn(b->enter, &tick);
    for (tick.i = 0; tick.i < f->n; tick.i++)
        b->steps->fn(b->steps, &tick);
    b->leave->fn(b->leave, &tick);
}

/* The least age, not below one sample nor above the piece. */
static size_t chunk_length(const struct block *b, const struct frame *f)
{
    size_t least = b->age_varies ? 1 : f->n;
    for (uint32_t i = 0; i < b->n_ages; i++) {
        int32_t age;
        memcpy(&age, f->work + b->ages[i], 4);
        if (age < 1)
            age = 1;
        if ((size_t)age < least)
            least = (size_t)age;
    }
    return least;
}

static void run_blocks(const struct block *blocks, uint32_t n_blocks, const struct frame *f)
{
    for (const struct block *b = blocks; b < blocks + n_blocks; b++) {
        if (b->kind == REGION_VECTOR) {
            b->steps->fn(b->steps, f);
        } else if (b->kind == REGION_SERIAL) {
            run_serial(b, f);
        } else {
            size_t chunk = chunk_length(b, f);
            for (size_t off = 0; off < f->n; off += chunk) {
                struct frame sub = piece(f, off, chunk < f->n - off ? chunk : f->n - off);
                run_blocks(b->subs, b->n_subs, &sub);
            }
        }
    }
}

void interp_run(const struct interp *in, const struct kernel_call *call, void *work)
{
    struct frame f = {.work = work, .w4 = work, .w8 = work, .call = call, .tables = in->tables};
    memcpy(work, in->consts, in->n_consts);
    in->call_steps->fn(in->call_steps, &f);
    for (f.row = 0; f.row < call->rows; f.row++) {
        in->row_steps->fn(in->row_steps, &f);
        for (f.at = 0; f.at < call->count; f.at += (int32_t)f.n) {
            size_t left = (size_t)(call->count - f.at);
            f.n = left < in->strip ? left : in->strip;
            run_blocks(in->blocks, in->n_blocks, &f);
        }
    }
}

static double read_value(const char *p, enum type type)
{
    float f;
    int32_t i;
    double d;
    memcpy(&f, p, 4);
    memcpy(&i, p, 4);
    memcpy(&d, p, 8);
    return type == TYPE_F64 ? d : type == TYPE_F32 ? (double)f : (double)i;
}

double interp_call_value(const struct plan *p, struct val v, const double *args, struct arena *a)
{
    const struct ins *ins = &p->ir->main.ins[v.i];
    assert(ins->rate == RATE_CONST || ins->rate == RATE_CALL);
    struct interp *in = interp_build(p, v, best_isa(), a);
    char *work = arena_alloc(a, in->work_size + KERNEL_ALIGN);
    struct kernel_call call = {.args = args};
    struct frame f = {.work = work + (-(uintptr_t)work & (KERNEL_ALIGN - 1)), .call = &call, .tables = in->tables};
    unsigned saved = fp_state_enter();
    memcpy(f.work, in->consts, in->n_consts);
    in->call_steps->fn(in->call_steps, &f);
    fp_state_leave(saved);
    return read_value(f.work + in->root_slot, op_info(ins->op)->result);
}

struct constant interp_fold(const struct ins *ins, const struct constant *args)
{
    const struct tick_ops *ticks = interp_isa_available(INTERP_V3) ? &ticks_v3 : &ticks_base;
    const struct op_info *info = op_info(ins->op);
    _Alignas(16) char work[4 * 16] = {0};
    struct step steps[2] = {{ticks->op[ins->op], 48, 0, 16, 32, ins->imm.i, 0}, {.fn = ticks->end}};
    struct frame f = {.work = work};
    struct constant result = {.type = info->result};
    assert(steps[0].fn && info->arity == (int)ins->n_args);
    for (uint32_t k = 0; k < ins->n_args; k++)
        memcpy(work + 16 * k, &args[k].as, 8);
    unsigned saved = fp_state_enter();
    steps[0].fn(steps, &f);
    fp_state_leave(saved);
    memcpy(&result.as, work + 48, 8);
    return result;
}
