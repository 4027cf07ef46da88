/* Who may come in: counts open connections, all of them and those of each address. A place is known by its descriptor,
 * because the HTTP library may close a connection without ever telling of it: when the number comes again, the old
 * place is free. Thread-safe. */
#ifndef SERVER_DOOR_H
#define SERVER_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "server/peers.h"

struct door;

/* For descriptors below `fds`. most_of_site: of one address, or of one /64 of IPv6. NULL: no memory. */
struct door *door_new(uint32_t fds, uint32_t most_of_site);
void door_free(struct door *d); /* takes NULL */

/* False: this address has all that it may have, and nothing is counted. `counted` false: only among all. */
bool door_enter(struct door *d, int fd, const struct peer *peer, bool counted);
void door_leave(struct door *d, int fd); /* before the descriptor is closed; harmless when it is not in */

uint32_t door_open(const struct door *d);
bool door_has_unread(struct door *d); /* has somebody sent what nobody has read yet? */

#endif
