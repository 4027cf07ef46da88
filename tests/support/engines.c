/* See engines.h. */
#include "tests/support/engines.h"

#include <stdio.h>

#include "tests/support.h"

struct test_engine test_engines[TEST_ENGINES] = {
    {"interpreter, v2", INTERP_BASE, TARGET_NONE, NULL},
    {"v3", INTERP_V3, TARGET_V3, NULL},
    {"v4", INTERP_V4, TARGET_V4, NULL},
};

static char last_word[512];

static void remember(int level, const char *message, void *user)
{
    (void)level, (void)user;
    snprintf(last_word, sizeof last_word, "%s", message);
}

const char *test_engines_log(void)
{
    return last_word;
}

static bool start(struct test_engine *e, const char *compiler, struct arena *a)
{
    struct engine_config config = engine_config_default();
    struct fault fault;
    bool kernels = e->target != TARGET_NONE;
    if (!interp_isa_available(e->isa) || (kernels && !target_runs_here(e->target)))
        return true;
    fault_init(&fault, a);
    config.tier = kernels && compiler ? TIER_JIT : TIER_INTERP;
    config.isa = e->isa;
    config.target = compiler ? e->target : TARGET_NONE;
    config.store_dir = NULL;
    config.compiler_path = compiler;
    config.programs = config.kernels = 64;
    config.log = remember;
    return engine_new(&config, &e->engine, &fault) == STATUS_OK;
}

static bool start_all(const char *compiler)
{
    struct arena *a = arena_new(1 << 20);
    bool ok = a != NULL;
    for (int i = 0; i < TEST_ENGINES; i++)
        ok = ok && start(&test_engines[i], compiler, a);
    arena_free(a);
    fp_state_enter();
    return ok;
}

bool test_engines_start(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/sinter-cc", test_build_dir());
    return start_all(path);
}

bool test_engines_start_alone(void)
{
    return start_all(NULL);
}

void test_engines_stop(void)
{
    for (int i = 0; i < TEST_ENGINES; i++)
        engine_free(test_engines[i].engine);
}
