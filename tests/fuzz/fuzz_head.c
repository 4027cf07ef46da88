/* libFuzzer: any bytes as a request's head, judged by server/header_check, server/uri, server/peers and server/trace.
 * They are split into lines and fields as the HTTP library does it, in place. What is taken has no byte that would mean
 * something else to another server, and its target decodes without growing.
 *     ./dev fuzz head 60 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/header_check.h"
#include "server/peers.h"
#include "server/trace.h"
#include "server/uri.h"
#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FIELDS_MAX = 64, PAIRS_MAX = 16 };

struct head {
    char *text;
    size_t n;
    struct header_field fields[FIELDS_MAX];
    struct header_list list;
    struct header_head line;
};

/* The next word of the line, which ends with NUL. */
static char *word(char **io_at)
{
    char *begin = *io_at, *end = strchr(begin, ' ');
    if (!end)
        end = begin + strlen(begin);
    *io_at = *end ? end + 1 : end;
    *end = 0;
    return begin;
}

static void split_field(struct head *h, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon || h->list.n == FIELDS_MAX)
        return;
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t n = strlen(value);
    while (n && strchr(" \t", value[n - 1]))
        value[--n] = 0;
    h->fields[h->list.n++] = (struct header_field){line, value, (size_t)(colon - line), n};
}

static void split(struct head *h)
{
    h->list.fields = h->fields;
    h->line = (struct header_head){"", "", "", 0, h->n};
    bool first = true;
    for (char *at = h->text, *end; at < h->text + h->n; at = end, first = false) {
        end = memchr(at, '\n', (size_t)(h->text + h->n - at));
        end = end ? end + 1 : h->text + h->n;
        char *stop = end;
        while (stop > at && (stop[-1] == '\n' || stop[-1] == '\r'))
            *--stop = 0;
        if (stop == at && !first)
            break;
        if (!first) {
            split_field(h, at);
            continue;
        }
        h->line.method = word(&at);
        h->line.target = word(&at);
        h->line.target_size = strlen(h->line.target);
        h->line.version = at;
    }
}

static void check_target(const char *target, size_t n)
{
    static struct uri u;
    const char *detail = NULL;
    if (header_check_target(target, &detail) != STATUS_OK) {
        host_require(detail);
        return;
    }
    if (header_check_form("GET", target, &detail) == STATUS_OK)
        host_require(*target == '/' || !strncasecmp(target, "http", 4));
    if (uri_parse(&u, target, n, PAIRS_MAX))
        return;
    host_require((u.path[0] == '/' || !strcmp(u.path, "*")) && strlen(u.path) <= n && u.n_pairs <= PAIRS_MAX &&
                 u.n_pairs <= u.n_asked);
    for (size_t i = 0; i < u.n_pairs; i++)
        host_require(uri_query(&u, u.pairs[i].name) && strlen(u.pairs[i].value) <= n);
}

static void check_fields(const struct head *h)
{
    struct header_facts facts;
    const char *detail = NULL;
    unsigned lengths = 0, hosts = 0;
    if (header_check_fields(h->line.version, &h->list, &facts, &detail) != STATUS_OK) {
        host_require(detail);
        return;
    }
    host_require(facts.content_length >= -1 && !(facts.chunked && facts.content_length >= 0));
    for (size_t i = 0; i < h->list.n; i++) {
        const struct header_field *f = &h->fields[i];
        lengths += !strcasecmp(f->name, "Content-Length");
        hosts += !strcasecmp(f->name, "Host");
        host_require(f->name_size && !strpbrk(f->name, " \t\"(),/:;<=>?@[\\]{}") && !strpbrk(f->value, "\r\n"));
    }
    host_require(lengths <= 1 && hosts <= 1);
}

/* Whoever the fields name as the client is an address, and a trace's id is one. */
static void check_origin(const struct head *h)
{
    struct peers trusted;
    struct peer socket = {{0}};
    char text[PEER_TEXT_SIZE], id[TRACE_ID_SIZE];
    host_require(!peers_parse(&trusted, "0.0.0.0/1, ::/1"));
    for (int header = PROXY_X_FORWARDED_FOR; header <= PROXY_FORWARDED; header++) {
        struct peer client = peer_behind(&trusted, (enum proxy_header)header, &socket, &h->list);
        peer_text(&client, text);
        host_require(strlen(text) >= 2);
    }
    for (size_t i = 0; i < h->list.n; i++) {
        const char *value = h->fields[i].value;
        host_require(trace_parse(value, id) ? strlen(id) == 32 && !strncmp(id, value + 3, 32) : !*id);
        (void)!peers_parse(&trusted, value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct head h = {.n = n};
    const char *detail = NULL;
    h.text = malloc(n + 1);
    host_require(h.text);
    if (n)
        memcpy(h.text, data, n);
    h.text[n] = 0;
    split(&h);
    if (header_check_method(h.line.method, &detail) == STATUS_OK)
        host_require(*h.line.method);
    check_target(h.line.target, h.line.target_size);
    check_fields(&h);
    check_origin(&h);
    if (n && *h.line.method && header_check_layout(&h.line, &h.list, &detail) != STATUS_OK)
        host_require(detail);
    free(h.text);
    return 0;
}
