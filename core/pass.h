/* Passes: IR to better IR that means the same, but for what passes.def says. The table of contents is passes.def. */
#ifndef CORE_PASS_H
#define CORE_PASS_H

#include "core/ir.h"

/* Needs verified IR, leaves verified IR; true when something changed. Memory comes from ir->arena, time grows with the
 * number of instructions. A pass never looks at where an argument's number comes from. */
struct pass {
    const char *name, *what;
    bool (*run)(struct ir *ir);
};

const struct pass *pass_at(size_t i);              /* NULL behind the last */
const struct pass *pass_by_name(const char *name); /* NULL when there is none */

#define PASS(name, what) bool pass_##name(struct ir *ir);
#include "core/passes.def"
#undef PASS

/* Called after each pass that ran. */
typedef void pass_trace(const char *name, bool changed, void *user);

/* Runs the table until a round changes nothing, at most PASS_ROUNDS_MAX times. Rates are filled. `trace` may be NULL.
 */
enum { PASS_ROUNDS_MAX = 16 };
void passes_run(struct ir *ir, pass_trace *trace, void *user);

/* What passes share. A body is main or a function; its roots are the values that leave it. */
struct body {
    struct code *code;
    struct val *roots;
    uint32_t n_roots;
};
uint32_t body_count(const struct ir *ir); /* functions first, main last */
struct body body_at(struct ir *ir, uint32_t index);

/* Replaces every use of value v by to[v]. */
void body_replace(const struct body *b, const uint32_t *to);

/* The body becomes n instructions: first the one that was order[0], and so on. Those left out have no use. */
void body_reorder(const struct ir *ir, const struct body *b, const uint32_t *order, uint32_t n);

/* Writing a body anew with instructions added in between. Begin; for every old value in order set map[v] to what stands
 * for it, rewrite_copy() being the plain case; end. Delayed operands are old numbers until the end; the old body stays
 * as it was. */
struct rewrite {
    struct ir *ir;
    struct body body;
    struct code code; /* the new one */
    uint32_t *map;    /* old value to new */
};
struct rewrite rewrite_begin(struct ir *ir, struct body body);
struct val rewrite_copy(struct rewrite *w, uint32_t v);
struct val rewrite_ins2(struct rewrite *w, enum op op, struct val a,
                        struct val b); /* operands are new values; b may be VAL_NONE */
struct val rewrite_ins3(struct rewrite *w, enum op op, struct val a, struct val b, struct val c);
void rewrite_end(struct rewrite *w);

/* How often each value is used, as an operand or a root. */
uint32_t *body_uses(const struct ir *ir, const struct body *b);

/* Strongly connected components over all edges, the delayed ones too: values of one feedback cycle share a number. */
uint32_t *code_components(const struct ir *ir, const struct code *code);

/* May operands 0 and 1 be exchanged? True of fma too, which multiplies them. */
bool ins_commutes(const struct ins *ins);
bool op_has_imm(enum op op);                  /* does `imm` count */
uint64_t ins_imm_bits(const struct ins *ins); /* 0 when it does not; one NaN is as good as another */

#endif
