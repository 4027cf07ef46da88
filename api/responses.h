/* Impulse responses that a request sends along: parts of its multipart body, known by their names. */
#ifndef API_RESPONSES_H
#define API_RESPONSES_H

#include "api/multipart.h"
#include "api/subject.h"

struct response_file;

struct responses {
    struct response_file *files;
    size_t n;
    const char *tag; /* for the ETag: names and hashes of the bytes */
};

/* Every part that nobody took. */
void responses_read(struct exchange *ex, struct multipart *parts, struct responses *ret);

/* Are those that the program asks for there, and no others? BAD_FIELD, pointing at nodes of the graph and at files. */
enum status responses_match(struct exchange *ex, const struct responses *r, struct subject *s,
                            const struct program *p) MUST_CHECK;

/* Decodes and transforms them for the runner, whose program's audio has this rate. BAD_AUDIO; BAD_FIELD where rate or
 * channels do not fit; LIMIT max-response-samples before memory is taken. Takes long. */
enum status responses_decode(struct runner *r, const struct responses *files, double rate) MUST_CHECK;

#endif
