/* A request whose body comes in pieces, without a socket, for tests. */
#ifndef TESTS_SUPPORT_UPLOAD_H
#define TESTS_SUPPORT_UPLOAD_H

#include "tests/support/ask.h"

/* Pieces of `piece` bytes; 0: of any size from 1 to 9000, another at each time. */
struct api_response upload_of(struct api *of, struct ask a, size_t piece, bool says_length);
struct api_response upload(struct ask a, size_t piece);

/* The answer's body, from a file too; in the test's arena. */
const char *upload_body(const struct api_response *res);

#endif
