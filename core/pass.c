/* Running the passes of passes.def, and what they share. See pass.h. */
#include "core/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pass passes[] = {
#define PASS(name, what) {#name, what, pass_##name},
#include "core/passes.def"
#undef PASS
};

enum { N_PASSES = sizeof passes / sizeof *passes };

const struct pass *pass_at(size_t i)
{
    return i < N_PASSES ? &passes[i] : NULL;
}

const struct pass *pass_by_name(const char *name)
{
    for (size_t i = 0; i < N_PASSES; i++)
        if (!strcmp(passes[i].name, name))
            return &passes[i];
    return NULL;
}

#ifndef NDEBUG
static void verify_after(const struct ir *ir, const struct pass *pass)
{
    struct fault fault;
    fault_init(&fault, ir->arena);
    if (ir_verify(ir, &fault) == STATUS_OK)
        return;
    fprintf(stderr, "after the pass %s: %s\n", pass->name, fault.items[0].detail);
    abort();
}
#else
static void verify_after(const struct ir *ir, const struct pass *pass)
{
    (void)ir;
    (void)pass;
}
#endif

void passes_run(struct ir *ir, pass_trace *trace, void *user)
{
    bool changed = true;
    for (int round = 0; changed && round < PASS_ROUNDS_MAX; round++) {
        changed = false;
        for (size_t i = 0; i < N_PASSES; i++) {
            bool did = passes[i].run(ir);
            verify_after(ir, &passes[i]);
            if (trace)
                trace(passes[i].name, did, user);
            changed |= did;
        }
    }
}

uint32_t body_count(const struct ir *ir)
{
    return ir->n_fns + 1;
}

struct body body_at(struct ir *ir, uint32_t index)
{
    if (index < ir->n_fns)
        return (struct body){&ir->fns[index].code, &ir->fns[index].result, 1};
    return (struct body){&ir->main, ir->outputs, ir->n_outputs};
}

void body_replace(const struct body *b, const uint32_t *to)
{
    for (uint32_t i = 1; i < b->code->n; i++) {
        struct ins *ins = &b->code->ins[i];
        for (uint32_t k = 0; k < ins->n_args; k++)
            ins->args[k].i = to[ins->args[k].i];
    }
    for (uint32_t i = 0; i < b->n_roots; i++)
        b->roots[i].i = to[b->roots[i].i];
}

void body_reorder(const struct ir *ir, const struct body *b, const uint32_t *order, uint32_t n)
{
    struct code *code = b->code;
    struct ins *ins = ARENA_ARRAY(ir->arena, (size_t)n + 1, struct ins);
    uint32_t *to = ARENA_ARRAY(ir->arena, code->n, uint32_t);
    for (uint32_t i = 0; i < n; i++) {
        ins[i + 1] = code->ins[order[i]];
        to[order[i]] = i + 1;
    }
    *code = (struct code){.ins = ins, .n = n + 1, .cap = n + 1};
    body_replace(b, to);
}

struct rewrite rewrite_begin(struct ir *ir, struct body body)
{
    return (struct rewrite){.ir = ir, .body = body, .map = ARENA_ARRAY(ir->arena, body.code->n, uint32_t)};
}

struct val rewrite_copy(struct rewrite *w, uint32_t v)
{
    struct ins ins = w->body.code->ins[v];
    struct val args[FN_ARGS_MAX];
    for (uint32_t k = 0; k < ins.n_args; k++)
        args[k].i = ins_is_delayed(&ins, k) ? ins.args[k].i : w->map[ins.args[k].i];
    ins.args = args;
    struct val copy = ir_emit(w->ir, &w->code, ins);
    w->map[v] = copy.i;
    return copy;
}

struct val rewrite_ins2(struct rewrite *w, enum op op, struct val a, struct val b)
{
    struct val args[2] = {a, b};
    return ir_emit(w->ir, &w->code, (struct ins){.op = op, .n_args = b.i ? 2 : 1, .args = args});
}

struct val rewrite_ins3(struct rewrite *w, enum op op, struct val a, struct val b, struct val c)
{
    struct val args[3] = {a, b, c};
    return ir_emit(w->ir, &w->code, (struct ins){.op = op, .n_args = 3, .args = args});
}

void rewrite_end(struct rewrite *w)
{
    for (uint32_t i = 1; i < w->code.n; i++) {
        struct ins *ins = &w->code.ins[i];
        if (ins->n_args && ins_is_delayed(ins, 0))
            ins->args[0].i = w->map[ins->args[0].i];
    }
    for (uint32_t i = 0; i < w->body.n_roots; i++)
        w->body.roots[i].i = w->map[w->body.roots[i].i];
    *w->body.code = w->code;
}

uint32_t *body_uses(const struct ir *ir, const struct body *b)
{
    uint32_t *uses = ARENA_ARRAY(ir->arena, b->code->n, uint32_t);
    for (uint32_t i = 1; i < b->code->n; i++)
        for (uint32_t k = 0; k < b->code->ins[i].n_args; k++)
            uses[b->code->ins[i].args[k].i]++;
    for (uint32_t i = 0; i < b->n_roots; i++)
        uses[b->roots[i].i]++;
    return uses;
}

/* Tarjan's algorithm with its recursion on a stack of its own: graphs are deep. */
struct tarjan {
    const struct code *code;
    uint32_t *component; /* 0: none yet */
    uint32_t *order;     /* 0: not seen */
    uint32_t *low;
    uint32_t *next_arg;
    uint32_t *path, n_path; /* the recursion */
    uint32_t *open, n_open; /* seen, without a component */
    uint32_t n_seen, n_components;
};

static void tarjan_enter(struct tarjan *t, uint32_t v)
{
    t->order[v] = t->low[v] = ++t->n_seen;
    t->path[t->n_path++] = v;
    t->open[t->n_open++] = v;
}

static void tarjan_leave(struct tarjan *t, uint32_t v)
{
    t->n_path--;
    if (t->n_path && t->low[v] < t->low[t->path[t->n_path - 1]])
        t->low[t->path[t->n_path - 1]] = t->low[v];
    if (t->low[v] != t->order[v])
        return;
    t->n_components++;
    uint32_t w;
    do
        t->component[w = t->open[--t->n_open]] = t->n_components;
    while (w != v);
}

static void tarjan_walk(struct tarjan *t, uint32_t root)
{
    tarjan_enter(t, root);
    while (t->n_path) {
        uint32_t v = t->path[t->n_path - 1];
        const struct ins *ins = &t->code->ins[v];
        if (t->next_arg[v] == ins->n_args) {
            tarjan_leave(t, v);
            continue;
        }
        uint32_t w = ins->args[t->next_arg[v]++].i;
        if (!t->order[w])
            tarjan_enter(t, w);
        else if (!t->component[w] && t->order[w] < t->low[v])
            t->low[v] = t->order[w];
    }
}

uint32_t *code_components(const struct ir *ir, const struct code *code)
{
    uint32_t *room = ARENA_ARRAY(ir->arena, (size_t)code->n * 6, uint32_t);
    struct tarjan t = {.code = code,
                       .component = room,
                       .order = room + code->n,
                       .low = room + (size_t)code->n * 2,
                       .next_arg = room + (size_t)code->n * 3,
                       .path = room + (size_t)code->n * 4,
                       .open = room + (size_t)code->n * 5};
    for (uint32_t v = 1; v < code->n; v++)
        if (!t.order[v])
            tarjan_walk(&t, v);
    return t.component;
}

bool ins_commutes(const struct ins *ins)
{
    return (op_info(ins->op)->flags & OP_COMMUTES) || ins->op == OP_FMA_F32 || ins->op == OP_FMA_F64;
}

bool op_has_imm(enum op op)
{
    return (op_info(op)->flags & (OP_IMM_F | OP_IMM_D | OP_IMM_I)) != 0;
}

uint64_t ins_imm_bits(const struct ins *ins)
{
    unsigned flags = op_info(ins->op)->flags;
    uint64_t bits64;
    uint32_t bits32;
    if (flags & OP_IMM_D) {
        memcpy(&bits64, &ins->imm.d, sizeof bits64);
        return (bits64 & INT64_MAX) > 0x7ff0000000000000u ? 0x7ff8000000000000u : bits64;
    }
    if (flags & OP_IMM_F) {
        memcpy(&bits32, &ins->imm.f, sizeof bits32);
        return (bits32 & INT32_MAX) > 0x7f800000u ? 0x7fc00000u : bits32;
    }
    return flags & OP_IMM_I ? (uint32_t)ins->imm.i : 0;
}
