/* An engine with the real compile worker and a store in a folder of its own, for tests of one program: formulas become
 * programs and kernels, and small images are made of them. */
#ifndef TESTS_SUPPORT_LONE_ENGINE_H
#define TESTS_SUPPORT_LONE_ENGINE_H

#include "jit/engine.h"
#include "tests/support/folder.h"

enum {
    LONE_WAIT_MS = 30000,
    LONE_PIXELS = 67,
    LONE_ROWS = 3,
    LONE_SIZE = LONE_PIXELS * LONE_ROWS * (int)sizeof(float)
};

extern struct arena *lone_arena;
extern char lone_dir[FOLDER_PATH]; /* the store's */
extern const struct layout lone_layout;

/* Around each test. */
int lone_set_up(void **state);
int lone_tear_down(void **state);

struct engine_config lone_config(void); /* nothing is preloaded */
struct engine *lone_engine(struct engine_config c);
struct program *lone_program(struct engine *e, const char *expr);
struct engine_stats lone_stats(struct engine *e);
/* The kernel, waiting for the compiler. */
struct kernel *lone_kernel(struct engine *e, struct program *p, enum kernel_origin expected);
/* Program and kernel are made, and let go of. */
void lone_bring(struct engine *e, const char *expr, enum kernel_origin expected);
/* Runs a small image; `k` NULL: by the interpreter. */
float *lone_run(const struct program *p, struct kernel *k);

#endif
