/* See header_check.h. Every refusal here has a line in tests/test_header_check.c. */
#include "server/header_check.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_token_byte(unsigned char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_token_byte((unsigned char)s[i]))
            return false;
    return n > 0;
}

static bool is_field_value(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool named(const struct header_field *f, const char *name)
{
    return f->name_size == strlen(name) && !strncasecmp(f->name, name, f->name_size);
}

static enum status refuse(enum status status, const char *detail, const char **ret_detail)
{
    *ret_detail = detail;
    return status;
}

/* 1 to 18 digits: any such number fits, larger ones exceed every limit. */
static bool read_length(const struct header_field *f, int64_t *ret)
{
    int64_t n = 0;
    if (f->value_size == 0 || f->value_size > 18)
        return false;
    for (size_t i = 0; i < f->value_size; i++) {
        if (f->value[i] < '0' || f->value[i] > '9')
            return false;
        n = n * 10 + (f->value[i] - '0');
    }
    *ret = n;
    return true;
}

static bool is_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

/* "[::1]" without its brackets */
static bool is_ipv6(const char *s, size_t n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (n >= sizeof text || memchr(s, 0, n))
        return false;
    memcpy(text, s, n);
    text[n] = 0;
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* RFC 3986: reg-name, which an IPv4 address is, too */
static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '%' && (i + 2 >= n || hex_digit(s[i + 1]) < 0 || hex_digit(s[i + 2]) < 0))
            return false;
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c && strchr("-._~%!$&'()*+,;=", c))))
            return false;
    }
    return true;
}

/* host [":" port] */
static bool is_host(const char *s, size_t n)
{
    if (n && *s == '[') {
        const char *end = memchr(s, ']', n);
        if (!end || !is_ipv6(s + 1, (size_t)(end - s - 1)))
            return false;
        n -= (size_t)(end + 1 - s);
        return n == 0 || (end[1] == ':' && is_digits(end + 2, n - 1));
    }
    const char *colon = memchr(s, ':', n);
    size_t width = colon ? (size_t)(colon - s) : n;
    return is_name(s, width) && (!colon || is_digits(colon + 1, n - width - 1));
}

static bool is_chunked(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    return n == 7 && !strncasecmp(s, "chunked", 7);
}

/* The one coding known is "chunked", alone. Where it is not the last one, or twice, nobody can say where the body ends;
 * RFC 9112, 6.3. */
static enum status check_coding(const struct header_field *f, bool http_1_0, const char **ret_detail)
{
    const char *last = f->value, *end = f->value + f->value_size;
    if (http_1_0)
        return refuse(STATUS_BAD_REQUEST, "Transfer-Encoding does not exist in HTTP/1.0", ret_detail);
    if (f->value_size == 7 && is_chunked(f->value, 7))
        return STATUS_OK;
    for (const char *at = f->value, *comma; (comma = memchr(at, ',', (size_t)(end - at))); at = last = comma + 1)
        if (is_chunked(at, (size_t)(comma - at)))
            return refuse(STATUS_BAD_REQUEST, "Transfer-Encoding has \"chunked\" before its end", ret_detail);
    if (!is_chunked(last, (size_t)(end - last)))
        return refuse(STATUS_BAD_REQUEST, "Transfer-Encoding does not end in \"chunked\"", ret_detail);
    if (last == f->value) /* the HTTP library compares with "chunked" and would see no chunks */
        return refuse(STATUS_BAD_REQUEST, "there are blanks behind Transfer-Encoding's value", ret_detail);
    return refuse(STATUS_NOT_IMPLEMENTED, "the only Transfer-Encoding accepted is \"chunked\", once and alone",
                  ret_detail);
}

/* Without the blanks behind it, which are none of the value's (RFC 9110, 5.5). */
static size_t value_size(const struct header_field *f)
{
    size_t n = f->value_size;
    while (n && (f->value[n - 1] == ' ' || f->value[n - 1] == '\t'))
        n--;
    return n;
}

struct counts {
    unsigned host, length, coding;
};

static enum status check_field(const struct header_field *f, bool http_1_0, struct counts *counts,
                               struct header_facts *facts, const char **ret_detail)
{
    if (!is_token(f->name, f->name_size))
        return refuse(STATUS_BAD_REQUEST,
                      "a header's name has a byte that names may not have (a space before the colon?)", ret_detail);
    if (!is_field_value(f->value, f->value_size))
        return refuse(STATUS_BAD_REQUEST, "a header's value has a control byte", ret_detail);
    if (named(f, "Host")) {
        if (counts->host++)
            return refuse(STATUS_BAD_REQUEST, "there is more than one Host header", ret_detail);
        if (!is_host(f->value, value_size(f)))
            return refuse(STATUS_BAD_REQUEST, "the Host header is not a host and port", ret_detail);
    } else if (named(f, "Content-Length")) {
        if (counts->length++)
            return refuse(STATUS_BAD_REQUEST, "there is more than one Content-Length header", ret_detail);
        if (!read_length(f, &facts->content_length))
            return refuse(STATUS_BAD_REQUEST, "Content-Length is not a decimal number of at most 18 digits",
                          ret_detail);
    } else if (named(f, "Transfer-Encoding")) {
        if (counts->coding++)
            return refuse(STATUS_BAD_REQUEST, "there is more than one Transfer-Encoding header", ret_detail);
        TRY(check_coding(f, http_1_0, ret_detail));
        facts->chunked = true;
    } else if (named(f, "Expect")) {
        facts->expects_continue = value_size(f) == 12 && !strncasecmp(f->value, "100-continue", 12);
    }
    return STATUS_OK;
}

enum status header_check_fields(const char *version, const struct header_list *list, struct header_facts *ret_facts,
                                const char **ret_detail)
{
    struct counts counts = {0};
    struct header_facts facts = {.content_length = -1};
    bool http_1_0 = !strcmp(version, "HTTP/1.0");
    for (size_t i = 0; i < list->n; i++)
        TRY(check_field(&list->fields[i], http_1_0, &counts, &facts, ret_detail));
    if (counts.length && counts.coding)
        return refuse(STATUS_BAD_REQUEST, "Content-Length and Transfer-Encoding contradict each other", ret_detail);
    if (!counts.host && !http_1_0)
        return refuse(STATUS_BAD_REQUEST, "HTTP/1.1 needs a Host header", ret_detail);
    *ret_facts = facts;
    return STATUS_OK;
}

enum status header_check_method(const char *method, const char **ret_detail)
{
    return is_token(method, strlen(method)) ? STATUS_OK
                                            : refuse(STATUS_BAD_REQUEST, "the method is not a token", ret_detail);
}

enum status header_check_target(const char *target, const char **ret_detail)
{
    if (!*target)
        return refuse(STATUS_BAD_REQUEST, "the request has no target", ret_detail);
    for (const char *c = target; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte <= 0x20 || byte >= 0x7f)
            return refuse(STATUS_BAD_REQUEST,
                          "the URL has a space, a control byte or an 8-bit byte; escape them with %", ret_detail);
        if (byte == '#')
            return refuse(STATUS_BAD_REQUEST, "the URL has a #; escape it as %23", ret_detail);
        if (byte != '%')
            continue;
        int high = hex_digit(c[1]), low = high < 0 ? -1 : hex_digit(c[2]);
        if (low < 0)
            return refuse(STATUS_BAD_REQUEST, "the URL has a % without two hexadecimal digits", ret_detail);
        if (high == 0 && low == 0)
            return refuse(STATUS_BAD_REQUEST, "the URL has a %00", ret_detail);
    }
    return STATUS_OK;
}

enum status header_check_form(const char *method, const char *target, const char **ret_detail)
{
    if (*target == '/' || (!strcmp(target, "*") && !strcmp(method, "OPTIONS")))
        return STATUS_OK;
    size_t scheme = !strncasecmp(target, "http://", 7) ? 7 : !strncasecmp(target, "https://", 8) ? 8 : 0;
    if (!scheme)
        return refuse(STATUS_BAD_REQUEST, "the target is neither a path nor a http URL", ret_detail);
    size_t n = strcspn(target + scheme, "/?");
    if (n == 0 || target[scheme] == ':' || !is_host(target + scheme, n))
        return refuse(STATUS_BAD_REQUEST, "the target's authority is not a host and port", ret_detail);
    return STATUS_OK;
}

static enum status misplaced(const char **ret_detail)
{
    return refuse(STATUS_BAD_REQUEST,
                  "the head has a NUL, a line that does not end in CR LF, a folded line or a doubled space",
                  ret_detail);
}

enum status header_check_layout(const struct header_head *head, const struct header_list *list, const char **ret_detail)
{
    enum { VERSION_SIZE = 8, LINE_END = 2 };
    const char *next = head->method + strlen(head->method) + 1;
    if (head->target != next || head->version != next + head->target_size + 1)
        return misplaced(ret_detail);
    next = head->version + VERSION_SIZE + LINE_END;
    for (size_t i = 0; i < list->n; i++) {
        const struct header_field *f = &list->fields[i];
        if (f->name != next || f->value < f->name + f->name_size + 1)
            return misplaced(ret_detail);
        next = f->value + f->value_size + LINE_END;
    }
    if (head->method + head->size != next + LINE_END)
        return misplaced(ret_detail);
    return STATUS_OK;
}
