/* What many tests share: where things are, reading files, arenas, IR. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/arena.h"

/* By how much deadlines are longer and amounts of work smaller than in an ordinary build: about what sanitizers slow
 * down. */
#if defined __SANITIZE_THREAD__
enum { TEST_SLOWNESS = 10 };
#elif defined __SANITIZE_ADDRESS__
enum { TEST_SLOWNESS = 4 };
#else
enum { TEST_SLOWNESS = 1 };
#endif

const char *test_build_dir(void);                                       /* holds sinter and sinter-cc */
struct arena *test_arena(void);                                         /* with room for any test */
char *test_read_file(struct arena *a, const char *path, size_t *ret_n); /* fails the test when it cannot */
/* A line "FIGURE name value unit bar" of the report that ./dev torture makes; `bar` says what it should be, "-":
 * nothing. */
void test_figure(const char *name, double value, const char *unit, const char *bar);
struct ir;
struct ir *test_ir(struct arena *a, const char *text); /* parsed and verified */
uint32_t test_random(uint64_t *state);                 /* splitmix64, upper half */

#endif
