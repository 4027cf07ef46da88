/* The api room as fuzzers see it: made at the first use, interpreting only, with small limits, so that an input takes
 * milliseconds; nothing is kept on disk. Every answer is judged: well-formed, and never a 500. */
#ifndef TESTS_FUZZ_HOST_H
#define TESTS_FUZZ_HOST_H

#include "api/api.h"

struct host_pair {
    const char *name, *value;
};
enum { HOST_QUERY_MAX = 8 };

/* A request; query pairs end with a NULL name. */
struct host_ask {
    enum method method;
    const char *path, *type;
    struct host_pair query[HOST_QUERY_MAX];
    const void *body;
    size_t size;
};

void host_require(bool truth); /* aborts */
/* By instruction set of the interpreter: 0 the least, 1 the widest of this CPU. */
struct api *host_api(int wide);
/* The whole body at once. The caller ends the answer with api_response_done. */
struct api_response host_ask(struct api *api, const struct host_ask *ask);
/* As a connection gives it: in pieces of sizes that the seed chooses. The path is /process, the type an audio one. */
struct api_response host_upload(struct api *api, const struct host_ask *ask, uint64_t seed);
/* The answer's bytes, from a file too; malloc's. */
char *host_body(const struct api_response *res);
/* A request of this ask, for callers that need one; `ask` must outlive it. */
struct api_request host_request(const struct host_ask *ask);
uint32_t host_random(uint64_t *state);

#endif
