/* See signing.h. */
#include "api/access/signing.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/secret_file.h"

struct sign_keys {
    struct arena *arena; /* holds this too */
    struct sign_key *list;
    size_t n;
};

/* What is wrong with the line, or NULL. */
static const char *read_line(const struct secret_line *line, struct sign_key *key)
{
    static const char expires[] = "expires=";
    size_t n = 0;
    *key = (struct sign_key){.id = line->words[0], .expires = INT64_MAX};
    if (line->n_words < 2 || line->n_words > 3)
        return "a line is ID SECRET, and may have expires=YYYY-MM-DD";
    if (!secret_name_is_sound(key->id))
        return "an id is 1 to 48 letters, digits, _ and -";
    if (strlen(line->words[1]) != 2 * SIGN_SECRET_SIZE ||
        sodium_hex2bin(key->secret, sizeof key->secret, line->words[1], strlen(line->words[1]), NULL, &n, NULL) ||
        n != sizeof key->secret)
        return "a secret is 64 hexadecimal digits";
    if (line->n_words == 3 && (strncmp(line->words[2], expires, sizeof expires - 1) != 0 ||
                               !secret_day(line->words[2] + sizeof expires - 1, &key->expires)))
        return "the third word must be expires=YYYY-MM-DD";
    return NULL;
}

static enum status read_lines(const char *path, struct sign_keys *k, struct fault *fault)
{
    struct secret_line *lines;
    size_t n;
    TRY(secret_file_read(path, k->arena, &lines, &n, fault));
    k->list = ARENA_ARRAY(k->arena, n, struct sign_key);
    for (size_t i = 0; i < n; i++, k->n++) {
        const char *wrong = read_line(&lines[i], &k->list[i]);
        if (!wrong && sign_keys_find(k, k->list[i].id))
            wrong = "this id stands in the file already";
        if (wrong)
            return fault_add(fault, STATUS_BAD_FIELD, "", 0, "%s, line %d: %s", path, lines[i].number, wrong);
    }
    return STATUS_OK;
}

static enum status read_all(const char *path, struct arena *a, void **ret_object, struct fault *fault)
{
    struct sign_keys *k = ARENA_NEW(a, struct sign_keys);
    k->arena = a;
    TRY(read_lines(path, k, fault));
    *ret_object = k;
    return STATUS_OK;
}

enum status sign_keys_read(const char *path, struct sign_keys **ret_keys, struct fault *fault)
{
    void *object;
    TRY(secret_object_read(path, read_all, &object, fault));
    *ret_keys = object;
    return STATUS_OK;
}

void sign_keys_free(struct sign_keys *k)
{
    if (!k)
        return;
    if (k->n)
        sodium_memzero(k->list, k->n * sizeof *k->list);
    arena_free(k->arena);
}

size_t sign_keys_count(const struct sign_keys *k)
{
    return k->n;
}

const struct sign_key *sign_keys_find(const struct sign_keys *k, const char *id)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->list[i].id, id))
            return &k->list[i];
    return NULL;
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

const char *sign_escape(struct arena *a, const char *text, const char *also)
{
    char *escaped = arena_alloc(a, 3 * strlen(text) + 1), *to = escaped;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (is_plain(c) || strchr(also, c)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = "0123456789ABCDEF"[c >> 4];
        *to++ = "0123456789ABCDEF"[c & 15];
    }
    return escaped;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *sign_subject(struct arena *a, const char *path, const struct sign_pair *pairs, size_t n)
{
    const char **list = ARENA_ARRAY(a, n + 1, const char *);
    size_t n_list = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(pairs[i].name, "sig"))
            continue;
        list[n_list] = arena_printf(a, "%s=%s", sign_escape(a, pairs[i].name, ""), sign_escape(a, pairs[i].value, ""));
        size += strlen(list[n_list++]) + 1;
    }
    if (n_list)
        qsort(list, n_list, sizeof *list, by_bytes);
    char *all = arena_alloc(a, size + 1), *to = all;
    for (size_t i = 0; i < n_list; i++) {
        to = stpcpy(to, i ? "&" : "");
        to = stpcpy(to, list[i]);
    }
    return arena_printf(a, "GET\n%s\n%s", sign_escape(a, path, "/"), all);
}

void sign_make(const struct sign_key *key, const char *subject, char ret_sig[SIGN_TEXT_SIZE])
{
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256(mac, (const unsigned char *)subject, strlen(subject), key->secret);
    sodium_bin2base64(ret_sig, SIGN_TEXT_SIZE, mac, sizeof mac, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool sign_is_right(const struct sign_key *key, const char *subject, const char *sig)
{
    char right[SIGN_TEXT_SIZE], given[SIGN_TEXT_SIZE] = "";
    sign_make(key, subject, right);
    if (strlen(sig) == SIGN_TEXT_SIZE - 1)
        memcpy(given, sig, SIGN_TEXT_SIZE);
    return !sodium_memcmp(right, given, sizeof right);
}
