/* Impulse responses that a request sends along: parts of its multipart body, known by their names. */
#ifndef API_RESPONSES_H
#define API_RESPONSES_H

#include "api/bytes/multipart.h"
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

/* What a stream keeps of them: the files as they came, to be exported, and what they became. */
struct kept_responses {
    struct kept_file {
        char *name;
        void *data;
        size_t size;
    } * files;
    size_t n_files, bytes;
    uint32_t n_hosts;
    struct response **responses; /* by the program's hosts */
    uint64_t *lengths;           /* by host, in samples */
};

/* Copies the files and shares what the runner has decoded. NULL: no memory. */
struct kept_responses *kept_responses_new(const struct responses *files, const struct runner *r);
void kept_responses_free(struct kept_responses *k); /* takes NULL */

#endif
