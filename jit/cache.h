/* The memory cache: kernel key to mapped kernel, bounded, single flight. Thread-safe; knows nothing of stores and
 * compilers. */
#ifndef JIT_CACHE_H
#define JIT_CACHE_H

#include <stdint.h>

#include "jit/loaded.h"

struct cache;

enum cache_state {
    CACHE_ABSENT,
    CACHE_PENDING, /* somebody is bringing it */
    CACHE_LOADED,
    CACHE_FAILED, /* cannot be had; forgotten when `bound` others came after it */
};

struct cache *cache_new(uint32_t bound); /* settled entries kept; NULL when there is no memory */
void cache_free(struct cache *c);

/* The kernel, with a reference, when the state is LOADED; else NULL. */
struct kernel *cache_get(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state *ret_state);

/* As cache_get, but an absent key is now the caller's to bring: it is PENDING for all others until exactly one
 * cache_settle. ret_state is the state found. */
struct kernel *cache_claim(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state *ret_state);

/* Ends a claim. LOADED takes over the caller's reference of `k`; FAILED and ABSENT take NULL. Returns the kernel that
 * had to make room, whose reference is now the caller's, or NULL. */
struct kernel *cache_settle(struct cache *c, const uint8_t key[HASH_SIZE], enum cache_state state,
                            struct kernel *k) MUST_CHECK;

/* As cache_get, after waiting while the key is PENDING, at most `wait_ms`. */
struct kernel *cache_wait(struct cache *c, const uint8_t key[HASH_SIZE], int wait_ms, enum cache_state *ret_state);

/* Calls one(key) for each kernel used since the last call. `one` must not call the cache. */
void cache_used(struct cache *c, void (*one)(const uint8_t key[HASH_SIZE], void *user), void *user);
uint32_t cache_loaded(struct cache *c);

#endif
