/* A real `sinter serve` in trouble, for tests of Law 6: the compiler and the store may fail, the service may not. Every
 * answer is compared with that of a healthy server beside it. */
#ifndef TESTS_SUPPORT_TROUBLED_H
#define TESTS_SUPPORT_TROUBLED_H

#include "bench/host.h"
#include "server/http_client.h"
#include "tests/support/folder.h"

extern char troubled_program[512], troubled_compiler[512]; /* absolute paths of sinter and sinter-cc */
extern const char *const troubled_with_compiler[];         /* arguments: every graph is compiled */

/* Runs a program's tests, the healthy server around them; what main returns. */
int troubled_run(const char *name, const struct CMUnitTest *tests, size_t n);

/* Servers: `store` as of host_start(), and so the arguments. Those whose test failed before it stopped them are ended
 * by troubled_run(). */
struct host troubled_start(const char *store, const char *const *extra);
struct host troubled_start_as(const char *program, const char *store, const char *const *extra);
void troubled_stop(struct host *h, bool keep_store); /* fails the test when it ends with an error */
int troubled_end(struct host *h, bool keep_store);   /* its exit code */

/* Graphs, by number: each has a shape of its own. */
enum { TROUBLED_SHAPES = 256 };
void troubled_learn(int k); /* asks the healthy server for its bytes */
struct asked {
    int status; /* 0: the connection ended without an answer; -1: in the middle of one */
    bool right, compiled;
};
/* One request over an open connection, for a graph that has been learnt. */
struct asked troubled_exchange(struct http_client *c, int k, const char *tier);
/* Graph k of this server, which must answer it rightly; true when a kernel did. */
bool troubled_ask_for(const struct host *h, int k, const char *tier);
bool troubled_ask(const struct host *h, int k); /* of tier auto */
/* Asks until a kernel answers. */
void troubled_await_kernel(const struct host *h, int k, double seconds);
void troubled_await_metric(const struct host *h, const char *name, double least, double seconds);

/* A program in this folder that does `script`; the path until the next call. */
const char *troubled_script(const char *folder, const char *name, const char *script);

#endif
