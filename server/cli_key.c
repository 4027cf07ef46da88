/* sinter key: makes the keys of clients and the secrets that sign URLs, and lists them. A key is shown once and kept
 * nowhere; what the file gets is its hash. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/keys.h"
#include "api/access/secret_file.h"
#include "api/access/signing.h"
#include "server/command.h"
#include "server/key_file.h"

enum { ARENA_MOST = 64 << 20, LINE_SIZE = 512 };

struct options {
    const char *name, *roles, *quota, *expires, *keys, *sign_keys;
    bool signs;
};

static int usage(void)
{
    fputs("usage: sinter key new NAME --roles render,process,jobs,admin [--quota-seconds S] [--expires YYYY-MM-DD] "
          "[--keys FILE]\n       sinter key new ID --signs [--expires YYYY-MM-DD] [--sign-keys FILE]\n"
          "       sinter key ls [--keys FILE]\n",
          stderr);
    return EXIT_USAGE;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.keys = getenv("SINTER_KEYS"), .sign_keys = getenv("SINTER_SIGN_KEYS")};
    const struct {
        const char *name;
        const char **value;
    } valued[] = {{"--roles", &o->roles},
                  {"--quota-seconds", &o->quota},
                  {"--expires", &o->expires},
                  {"--keys", &o->keys},
                  {"--sign-keys", &o->sign_keys}};
    for (int i = 2; i < argc; i++) {
        size_t k = 0;
        while (k < sizeof valued / sizeof *valued && strcmp(argv[i], valued[k].name) != 0)
            k++;
        if (k < sizeof valued / sizeof *valued && i + 1 < argc)
            *valued[k].value = argv[++i];
        else if (!strcmp(argv[i], "--signs"))
            o->signs = true;
        else if (*argv[i] != '-' && !o->name)
            o->name = argv[i];
        else
            return false;
    }
    return true;
}

static int fail(const struct fault *fault)
{
    for (size_t i = 0; i < fault->count && i < FAULT_MAX; i++)
        fprintf(stderr, "sinter: %s\n", fault->items[i].detail);
    return EXIT_FAILED;
}

static int wrong(const char *what)
{
    fprintf(stderr, "sinter: %s\n", what);
    return EXIT_USAGE;
}

/* EXIT_DONE: they can be written. */
static int judge(const struct options *o)
{
    uint32_t roles;
    int64_t day;
    const char *word;
    char *end;
    if (!secret_name_is_sound(o->name))
        return wrong("a name is 1 to 48 letters, digits, _ and -");
    if (!o->signs && !roles_read(o->roles, &roles, &word))
        return wrong("roles are some of render,process,jobs,admin with commas between them");
    if (o->expires && !secret_day(o->expires, &day))
        return wrong("expires is a day, YYYY-MM-DD");
    if (o->quota && (!(strtod(o->quota, &end) > 0) || *end))
        return wrong("quota-seconds is a number above 0");
    return EXIT_DONE;
}

static enum status keys_are_sound(const char *path, struct fault *fault)
{
    struct keys *keys;
    TRY(keys_read(path, &keys, fault));
    keys_free(keys);
    return STATUS_OK;
}

static enum status secrets_are_sound(const char *path, struct fault *fault)
{
    struct sign_keys *keys;
    TRY(sign_keys_read(path, &keys, fault));
    sign_keys_free(keys);
    return STATUS_OK;
}

static int new_secret(const struct options *o, struct fault *fault)
{
    uint8_t secret[SIGN_SECRET_SIZE];
    char hex[2 * SIGN_SECRET_SIZE + 1], line[LINE_SIZE];
    randombytes_buf(secret, sizeof secret);
    sodium_bin2hex(hex, sizeof hex, secret, sizeof secret);
    snprintf(line, sizeof line, "%s %s%s%s", o->name, hex, o->expires ? " expires=" : "", o->expires ? o->expires : "");
    if (!o->sign_keys) {
        puts(line);
        return EXIT_DONE;
    }
    if (key_file_add(o->sign_keys, line, secrets_are_sound, fault) != STATUS_OK)
        return fail(fault);
    fprintf(stderr, "%s is in %s; a running server reads it after SIGHUP\n", o->name, o->sign_keys);
    return EXIT_DONE;
}

static int new_key(const struct options *o, struct fault *fault)
{
    char key[KEY_TEXT_SIZE], hash[KEY_HASH_TEXT_SIZE], line[LINE_SIZE];
    keys_make(o->name, key, hash);
    snprintf(line, sizeof line, "%s %s %s%s%s%s%s", o->name, o->roles, hash, o->quota ? " quota-seconds=" : "",
             o->quota ? o->quota : "", o->expires ? " expires=" : "", o->expires ? o->expires : "");
    if (!o->keys) {
        fputs("the key, for the client alone, then the line for the file of --keys:\n", stderr);
        printf("%s\n%s\n", key, line);
        return EXIT_DONE;
    }
    if (key_file_add(o->keys, line, keys_are_sound, fault) != STATUS_OK)
        return fail(fault);
    fprintf(stderr, "%s is in %s; a running server reads it after SIGHUP. The key, which is shown only here:\n",
            o->name, o->keys);
    puts(key);
    return EXIT_DONE;
}

static int list(const struct options *o, struct arena *a, struct fault *fault)
{
    struct keys *keys;
    if (!o->keys)
        return wrong("which file? --keys FILE, or SINTER_KEYS in the environment");
    if (keys_read(o->keys, &keys, fault) != STATUS_OK)
        return fail(fault);
    for (size_t i = 0; i < keys_count(keys); i++) {
        const struct access_key *key = keys_at(keys, i);
        char day[SECRET_DAY_SIZE] = "never", quota[32] = "-";
        if (key->expires != INT64_MAX)
            secret_day_text(key->expires, day);
        if (key->quota_seconds > 0)
            snprintf(quota, sizeof quota, "%g s", key->quota_seconds);
        printf("%-24s %-28s quota %-10s ends %s\n", key->name, roles_text(a, key->roles), quota, day);
    }
    keys_free(keys);
    return EXIT_DONE;
}

int command_key(int argc, char **argv)
{
    struct options o;
    struct fault fault;
    const char *what = argc > 1 ? argv[1] : "";
    bool makes = !strcmp(what, "new");
    if ((!makes && strcmp(what, "ls") != 0) || !read_options(argc, argv, &o) || makes != (o.name != NULL) ||
        (makes && o.signs == (o.roles != NULL)))
        return usage();
    struct arena *a = arena_new(ARENA_MOST);
    if (!a || ARENA_GUARD(a) || sodium_init() < 0) {
        fputs("sinter: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    fault_init(&fault, a);
    int code = makes ? judge(&o) : list(&o, a, &fault);
    if (makes && code == EXIT_DONE)
        code = o.signs ? new_secret(&o, &fault) : new_key(&o, &fault);
    arena_free(a);
    return code;
}
