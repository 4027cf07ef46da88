/* See hash.h. */
#include "core/hash.h"

#include <sodium.h>

/* Lets libsodium choose code for this processor: twice as fast, the same digests. */
__attribute__((constructor)) static void choose_code(void)
{
    (void)!sodium_init();
}

static void digest(const uint8_t *key, size_t key_size, const struct hash_part *parts, size_t n_parts, uint8_t *ret,
                   size_t size)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, key_size, size);
    for (size_t i = 0; i < n_parts; i++) {
        uint64_t length = parts[i].n;
        crypto_generichash_update(&state, (const uint8_t *)&length, sizeof length);
        crypto_generichash_update(&state, parts[i].data, parts[i].n);
    }
    crypto_generichash_final(&state, ret, size);
}

void hash_parts(const struct hash_part *parts, size_t n_parts, uint8_t ret_digest[HASH_SIZE])
{
    digest(NULL, 0, parts, n_parts, ret_digest, HASH_SIZE);
}

void hash_hex(const uint8_t data[HASH_SIZE], char ret_hex[HASH_HEX])
{
    sodium_bin2hex(ret_hex, HASH_HEX, data, HASH_SIZE);
}

void hash_mac(const uint8_t key[MAC_KEY_SIZE], const struct hash_part *parts, size_t n_parts, uint8_t ret_mac[MAC_SIZE])
{
    digest(key, MAC_KEY_SIZE, parts, n_parts, ret_mac, MAC_SIZE);
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "libsodium's state fits");

void sha256_init(struct sha256 *h)
{
    crypto_hash_sha256_init((crypto_hash_sha256_state *)h->state);
}

void sha256_add(struct sha256 *h, const void *data, size_t n)
{
    crypto_hash_sha256_update((crypto_hash_sha256_state *)h->state, data, n);
}

void sha256_end(struct sha256 *h, uint8_t ret_digest[SHA256_SIZE])
{
    crypto_hash_sha256_final((crypto_hash_sha256_state *)h->state, ret_digest);
}

void sha256_hex(const uint8_t digest[SHA256_SIZE], char ret_hex[SHA256_HEX])
{
    sodium_bin2hex(ret_hex, SHA256_HEX, digest, SHA256_SIZE);
}
