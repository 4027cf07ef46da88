/* One item of a job, as its client wrote it: JSON of POST /render or /process, and beside its fields `kind`, `id`, and
 * the blobs that stand for what a multipart body would bring. Runs nothing. */
#ifndef API_JOB_ITEM_H
#define API_JOB_ITEM_H

#include "api/bytes/multipart.h"
#include "api/exchange.h"

enum { JOB_ITEM_ID_MAX = 64, JOB_ITEM_FILES_MAX = MULTIPART_PARTS_MAX - 1 };

struct job_file {
    const char *name; /* "audio", or what the graph calls it */
    const char *sha256;
    const char *pointer; /* "/audio", "/files/photo" */
};

struct job_item {
    const char *path; /* of its route */
    const char *id;   /* NULL: its number is its name */
    struct job_file *files;
    size_t n_files;
};

/* Whether `text` is strict JSON, and those fields. The other fields are the route's business. */
enum status job_item_read(const char *text, size_t n, const struct api_config *config, struct arena *a,
                          struct job_item *ret, struct fault *fault) MUST_CHECK;

/* Sets what of a batch is the item's. */
void job_item_batch(const struct job_item *item, struct api_batch *batch);
/* The request that asks its route; `batch->item` has been read from the same text. */
struct api_request job_item_request(const struct job_item *item, const struct api_batch *batch, const char *text,
                                    size_t n);

#endif
