/* Is a request's head well-formed by RFC 9112 and RFC 9110? Pure functions over what the HTTP library has parsed
 * already; the library is more tolerant than a server behind a proxy may be (request smuggling), so every request
 * passes here first. */
#ifndef SERVER_HEADER_CHECK_H
#define SERVER_HEADER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fault.h"

struct header_field {
    const char *name, *value;     /* inside the head's bytes, both with a NUL behind */
    size_t name_size, value_size; /* with the blanks behind the value, if there are some */
};

struct header_list {
    struct header_field *fields; /* in the order they came */
    size_t n;
};

/* What the fields say about the body. */
struct header_facts {
    int64_t content_length; /* -1: none given */
    bool chunked;
    bool expects_continue;
};

/* Names, values, Host, Content-Length and Transfer-Encoding. On failure `ret_detail` is one static sentence and the
 * connection must be closed, since where the request ends is not known. */
enum status header_check_fields(const char *version, const struct header_list *list, struct header_facts *ret_facts,
                                const char **ret_detail) MUST_CHECK;

enum status header_check_method(const char *method, const char **ret_detail) MUST_CHECK;
/* The target as it was sent (before decoding) has no space, control or 8-bit byte, no #, no broken escape and no %00.
 */
enum status header_check_target(const char *target, const char **ret_detail) MUST_CHECK;
/* Such a target is "/path", "http://host/path", or "*" of OPTIONS. */
enum status header_check_form(const char *method, const char *target, const char **ret_detail) MUST_CHECK;

/* The head's bytes as the parser leaves them: it writes NUL over separators. One that is not where it should be shows a
 * NUL, a bare line feed, a folded line or a second space that the client sent. `head` starts with the method and is
 * `size` bytes up to the body. */
struct header_head {
    const char *method, *target, *version;
    size_t target_size; /* as sent */
    size_t size;        /* of the whole head, the empty line included */
};
enum status header_check_layout(const struct header_head *head, const struct header_list *list,
                                const char **ret_detail) MUST_CHECK;

#endif
