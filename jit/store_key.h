/* The secret the store's rows are signed with: 32 bytes in a file outside the database, so that who can write the one
 * cannot forge the other. */
#ifndef JIT_STORE_KEY_H
#define JIT_STORE_KEY_H

#include <stdbool.h>

#include "core/fault.h"
#include "core/hash.h"

/* Reads `path`, or makes it anew (mode 0600, whole or not at all) when it is absent, of another length, somebody
 * else's, or open to everybody; rows signed with the former key are then refused. False, errno set, when neither is
 * possible, and to root, when key and folder are another user's. */
bool store_key(const char *path, uint8_t ret_key[MAC_KEY_SIZE], bool *ret_replaced) MUST_CHECK;

#endif
