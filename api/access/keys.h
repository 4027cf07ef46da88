/* The keys of clients, from the file of --keys. A line is
 *
 *     NAME ROLE,ROLE,... blake2b:HASH [quota-seconds=S] [expires=YYYY-MM-DD]
 *
 * and a key "NAME.SECRET", where SECRET is 32 random bytes in base64url. The file holds only BLAKE2b-256 of the whole
 * key (as `b2sum -l 256` makes it): it is as hard to invert as the key is to guess, so nothing slower is needed. */
#ifndef API_KEYS_H
#define API_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

enum { KEY_HASH_SIZE = 32, KEY_HASH_TEXT_SIZE = 8 + 64 + 1, KEY_TEXT_SIZE = 48 + 1 + 43 + 1 };

struct access_key {
    const char *name;
    uint32_t roles; /* api/access/client.h */
    uint8_t hash[KEY_HASH_SIZE];
    double quota_seconds; /* 0: as the settings say */
    int64_t expires;      /* the first second it does not hold any more; INT64_MAX: never */
};

struct keys;

enum status keys_read(const char *path, struct keys **ret_keys, struct fault *fault) MUST_CHECK;
void keys_free(struct keys *k); /* takes NULL */
size_t keys_count(const struct keys *k);
const struct access_key *keys_at(const struct keys *k, size_t i); /* by name */

const struct access_key *keys_of_name(const struct keys *k, const char *name); /* or NULL */

/* Whose key this is, or NULL. Also one that has expired. The time it takes tells nothing about hashes. */
const struct access_key *keys_find(const struct keys *k, const char *text);

/* A new key for this name, and what the file holds of it. */
void keys_make(const char *name, char ret_key[KEY_TEXT_SIZE], char ret_hash[KEY_HASH_TEXT_SIZE]);

/* "render,process" both ways. False: `ret_wrong` names the word (in `text`). */
bool roles_read(const char *text, uint32_t *ret_roles, const char **ret_wrong);
const char *roles_text(struct arena *a, uint32_t roles);

#endif
