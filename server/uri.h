/* A request target taken apart: the decoded path and the decoded query pairs, in their order. */
#ifndef SERVER_URI_H
#define SERVER_URI_H

#include <stddef.h>

struct uri_pair {
    const char *name, *value; /* value "" when there was no '=' */
};

/* Keeps its memory from one request to the next; all zero at first. */
struct uri {
    char *text; /* path and pairs point in here */
    size_t capacity;
    const char *path;
    struct uri_pair *pairs;
    size_t n_pairs, pairs_capacity;
    size_t n_asked; /* more than n_pairs when there are more than max_pairs, which are only counted */
};

/* `target` has passed header_check_line. Takes origin-form ("/a?b=c") and absolute-form ("http://host/a?b=c"). Returns
 * NULL, or what is wrong as one sentence. */
const char *uri_parse(struct uri *u, const char *target, size_t size, size_t max_pairs);
const char *uri_query(const struct uri *u, const char *name); /* the first of that name, or NULL */
void uri_done(struct uri *u);

#endif
