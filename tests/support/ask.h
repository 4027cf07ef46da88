/* Requests to the api room without a socket, for tests: an engine that interprets only, so that nothing waits for a
 * compiler. */
#ifndef TESTS_SUPPORT_ASK_H
#define TESTS_SUPPORT_ASK_H

#include "api/api.h"
#include "core/datum.h"
#include "tests/support.h"

struct pair {
    const char *name, *value;
};

/* A request as a test writes it: query "a=1&b=2", undecoded. */
struct ask {
    enum method method;
    const char *path, *query, *type, *accept, *encoding, *if_none_match, *body;
    struct pair more[6]; /* further headers */
    const char *peer;
    size_t size; /* 0: strlen(body) */
    bool draining, gone;
    struct pair pairs[16]; /* filled here */
    size_t n_pairs;
    char text[4096];
};

extern struct api *api;
extern struct engine *engine;
extern struct pool *pool;
extern struct arena *arena; /* of the test program */

#define FIELD_GRAPH "{\"params\":{\"k\":{\"default\":3,\"min\":0,\"max\":9}},\"output\":\"sin(x*k)+y*y\"}"

struct api_response ask_of(struct api *of, struct ask a);
struct api_response ask(struct ask a);
struct api_response post(const char *path, const char *json);
struct api_response get(const char *path, const char *text);
const char *header_of(const struct api_response *res, const char *name);
char *body_of(const struct api_response *res);
struct datum *json_of(const char *text, size_t n);
void assert_problem(struct api_response res, enum status status, const char *pointer, const char *detail_has);
void assert_limit(struct api_response res, const char *limit, const char *pointer);
void assert_ok(const struct api_response *res);
void assert_same_body(struct api_response a, struct api_response b);
struct api_response process_raw(const char *text, const void *data, size_t n);
struct api *small_api(struct api_config config);
int ask_set_up(void **state);
int ask_tear_down(void **state);
struct api_request request_of(struct ask *a);
struct route;
char *path_of_route(const struct route *route); /* one that its pattern matches */

#endif
