/* A data store in a folder of its own, and what its tests put there. */
#ifndef TESTS_SUPPORT_KEPT_H
#define TESTS_SUPPORT_KEPT_H

#include "api/data/data_store.h"
#include "tests/support/folder.h"

extern struct arena *kept_arena;
extern struct fault kept_fault;
extern char kept_dir[FOLDER_PATH];
extern struct data_config kept_config; /* of the stores that are opened from here on */

/* Around each test. */
int kept_set_up(void **state);
int kept_tear_down(void **state);

void kept_good(enum status status); /* fails the test, with what stands in the fault */
/* With the limit of this name, unless that is NULL; the fault is empty again. */
void kept_fails(enum status status, enum status expected, const char *limit);

struct data_store *kept_open(void);
struct data_store *kept_reopen(struct data_store *s);

/* A blob of n bytes: the i-th is i * 31 + (i >> 11) + seed. */
void kept_put_blob(struct data_store *s, const char *owner, uint8_t seed, size_t n, char ret_hex[DATA_SHA256_HEX]);

struct data_new_job kept_job_of(const char *owner, const char *key, const struct data_new_item *items, uint32_t n);
/* A new job of n renders; every other has the id "odd". */
void kept_put_job(struct data_store *s, const char *owner, const char *key, uint32_t n, char ret_id[DATA_JOB_ID]);
void kept_end_item(struct data_store *s, struct data_item *item, int http_status, const char *body);
/* Runs all that waits to results of n bytes each; the last failure to keep one. */
enum status kept_run_job(struct data_store *s, size_t n_bytes);

#endif
