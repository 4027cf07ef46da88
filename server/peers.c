/* See peers.h. X-Forwarded-For has no standard: a list of addresses, each proxy adds at the end whom it talks to.
 * Forwarded is RFC 7239: a list of elements "for=192.0.2.1;proto=https", where for="[2001:db8::1]:4711" is quoted. */
#include "server/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOPS = 16 /* from the end; there is no chain of so many proxies of one's own */ };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4(const struct peer *p)
{
    return !memcmp(p->bytes, mapped, sizeof mapped);
}

static bool parse_address(const char *s, size_t n, struct peer *ret)
{
    char text[PEER_TEXT_SIZE];
    if (n == 0 || n >= sizeof text || memchr(s, 0, n))
        return false;
    memcpy(text, s, n);
    text[n] = 0;
    memcpy(ret->bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, ret->bytes + sizeof mapped) == 1 || inet_pton(AF_INET6, text, ret->bytes) == 1;
}

static bool has_bits(const struct peer *p, const struct peer *net, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(p->bytes, net->bytes, (size_t)whole))
        return false;
    return !rest || !((p->bytes[whole] ^ net->bytes[whole]) >> (8 - rest));
}

static bool parse_net(struct peers *p, const char *s, size_t n)
{
    struct peer net;
    const char *slash = memchr(s, '/', n);
    size_t width = slash ? (size_t)(slash - s) : n, digits = slash ? n - width - 1 : 0;
    if (!parse_address(s, width, &net))
        return false;
    int most = memchr(s, ':', width) ? 128 : 32, bits = most;
    if (slash) {
        if (digits == 0 || digits > 3 || strspn(slash + 1, "0123456789") < digits)
            return false;
        bits = atoi(slash + 1);
    }
    if (bits > most)
        return false;
    p->nets[p->n].net = net;
    p->nets[p->n++].bits = bits + 128 - most;
    return true;
}

const char *peers_parse(struct peers *p, const char *list)
{
    static const char between[] = ", \t";
    p->n = 0;
    for (list += strspn(list, between); *list; list += strspn(list, between)) {
        size_t n = strcspn(list, between);
        if (p->n == PEERS_MAX)
            return "there are more than 64 networks";
        if (!parse_net(p, list, n))
            return "an entry is no address and no network such as 10.0.0.0/8 or 2001:db8::/32";
        list += n;
    }
    return NULL;
}

bool peers_have(const struct peers *p, const struct peer *one)
{
    for (size_t i = 0; i < p->n; i++)
        if (has_bits(one, &p->nets[i].net, p->nets[i].bits))
            return true;
    return false;
}

bool peer_of_socket(const struct sockaddr *at, struct peer *ret)
{
    if (at->sa_family == AF_INET6) {
        memcpy(ret->bytes, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr, sizeof ret->bytes);
        return true;
    }
    if (at->sa_family != AF_INET)
        return false;
    memcpy(ret->bytes, mapped, sizeof mapped);
    memcpy(ret->bytes + sizeof mapped, &((const struct sockaddr_in *)(const void *)at)->sin_addr, 4);
    return true;
}

void peer_text(const struct peer *p, char text[PEER_TEXT_SIZE])
{
    bool v4 = is_ipv4(p);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? p->bytes + sizeof mapped : p->bytes, text, PEER_TEXT_SIZE))
        text[0] = 0;
}

struct peer peer_site(const struct peer *p)
{
    struct peer site = *p;
    if (!is_ipv4(p))
        memset(site.bytes + 8, 0, 8);
    return site;
}

/* ---- hops ---- */

struct hop {
    const char *text;
    size_t n;
};

/* The last HOPS of them; `n` counts all. */
struct hops {
    struct hop last[HOPS];
    size_t n;
};

static void add_hop(struct hops *h, const char *text, size_t n)
{
    while (n && (*text == ' ' || *text == '\t')) {
        text++;
        n--;
    }
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    h->last[h->n++ % HOPS] = (struct hop){text, n};
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool parse_hop(const struct hop *h, struct peer *ret)
{
    if (h->n && *h->text == '[') {
        const char *end = memchr(h->text, ']', h->n);
        return end && parse_address(h->text + 1, (size_t)(end - h->text - 1), ret);
    }
    const char *colon = memchr(h->text, ':', h->n);
    bool port = colon && !memchr(colon + 1, ':', h->n - (size_t)(colon + 1 - h->text));
    return parse_address(h->text, port ? (size_t)(colon - h->text) : h->n, ret);
}

static void read_x_forwarded_for(struct hops *h, const char *s, size_t n)
{
    for (size_t i = 0, from = 0; i <= n; i++)
        if (i == n || s[i] == ',') {
            add_hop(h, s + from, i - from);
            from = i + 1;
        }
}

/* Where the pair or element ends, quoted strings jumped over. */
static size_t end_of_pair(const char *s, size_t n, size_t at)
{
    bool quoted = false;
    for (; at < n; at++) {
        if (quoted && s[at] == '\\' && at + 1 < n)
            at++;
        else if (s[at] == '"')
            quoted = !quoted;
        else if (!quoted && (s[at] == ',' || s[at] == ';'))
            break;
    }
    return at;
}

static void read_forwarded(struct hops *h, const char *s, size_t n)
{
    struct hop node = {s, 0};
    for (size_t at = 0; at <= n;) {
        size_t end = end_of_pair(s, n, at);
        while (at < end && (s[at] == ' ' || s[at] == '\t'))
            at++;
        if (end - at > 4 && !strncasecmp(s + at, "for=", 4)) {
            node = (struct hop){s + at + 4, end - at - 4};
            while (node.n && (node.text[node.n - 1] == ' ' || node.text[node.n - 1] == '\t'))
                node.n--;
            if (node.n >= 2 && node.text[0] == '"' && node.text[node.n - 1] == '"')
                node = (struct hop){node.text + 1, node.n - 2};
        }
        if (end == n || s[end] == ',') {
            add_hop(h, node.text, node.n);
            node = (struct hop){s, 0};
        }
        at = end + 1;
    }
}

struct peer peer_behind(const struct peers *trusted, enum proxy_header header, const struct peer *socket,
                        const struct header_list *fields)
{
    struct peer client = *socket, next;
    if (!trusted->n || !peers_have(trusted, socket))
        return client;
    const char *name = header == PROXY_FORWARDED ? "Forwarded" : "X-Forwarded-For";
    struct hops hops = {.n = 0};
    for (size_t i = 0; i < fields->n; i++) {
        const struct header_field *f = &fields->fields[i];
        if (f->name_size != strlen(name) || strncasecmp(f->name, name, f->name_size))
            continue;
        if (header == PROXY_FORWARDED)
            read_forwarded(&hops, f->value, f->value_size);
        else
            read_x_forwarded_for(&hops, f->value, f->value_size);
    }
    for (size_t k = 0; k < hops.n && k < HOPS; k++) {
        if (!parse_hop(&hops.last[(hops.n - 1 - k) % HOPS], &next))
            break;
        client = next;
        if (!peers_have(trusted, &client))
            break;
    }
    return client;
}
