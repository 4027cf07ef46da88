/* See access.h. An IPv6 client is its /64, since one person has 2^64 addresses to choose from. */
#include "api/access.h"

#include <arpa/inet.h>
#include <string.h>

static const struct client local = {.id = "local", .roles = ROLES_ALL};

static const char *address_id(struct arena *a, const char *peer)
{
    struct in6_addr six;
    char text[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, peer, &six) != 1)
        return arena_printf(a, "addr:%s", peer);
    if (IN6_IS_ADDR_V4MAPPED(&six))
        return arena_printf(a, "addr:%s", inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text));
    memset(six.s6_addr + 8, 0, 8);
    return arena_printf(a, "addr:%s/64", inet_ntop(AF_INET6, &six, text, sizeof text));
}

static const struct client *client_of_peer(struct exchange *ex)
{
    if (!ex->req->peer)
        return &local;
    struct client *c = ARENA_NEW(ex->arena, struct client);
    *c = (struct client){.id = address_id(ex->arena, ex->req->peer), .roles = ROLES_ALL};
    return c;
}

enum status access_check(struct exchange *ex)
{
    ex->client = ex->req->client ? ex->req->client : client_of_peer(ex);
    return STATUS_OK;
}
