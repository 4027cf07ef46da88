/* Loops over samples, written as blocks. */
#ifndef JIT_CC_LOOPS_H
#define JIT_CC_LOOPS_H

#include "jit/cc/emit.h"

/* One from lo to hi; `s` writes a turn. */
struct turns {
    struct site s;
    gcc_jit_lvalue *index;
    gcc_jit_block *head, *done;
};
struct turns turns_begin(struct site *s, gcc_jit_rvalue *lo, gcc_jit_rvalue *hi);
void turns_end(struct turns *t, gcc_jit_rvalue *next); /* goes on with index `next`; t->s is behind the loop then */

/* A site for the turns of a loop; and the loop where `index` is now. */
struct site loop_site(const struct site *outer, const struct shape *shape, struct loop *loop);
void loop_at(struct site *s, struct loop *l, gcc_jit_lvalue *index);

gcc_jit_rvalue *loop_last_lane(struct site *s); /* of the last vector of the loop s is in */
gcc_jit_rvalue *site_smaller(struct site *s, gcc_jit_rvalue *a, gcc_jit_rvalue *b);

#endif
