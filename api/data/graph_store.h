/* Graphs that clients have stored, by id: canonical JSON in the data store, the recently used ones in memory before it.
 * Thread-safe. */
#ifndef API_GRAPH_STORE_H
#define API_GRAPH_STORE_H

#include "api/data/data_store.h"
#include "core/graph.h"

struct graph_store;

enum status graph_store_new(struct data_store *data, struct graph_store **ret_store, struct fault *fault) MUST_CHECK;
void graph_store_free(struct graph_store *s); /* takes NULL */

/* On disk when it returns: waits for that. `ret_known`: it was there already. Over a bound: STATUS_LIMIT. */
enum status graph_store_put(struct graph_store *s, const char *id, const char *canonical, bool *ret_known,
                            struct fault *fault) MUST_CHECK;

/* The canonical text, to be freed with free(); NULL when there is none. */
enum status graph_store_get(struct graph_store *s, const char *id, char **ret_canonical,
                            struct fault *fault) MUST_CHECK;

#endif
