/* The engines under comparison: the interpreter at its least instruction set, which is the reference, and one with
 * kernels for each target of this CPU. Their interpreters use the target's instruction set, so that both ways through
 * each can be compared. */
#ifndef TESTS_SUPPORT_ENGINES_H
#define TESTS_SUPPORT_ENGINES_H

#include "bench/rig.h"

enum { TEST_ENGINES = 3 };

struct test_engine {
    const char *name;
    enum interp_isa isa;
    enum target target;
    struct engine *engine; /* NULL: not for this CPU */
};
extern struct test_engine test_engines[TEST_ENGINES]; /* the reference first */

/* Starts those that run here and enters the floating-point state; false when one does not start. */
bool test_engines_start(void);
bool test_engines_start_alone(void); /* without workers: their programs are interpreted, or get kernels otherwise */
void test_engines_stop(void);
/* The last line that an engine logged: why a kernel did not come. */
const char *test_engines_log(void);

#endif
