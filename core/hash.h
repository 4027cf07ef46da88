/* BLAKE2b, and SHA-256 where others must be able to compute it, through libsodium. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_part {
    const void *data;
    size_t n;
};

enum { HASH_SIZE = 20, HASH_HEX = 41, MAC_SIZE = 32, MAC_KEY_SIZE = 32 };

/* Digest of the parts, each preceded by its length, so that ("ab","c") and ("a","bc") differ. */
void hash_parts(const struct hash_part *parts, size_t n_parts, uint8_t ret_digest[HASH_SIZE]);
void hash_hex(const uint8_t digest[HASH_SIZE], char ret_hex[HASH_HEX]);
void hash_mac(const uint8_t key[MAC_KEY_SIZE], const struct hash_part *parts, size_t n_parts,
              uint8_t ret_mac[MAC_SIZE]);

/* SHA-256 of bytes that come in pieces. */
enum { SHA256_SIZE = 32, SHA256_HEX = 65 };
struct sha256 {
    uint64_t state[14];
};
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t n);
void sha256_end(struct sha256 *h, uint8_t ret_digest[SHA256_SIZE]); /* h may be copied before, to go on with */
void sha256_hex(const uint8_t digest[SHA256_SIZE], char ret_hex[SHA256_HEX]);

#endif
