/* Who is on the other side: addresses, lists of networks, and what a proxy in front says about the client behind it.
 * Pure functions; no names are looked up. */
#ifndef SERVER_PEERS_H
#define SERVER_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/header_check.h"

enum { PEER_TEXT_SIZE = 46, PEERS_MAX = 64 };

/* An IPv6 address; one of IPv4 as ::ffff:a.b.c.d. */
struct peer {
    uint8_t bytes[16];
};

struct peers {
    struct {
        struct peer net;
        int bits;
    } nets[PEERS_MAX];
    size_t n;
};

/* Which header the proxies write. One alone is believed: a proxy replaces or extends the one it knows and passes the
 * other on as the client wrote it. */
enum proxy_header { PROXY_X_FORWARDED_FOR, PROXY_FORWARDED };

/* Addresses and networks ("10.0.0.0/8, ::1 2001:db8::/32"), with commas or blanks between. NULL, or what is wrong as
 * one sentence. */
const char *peers_parse(struct peers *p, const char *list);
bool peers_have(const struct peers *p, const struct peer *one);

bool peer_of_socket(const struct sockaddr *at, struct peer *ret); /* false: neither IPv4 nor IPv6 */
void peer_text(const struct peer *p, char text[PEER_TEXT_SIZE]);  /* IPv4 dotted */
/* IPv4 as it is, IPv6 cut to its /64: what one client can be told apart by. */
struct peer peer_site(const struct peer *p);

/* The client: the other end of the socket, or, while that is a trusted proxy, who it names, from the last named hop on.
 * A hop that is no address ("unknown", a made-up name) ends the walk: its proxy stands for it. */
struct peer peer_behind(const struct peers *trusted, enum proxy_header header, const struct peer *socket,
                        const struct header_list *fields);

#endif
