/* Jobs and blobs without a socket, for tests: an api with a folder, with or without threads that run items, and its
 * streams taken to their end. */
#ifndef TESTS_SUPPORT_JOBS_H
#define TESTS_SUPPORT_JOBS_H

#include "tests/support/ask.h"

/* An api whose data lies in the folder of the test. `runs`: with a thread for items. */
struct api *jobs_api(struct api_config config, bool runs);
extern char jobs_dir[64]; /* made by jobs_set_up, removed by jobs_tear_down */
int jobs_set_up(void **state);
int jobs_tear_down(void **state);

/* A body that was made while it was sent, or that was there. */
struct heard {
    char *text; /* of the test's arena, NUL behind */
    size_t n;
    enum api_supply supply;
    int status;
};
/* As a client of HTTP/1.1 asks; `most_s`: fails the test when it takes longer. */
struct heard hear_of(struct api *of, struct ask a, double most_s);
/* `text` of a GET's path and query; fails the test unless it is answered with 200. */
struct heard hear_get(struct api *of, const char *path, const char *query);

/* Items without their last brace. */
#define JOB_RENDER "{\"kind\":\"render\",\"expr\":\"sin(x*9)*y\",\"width\":33,\"height\":17"
#define JOB_TONE "{\"kind\":\"process\",\"expr\":\"sine(440)\",\"rate\":8000,\"seconds\":0.1"
/* Seconds of work. */
#define JOB_LONG "{\"kind\":\"render\",\"expr\":\"fbm2(x*9,y*9)+fbm2(x*8,y*7)\",\"width\":8192,\"height\":8192"

/* Takes a job; its path. Fails the test unless it is taken. */
const char *job_post(struct api *of, const char *json);
struct api_response job_ask(struct api *of, const char *json, const char *key);
struct api_response job_cancel(struct api *of, const char *path);
/* Where it stands once it is over. */
struct datum *job_wait(struct api *of, const char *path);
double number_of(const struct datum *object, const char *key);
const char *text_of(const struct datum *object, const char *key);

/* The results as NDJSON: n lines, the last of which is the end. */
struct datum **job_results(struct api *of, const char *path, const char *query, size_t *ret_n);
/* The line of this id. */
const struct datum *result_of(struct datum *const *lines, size_t n, const char *id);
/* Its bytes. */
char *result_bytes(const struct datum *line, size_t *ret_n);

/* Stores a blob; "/blobs/...". */
const char *blob_post(struct api *of, const void *data, size_t n);

struct api_response job_get(struct api *of, const char *path, const char *query);
struct datum *job_read(struct api *of, const char *path); /* what it says of itself */

#endif
