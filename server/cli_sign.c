/* sinter sign: adds expires, kid and sig to a URL, as api/access/signing.h says. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/access/signing.h"
#include "server/command.h"
#include "server/header_check.h"
#include "server/uri.h"

enum { ARENA_MOST = 64 << 20, PAIRS_MOST = 10000 };

struct options {
    const char *url, *key, *expires, *file;
};

static int usage(void)
{
    fputs("usage: sinter sign URL --key ID --expires 30m|1h|7d|UNIX-SECONDS [--sign-keys FILE]\n", stderr);
    return EXIT_USAGE;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.file = getenv("SINTER_SIGN_KEYS")};
    for (int i = 1; i < argc; i++) {
        const char **to = !strcmp(argv[i], "--key")         ? &o->key
                          : !strcmp(argv[i], "--expires")   ? &o->expires
                          : !strcmp(argv[i], "--sign-keys") ? &o->file
                                                            : NULL;
        if (to && i + 1 < argc)
            *to = argv[++i];
        else if (!to && !o->url && *argv[i] != '-')
            o->url = argv[i];
        else
            return false;
    }
    return o->url && o->key && o->expires && o->file;
}

/* A time from now on (s, m, h, d), or a date in seconds; 0: neither. */
static long long when(const char *text)
{
    static const struct {
        char unit;
        long long seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    long long n = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : 0;
    if (n <= 0 || n > 100000000000)
        return 0;
    if (!*end)
        return n;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (*end == units[i].unit && !end[1])
            return (long long)time(NULL) + n * units[i].seconds;
    return 0;
}

/* The URL with its new pairs; NULL: told on stderr. */
static const char *sign(struct arena *a, const struct options *o, const struct sign_key *key, struct uri *uri)
{
    char sig[SIGN_TEXT_SIZE];
    const char *wrong = NULL;
    const char *url =
        arena_printf(a, "%s%sexpires=%lld&kid=%s", o->url, strchr(o->url, '?') ? "&" : "?", when(o->expires), key->id);
    bool sound = header_check_target(url, &wrong) == STATUS_OK;
    if (sound)
        wrong = uri_parse(uri, url, strlen(url), PAIRS_MOST);
    else if (!wrong)
        wrong = "this is no URL";
    if (!wrong && strchr(url, '#'))
        wrong = "what stands behind # never reaches a server";
    struct sign_pair *pairs = ARENA_ARRAY(a, uri->n_pairs + 1, struct sign_pair);
    for (size_t i = 0; i < uri->n_pairs && !wrong; i++) {
        const char *name = uri->pairs[i].name;
        pairs[i] = (struct sign_pair){name, uri->pairs[i].value};
        for (size_t k = 0; k < i; k++)
            if (!strcmp(pairs[k].name, name))
                wrong = arena_printf(a, "%s stands in the query twice", name);
    }
    if (!wrong && strcmp(uri->path, "/render") != 0)
        wrong = "only GET /render takes signed URLs";
    if (wrong) {
        fprintf(stderr, "sinter: %s\n", wrong);
        return NULL;
    }
    sign_make(key, sign_subject(a, uri->path, pairs, uri->n_pairs), sig);
    return arena_printf(a, "%s&sig=%s", url, sig);
}

static int run(struct arena *a, const struct options *o)
{
    struct fault fault;
    struct sign_keys *keys;
    struct uri uri = {0};
    fault_init(&fault, a);
    if (sign_keys_read(o->file, &keys, &fault) != STATUS_OK) {
        fprintf(stderr, "sinter: %s\n", fault.items[0].detail);
        return EXIT_FAILED;
    }
    const struct sign_key *key = sign_keys_find(keys, o->key);
    const char *url = key ? sign(a, o, key, &uri) : NULL;
    if (!key)
        fprintf(stderr, "sinter: there is no key %s in %s\n", o->key, o->file);
    if (url)
        puts(url);
    uri_done(&uri);
    sign_keys_free(keys);
    return url ? EXIT_DONE : EXIT_FAILED;
}

int command_sign(int argc, char **argv)
{
    struct options o;
    if (!read_options(argc, argv, &o) || !when(o.expires))
        return usage();
    struct arena *a = arena_new(ARENA_MOST);
    if (!a || ARENA_GUARD(a)) {
        arena_free(a);
        fputs("sinter: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    int code = run(a, &o);
    arena_free(a);
    return code;
}
