/* labels: jit */
/* The memory cache: one bringer a key, a bound, and kernels that stay mapped while somebody holds them. */
#include "tests/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "jit/cache.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const uint8_t *key(unsigned n)
{
    uint8_t *k = ARENA_ARRAY(arena, HASH_SIZE, uint8_t);
    memcpy(k, &n, sizeof n);
    return k;
}

/* A kernel that returns at once. */
static struct kernel *kernel_of(const uint8_t *k)
{
    static const uint8_t ret[] = {0xc3};
    struct kernel *made = NULL;
    struct fault f;
    fault_init(&f, arena);
    struct bytes shape = {ret, 1};
    assert_int_equal(kernel_new(k, shape, &(struct image){ret, sizeof ret, 0}, &made, &f), STATUS_OK);
    return made;
}

static void bring(struct cache *c, unsigned n, struct kernel **ret_evicted)
{
    enum cache_state state;
    assert_null(cache_claim(c, key(n), &state));
    assert_int_equal(state, CACHE_ABSENT);
    *ret_evicted = cache_settle(c, key(n), CACHE_LOADED, kernel_of(key(n)));
}

static enum cache_state state_of(struct cache *c, unsigned n)
{
    enum cache_state state;
    kernel_unref(cache_get(c, key(n), &state));
    return state;
}

static void a_key_is_absent_pending_loaded(void **unused)
{
    (void)unused;
    enum cache_state state;
    struct cache *c = cache_new(4);
    assert_int_equal(state_of(c, 1), CACHE_ABSENT);
    assert_null(cache_claim(c, key(1), &state));
    assert_int_equal(state_of(c, 1), CACHE_PENDING);
    assert_null(cache_claim(c, key(1), &state));
    assert_int_equal(state, CACHE_PENDING);
    struct kernel *k = kernel_of(key(1));
    assert_null(cache_settle(c, key(1), CACHE_LOADED, k));
    assert_ptr_equal(cache_claim(c, key(1), &state), k);
    assert_int_equal(state, CACHE_LOADED);
    assert_int_equal(cache_loaded(c), 1);
    k->entry(NULL);
    kernel_unref(k);
    cache_free(c);
}

static void an_abandoned_claim_can_be_made_again_and_failure_is_remembered(void **unused)
{
    (void)unused;
    enum cache_state state;
    struct cache *c = cache_new(2);
    assert_null(cache_claim(c, key(1), &state));
    assert_null(cache_settle(c, key(1), CACHE_ABSENT, NULL));
    assert_null(cache_claim(c, key(1), &state));
    assert_int_equal(state, CACHE_ABSENT);
    assert_null(cache_settle(c, key(1), CACHE_FAILED, NULL));
    assert_null(cache_claim(c, key(1), &state));
    assert_int_equal(state, CACHE_FAILED);
    for (unsigned n = 2; n < 5; n++) {
        struct kernel *evicted;
        bring(c, n, &evicted);
        kernel_unref(evicted);
    }
    assert_int_equal(state_of(c, 1), CACHE_ABSENT); /* pushed out: may be tried again */
    cache_free(c);
}

static void the_bound_holds_and_spares_what_is_used(void **unused)
{
    (void)unused;
    struct cache *c = cache_new(8);
    for (unsigned n = 0; n < 100; n++) {
        struct kernel *evicted;
        if (n > 0)
            assert_int_equal(state_of(c, 0), CACHE_LOADED); /* which is a use */
        bring(c, n, &evicted);
        if (n < 8)
            assert_null(evicted);
        else
            assert_int_equal(atomic_load(&evicted->refs), 1);
        kernel_unref(evicted);
        assert_int_equal(cache_loaded(c), n < 8 ? n + 1 : 8);
    }
    cache_free(c);
}

static void an_evicted_kernel_stays_mapped_for_its_holder(void **unused)
{
    (void)unused;
    enum cache_state state;
    struct kernel *evicted;
    struct cache *c = cache_new(1);
    bring(c, 1, &evicted);
    struct kernel *held = cache_get(c, key(1), &state);
    bring(c, 2, &evicted);
    assert_ptr_equal(evicted, held);
    kernel_unref(evicted);
    assert_int_equal(state_of(c, 1), CACHE_ABSENT);
    cache_free(c);
    held->entry(NULL);
    assert_memory_equal(held->key, key(1), HASH_SIZE);
    kernel_unref(held);
}

static unsigned seen;

static void count_one(const uint8_t k[HASH_SIZE], void *user)
{
    (void)k, (void)user;
    seen++;
}

static void a_use_is_told_once(void **unused)
{
    (void)unused;
    struct kernel *evicted;
    struct cache *c = cache_new(4);
    bring(c, 1, &evicted);
    bring(c, 2, &evicted);
    cache_used(c, count_one, NULL);
    assert_int_equal(seen, 0);
    state_of(c, 2);
    state_of(c, 2);
    cache_used(c, count_one, NULL);
    assert_int_equal(seen, 1);
    cache_used(c, count_one, NULL);
    assert_int_equal(seen, 1);
    cache_free(c);
}

static void waiting_ends_with_its_time(void **unused)
{
    (void)unused;
    enum cache_state state;
    struct cache *c = cache_new(4);
    assert_null(cache_wait(c, key(1), 1000, &state)); /* nobody brings it: no wait */
    assert_int_equal(state, CACHE_ABSENT);
    assert_null(cache_claim(c, key(1), &state));
    assert_null(cache_wait(c, key(1), 20, &state));
    assert_int_equal(state, CACHE_PENDING);
    assert_null(cache_settle(c, key(1), CACHE_ABSENT, NULL));
    cache_free(c);
}

static atomic_uint claims, waiters_served;
static const uint8_t *flight_key;

static void *flies(void *user)
{
    enum cache_state state;
    struct kernel *k = cache_claim(user, flight_key, &state);
    if (state == CACHE_ABSENT) {
        atomic_fetch_add(&claims, 1);
        usleep(20000);
        kernel_unref(cache_settle(user, flight_key, CACHE_LOADED, kernel_of(flight_key)));
    }
    if (!k)
        k = cache_wait(user, flight_key, 5000, &state);
    if (k) {
        k->entry(NULL);
        atomic_fetch_add(&waiters_served, 1);
        kernel_unref(k);
    }
    return NULL;
}

static void sixty_four_threads_make_one_flight(void **unused)
{
    (void)unused;
    pthread_t threads[64];
    struct cache *c = cache_new(4);
    flight_key = key(7);
    for (int i = 0; i < 64; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flies, c), 0);
    for (int i = 0; i < 64; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(claims, 1);
    assert_int_equal(waiters_served, 64);
    cache_free(c);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(a_key_is_absent_pending_loaded),
        ONE(an_abandoned_claim_can_be_made_again_and_failure_is_remembered),
        ONE(the_bound_holds_and_spares_what_is_used),
        ONE(an_evicted_kernel_stays_mapped_for_its_holder),
        ONE(a_use_is_told_once),
        ONE(waiting_ends_with_its_time),
        ONE(sixty_four_threads_make_one_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
