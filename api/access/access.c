/* See access.h. An IPv6 client is its /64, since one person has 2^64 addresses to choose from. */
#include "api/access/access.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/access/cors.h"
#include "api/access/keys.h"
#include "api/access/secret_file.h"
#include "api/access/signing.h"
#include "api/room.h"

struct access {
    const char *keys_path, *sign_path; /* NULL: none */
    struct cors *cors;
    pthread_rwlock_t lock;
    struct keys *keys;
    struct sign_keys *sign;
    bool stale;
};

/* ---- the files ---- */

static enum status read_files(const struct access *a, struct keys **ret_keys, struct sign_keys **ret_sign,
                              struct fault *fault)
{
    *ret_keys = NULL;
    *ret_sign = NULL;
    if (a->keys_path)
        TRY(keys_read(a->keys_path, ret_keys, fault));
    enum status status = a->sign_path ? sign_keys_read(a->sign_path, ret_sign, fault) : STATUS_OK;
    if (status != STATUS_OK)
        keys_free(*ret_keys);
    return status;
}

enum status access_reload(struct access *a, struct fault *fault)
{
    struct keys *keys;
    struct sign_keys *sign;
    enum status status = read_files(a, &keys, &sign, fault);
    pthread_rwlock_wrlock(&a->lock);
    struct keys *old_keys = a->keys;
    struct sign_keys *old_sign = a->sign;
    a->stale = status != STATUS_OK;
    if (!a->stale) {
        a->keys = keys;
        a->sign = sign;
    }
    pthread_rwlock_unlock(&a->lock);
    if (status != STATUS_OK)
        return status;
    keys_free(old_keys);
    sign_keys_free(old_sign);
    return STATUS_OK;
}

void access_stats(struct access *a, struct access_stats *ret)
{
    pthread_rwlock_rdlock(&a->lock);
    *ret = (struct access_stats){.keys = a->keys ? (uint32_t)keys_count(a->keys) : 0,
                                 .sign_keys = a->sign ? (uint32_t)sign_keys_count(a->sign) : 0,
                                 .stale = a->stale};
    pthread_rwlock_unlock(&a->lock);
}

enum status access_new(const struct api_config *config, struct access **ret_access, struct fault *fault)
{
    struct access *a = calloc(1, sizeof *a);
    if (!a)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the keys");
    a->keys_path = config->keys;
    a->sign_path = config->sign_keys;
    pthread_rwlock_init(&a->lock, NULL);
    enum status status = cors_new(config->cors_origins, &a->cors, fault);
    if (status == STATUS_OK)
        status = access_reload(a, fault);
    if (status == STATUS_OK)
        *ret_access = a;
    else
        access_free(a);
    return status;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    keys_free(a->keys);
    sign_keys_free(a->sign);
    cors_free(a->cors);
    pthread_rwlock_destroy(&a->lock);
    free(a);
}

const struct cors *access_cors(const struct access *a)
{
    return a->cors;
}

static bool is_closed(const struct access *a)
{
    return a->keys_path || a->sign_path;
}

/* ---- who asks ---- */

static const struct client local = {.id = "local", .roles = ROLES_ALL};

static const char prefix[] = "addr:";

static const char *address_id(struct arena *a, const char *peer)
{
    struct in6_addr six;
    char text[INET6_ADDRSTRLEN];
    if (!strchr(peer, ':') || inet_pton(AF_INET6, peer, &six) != 1) {
        char *id = arena_alloc(a, sizeof prefix + strlen(peer)); /* printf would be a part of a short request's time */
        stpcpy(stpcpy(id, prefix), peer);
        return id;
    }
    if (IN6_IS_ADDR_V4MAPPED(&six))
        return arena_printf(a, "addr:%s", inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text));
    memset(six.s6_addr + 8, 0, 8);
    return arena_printf(a, "addr:%s/64", inet_ntop(AF_INET6, &six, text, sizeof text));
}

static void client_of_peer(struct exchange *ex, uint32_t roles)
{
    if (!ex->req->peer && roles == ROLES_ALL) {
        ex->client = &local;
        return;
    }
    struct client *c = ARENA_NEW(ex->arena, struct client);
    *c = (struct client){.id = ex->req->peer ? address_id(ex->arena, ex->req->peer) : local.id, .roles = roles};
    ex->client = c;
}

/* Without keys everybody on this machine has one id, and so has everybody behind a proxy here that is not trusted:
 * nobody is kept out by taking from them. */
double client_share(const char *id, double part)
{
    static const char *const here[] = {"local", "addr:127.", "addr:::/64"};
    if (!strcmp(id, here[0]) || !strncmp(id, here[1], strlen(here[1])) || !strcmp(id, here[2]))
        return 1;
    return part;
}

static enum status unauthorized(struct exchange *ex, const char *challenge, const char *detail)
{
    answer_header(ex, "WWW-Authenticate", challenge);
    return fault_add(&ex->fault, STATUS_UNAUTHORIZED, "", 0, "%s", detail);
}

static const char invalid[] = "Bearer realm=\"sinter\", error=\"invalid_token\"";

/* What stands behind "Bearer ", or NULL. */
static const char *bearer(const char *authorization)
{
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    return authorization + 7 + strspn(authorization + 7, " ");
}

/* The table may be replaced as soon as the lock is left, so the client is copied. */
static enum status client_of_key(struct exchange *ex, const char *authorization)
{
    struct access *a = ex->api->access;
    const char *text = bearer(authorization);
    struct client *c = ARENA_NEW(ex->arena, struct client);
    int64_t expires = 0;
    char name[SECRET_NAME_SIZE] = "";
    if (!text)
        return unauthorized(ex, invalid,
                            "keys are sent as Authorization: Bearer KEY; other schemes are not known here");
    pthread_rwlock_rdlock(&a->lock);
    const struct access_key *key = a->keys ? keys_find(a->keys, text) : NULL;
    if (key) {
        snprintf(name, sizeof name, "%s", key->name);
        *c = (struct client){.roles = key->roles, .quota_seconds = key->quota_seconds};
        expires = key->expires;
    }
    pthread_rwlock_unlock(&a->lock);
    if (!*name)
        return unauthorized(ex, invalid, "this server does not know the key");
    if (time(NULL) >= expires) {
        char day[SECRET_DAY_SIZE];
        secret_day_text(expires, day);
        return unauthorized(ex, invalid, arena_printf(ex->arena, "the key %s ended on %s (UTC)", name, day));
    }
    c->id = arena_printf(ex->arena, "key:%s", name);
    ex->client = c;
    ex->by_key = true;
    return STATUS_OK;
}

double access_quota_seconds(struct access *a, const char *id)
{
    static const char of_key[] = "key:";
    if (strncmp(id, of_key, sizeof of_key - 1) != 0)
        return 0;
    pthread_rwlock_rdlock(&a->lock);
    const struct access_key *key = a->keys ? keys_of_name(a->keys, id + sizeof of_key - 1) : NULL;
    double seconds = key ? key->quota_seconds : 0;
    pthread_rwlock_unlock(&a->lock);
    return seconds;
}

/* ---- signed URLs ---- */

struct pairs {
    struct arena *arena;
    struct sign_pair *list;
    size_t n, room;
};

static void add_pair(const char *name, const char *value, void *user)
{
    struct pairs *p = user;
    if (p->n == p->room) {
        size_t room = p->room ? 2 * p->room : 16;
        p->list = arena_grow(p->arena, p->list, p->n, room, sizeof *p->list);
        p->room = room;
    }
    p->list[p->n++] = (struct sign_pair){name, value ? value : ""};
}

/* Arenas jump when they are full, so nothing is allocated inside the lock. */
static bool signature_is_right(struct access *a, const char *id, const char *subject, const char *sig, int64_t *ret_end)
{
    pthread_rwlock_rdlock(&a->lock);
    const struct sign_key *key = a->sign ? sign_keys_find(a->sign, id) : NULL;
    bool right = key && sign_is_right(key, subject, sig);
    if (right && key->expires < *ret_end)
        *ret_end = key->expires;
    pthread_rwlock_unlock(&a->lock);
    return right;
}

static enum status client_of_signature(struct exchange *ex, const char *sig)
{
    const char *id = ex->req->query(ex->req, "kid"), *expires = ex->req->query(ex->req, "expires");
    struct pairs pairs = {.arena = ex->arena};
    char *end;
    if (!id || !expires)
        return fault_add(&ex->fault, STATUS_FORBIDDEN, "", 0, "a signed URL has expires, kid and sig in its query");
    ex->req->each_query(ex->req, add_pair, &pairs);
    const char *subject = sign_subject(ex->arena, ex->req->path, pairs.list, pairs.n);
    long long until = strtoll(expires, &end, 10);
    int64_t last = until;
    if (!signature_is_right(ex->api->access, id, subject, sig, &last) || *end || end == expires)
        return fault_add(&ex->fault, STATUS_FORBIDDEN, "", 0,
                         "the URL's signature is wrong: it was signed with another key, or changed since");
    if (time(NULL) >= last)
        return fault_add(&ex->fault, STATUS_FORBIDDEN, "", 0,
                         "the URL's signature expired at %lld (seconds since 1970)", (long long)last);
    client_of_peer(ex, ROLES_RENDER);
    ex->signed_until = last;
    return STATUS_OK;
}

static bool may_be_signed(const struct exchange *ex)
{
    return ex->route->run == render_get && ex->req->each_query;
}

static enum status identify(struct exchange *ex)
{
    const char *authorization = ex->req->header(ex->req, "Authorization");
    const char *sig = may_be_signed(ex) ? ex->req->query(ex->req, "sig") : NULL;
    if (sig)
        return client_of_signature(ex, sig);
    if (authorization && ex->route->roles)
        return client_of_key(ex, authorization);
    client_of_peer(ex, 0);
    return STATUS_OK;
}

enum status access_check(struct exchange *ex)
{
    uint32_t needs = ex->route->roles;
    ex->client = ex->req->client;
    if (!ex->client && is_closed(ex->api->access))
        TRY(identify(ex));
    if (!ex->client)
        client_of_peer(ex, ROLES_ALL);
    ex->res->client = ex->client->id;
    if (!needs || (ex->client->roles & needs))
        return STATUS_OK;
    const char *roles = roles_text(ex->arena, needs);
    if (!ex->by_key)
        return unauthorized(
            ex, "Bearer realm=\"sinter\"",
            arena_printf(ex->arena, "%s needs a key: send Authorization: Bearer KEY", ex->route->pattern));
    answer_header(
        ex, "WWW-Authenticate",
        arena_printf(ex->arena, "Bearer realm=\"sinter\", error=\"insufficient_scope\", scope=\"%s\"", roles));
    return fault_add(&ex->fault, STATUS_FORBIDDEN, "", 0, "the key has the role %s; %s needs %s",
                     roles_text(ex->arena, ex->client->roles), ex->route->pattern, roles);
}

/* ---- what caches may keep ---- */

void access_finish(struct exchange *ex)
{
    struct api_header *cache = NULL;
    for (size_t i = 0; i < ex->res->n_headers; i++)
        if (!strcmp(ex->res->headers[i].name, "Cache-Control"))
            cache = &ex->res->headers[i];
    if (!cache || strncmp(cache->value, "public", 6) != 0)
        return;
    if (ex->by_key)
        cache->value = arena_printf(ex->arena, "private%s", cache->value + 6);
    if (ex->signed_until) {
        long long left = (long long)ex->signed_until - (long long)time(NULL);
        cache->value = arena_printf(ex->arena, "public, max-age=%lld", left > 0 ? left : 0);
    }
}
