/* Descriptors: what the settings may need, and how many connections the process's limit leaves room for. Who runs out
 * of them fails anywhere: the HTTP library spins, the store cannot open its files. */
#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <stdbool.h>

#include "server/config.h"

enum { DESCRIPTORS_LEAST_CONNECTIONS = 16 };

/* Beside those of connections. */
uint64_t descriptors_fixed(const struct settings *s);
/* How many connections `limit` descriptors allow for, with what a connection may need beside its socket. */
uint64_t descriptors_connections(const struct settings *s, uint64_t limit);

/* Raises the soft limit to the hard one, and lowers max-connections to what that allows. False, with a line in the log:
 * there is not even room for a few. */
bool descriptors_fit(struct settings *s);

#endif
