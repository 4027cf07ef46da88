/* See setting.h. */
#include "bench/setting.h"

bool bench_setting_open(struct bench *b, struct bench_setting *s)
{
    struct engine_config config = engine_config_default();
    s->arena = arena_new((size_t)64 << 20);
    if (!s->arena || ARENA_GUARD(s->arena))
        return false;
    fault_init(&s->fault, s->arena);
    config.tier = TIER_JIT;
    config.target = target_of_cpu();
    config.store_dir = NULL;
    config.compilers = 1;
    if (engine_new(&config, &s->engine, &s->fault) != STATUS_OK) {
        bench_failed(b, "the engine does not start", &s->fault);
        arena_free(s->arena);
        return false;
    }
    s->fp_state = fp_state_enter();
    return true;
}

void bench_setting_close(struct bench_setting *s)
{
    fp_state_leave(s->fp_state);
    engine_free(s->engine);
    arena_free(s->arena);
}
