/* Graphs that clients have stored, by id: canonical JSON in data.db, the recently used ones in memory too. Never
 * discards what was stored. Thread-safe. */
#ifndef API_GRAPH_STORE_H
#define API_GRAPH_STORE_H

#include <stdbool.h>

#include "core/fault.h"
#include "core/graph.h"

struct graph_store;

/* `dir` holds data.db and is made when it is not there; NULL: memory only. */
enum status graph_store_new(const char *dir, uint32_t max_graphs, struct graph_store **ret_store,
                            struct fault *fault) MUST_CHECK;
void graph_store_free(struct graph_store *s); /* takes NULL */

/* On disk when it returns. `ret_known`: it was there already. Over max_graphs: STATUS_LIMIT. */
enum status graph_store_put(struct graph_store *s, const char *id, const char *canonical, bool *ret_known,
                            struct fault *fault) MUST_CHECK;

/* The canonical text, to be freed with free(); NULL when there is none. */
enum status graph_store_get(struct graph_store *s, const char *id, char **ret_canonical,
                            struct fault *fault) MUST_CHECK;

#endif
