/* See keys.h. */
#include "api/access/keys.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/client.h"
#include "api/access/secret_file.h"

enum { SECRET_SIZE = 32 };

struct keys {
    struct arena *arena;     /* holds this too */
    struct access_key *list; /* by name */
    size_t n;
};

static const struct {
    const char *name;
    uint32_t role;
} role_names[] = {{"render", ROLE_RENDER}, {"process", ROLE_PROCESS}, {"jobs", ROLE_JOBS}, {"admin", ROLE_ADMIN}};

enum { N_ROLES = sizeof role_names / sizeof *role_names };

bool roles_read(const char *text, uint32_t *ret_roles, const char **ret_wrong)
{
    uint32_t roles = 0;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ","), i = 0;
        while (i < N_ROLES && (strlen(role_names[i].name) != n || strncmp(role_names[i].name, at, n) != 0))
            i++;
        if (i == N_ROLES) {
            *ret_wrong = at;
            return false;
        }
        roles |= role_names[i].role;
        at += n;
        if (!*at)
            break;
    }
    *ret_roles = roles;
    return true;
}

const char *roles_text(struct arena *a, uint32_t roles)
{
    const char *text = "";
    for (size_t i = 0; i < N_ROLES; i++)
        if (roles & role_names[i].role)
            text = arena_printf(a, "%s%s%s", text, *text ? "," : "", role_names[i].name);
    return text;
}

static const char hash_prefix[] = "blake2b:";

static void hash_text(const uint8_t hash[KEY_HASH_SIZE], char ret[KEY_HASH_TEXT_SIZE])
{
    memcpy(ret, hash_prefix, sizeof hash_prefix - 1);
    sodium_bin2hex(ret + sizeof hash_prefix - 1, KEY_HASH_TEXT_SIZE - sizeof hash_prefix + 1, hash, KEY_HASH_SIZE);
}

static bool read_hash(const char *text, uint8_t ret[KEY_HASH_SIZE])
{
    size_t n = 0, prefix = sizeof hash_prefix - 1;
    return !strncmp(text, hash_prefix, prefix) && strlen(text) == KEY_HASH_TEXT_SIZE - 1 &&
           !sodium_hex2bin(ret, KEY_HASH_SIZE, text + prefix, strlen(text + prefix), NULL, &n, NULL) &&
           n == KEY_HASH_SIZE;
}

/* "quota-seconds=..", "expires=.." */
static bool read_extra(const char *word, struct access_key *key)
{
    static const char quota[] = "quota-seconds=", expires[] = "expires=";
    if (!strncmp(word, quota, sizeof quota - 1)) {
        char *end;
        key->quota_seconds = strtod(word + sizeof quota - 1, &end);
        return !*end && isfinite(key->quota_seconds) && key->quota_seconds > 0;
    }
    return !strncmp(word, expires, sizeof expires - 1) && secret_day(word + sizeof expires - 1, &key->expires);
}

/* What is wrong with the line, or NULL. */
static const char *read_line(struct arena *a, const struct secret_line *line, struct access_key *key)
{
    const char *wrong;
    *key = (struct access_key){.name = line->words[0], .expires = INT64_MAX};
    if (line->n_words < 3)
        return "a line is NAME ROLE,ROLE,... blake2b:HASH";
    if (!secret_name_is_sound(key->name))
        return "a name is 1 to 48 letters, digits, _ and -";
    if (!roles_read(line->words[1], &key->roles, &wrong))
        return arena_printf(a, "\"%.*s\" is no role; there are render, process, jobs and admin",
                            (int)strcspn(wrong, ","), wrong);
    if (!read_hash(line->words[2], key->hash))
        return "the third word must be blake2b: and 64 hexadecimal digits";
    for (size_t i = 3; i < line->n_words; i++)
        if (!read_extra(line->words[i], key))
            return arena_printf(a, "\"%s\" is neither quota-seconds=NUMBER nor expires=YYYY-MM-DD", line->words[i]);
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct access_key *)a)->name, ((const struct access_key *)b)->name);
}

static enum status read_lines(const char *path, struct keys *k, struct fault *fault)
{
    struct secret_line *lines;
    size_t n;
    TRY(secret_file_read(path, k->arena, &lines, &n, fault));
    k->list = ARENA_ARRAY(k->arena, n, struct access_key);
    for (size_t i = 0; i < n; i++) {
        const char *wrong = read_line(k->arena, &lines[i], &k->list[i]);
        if (wrong)
            return fault_add(fault, STATUS_BAD_FIELD, "", 0, "%s, line %d: %s", path, lines[i].number, wrong);
    }
    k->n = n;
    if (n)
        qsort(k->list, n, sizeof *k->list, by_name);
    for (size_t i = 1; i < n; i++)
        if (!by_name(&k->list[i - 1], &k->list[i]))
            return fault_add(fault, STATUS_BAD_FIELD, "", 0, "%s: the name %s stands there twice", path,
                             k->list[i].name);
    return STATUS_OK;
}

static enum status read_all(const char *path, struct arena *a, void **ret_object, struct fault *fault)
{
    struct keys *k = ARENA_NEW(a, struct keys);
    k->arena = a;
    TRY(read_lines(path, k, fault));
    *ret_object = k;
    return STATUS_OK;
}

enum status keys_read(const char *path, struct keys **ret_keys, struct fault *fault)
{
    void *object;
    TRY(secret_object_read(path, read_all, &object, fault));
    *ret_keys = object;
    return STATUS_OK;
}

void keys_free(struct keys *k)
{
    if (k)
        arena_free(k->arena);
}

size_t keys_count(const struct keys *k)
{
    return k->n;
}

const struct access_key *keys_at(const struct keys *k, size_t i)
{
    return &k->list[i];
}

const struct access_key *keys_of_name(const struct keys *k, const char *name)
{
    const struct access_key wanted = {.name = name};
    return k->n ? bsearch(&wanted, k->list, k->n, sizeof *k->list, by_name) : NULL;
}

const struct access_key *keys_find(const struct keys *k, const char *text)
{
    static const struct access_key nobody = {0};
    char name[SECRET_NAME_SIZE];
    uint8_t hash[KEY_HASH_SIZE];
    size_t n = strcspn(text, "."), length = strlen(text);
    if (n >= sizeof name || length >= KEY_TEXT_SIZE)
        return NULL;
    memcpy(name, text, n);
    name[n] = 0;
    const struct access_key *key = keys_of_name(k, name);
    if (!key)
        key = &nobody;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, length, NULL, 0);
    return !sodium_memcmp(hash, key->hash, sizeof hash) && key != &nobody ? key : NULL;
}

void keys_make(const char *name, char ret_key[KEY_TEXT_SIZE], char ret_hash[KEY_HASH_TEXT_SIZE])
{
    uint8_t secret[SECRET_SIZE], hash[KEY_HASH_SIZE];
    randombytes_buf(secret, sizeof secret);
    int n = snprintf(ret_key, KEY_TEXT_SIZE, "%.48s.", name);
    sodium_bin2base64(ret_key + n, (size_t)(KEY_TEXT_SIZE - n), secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)ret_key, strlen(ret_key), NULL, 0);
    hash_text(hash, ret_hash);
    sodium_memzero(secret, sizeof secret);
}
