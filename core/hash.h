/* BLAKE2b through libsodium. */
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

#endif
