/* Lets connections in or tells them why not, before the HTTP library sees them. When all are in use, who lags most goes
 * (reaper.h); when nobody does, the new one is refused. */
#ifndef SERVER_GATE_H
#define SERVER_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/peers.h"
#include "server/reaper.h"

struct gate_config {
    uint32_t max_connections;
    uint32_t headroom; /* beyond them, while those that were evicted go */
    uint32_t max_site; /* of one address; 0: no such limit */
    uint32_t retry_after_s;
    const struct peers *uncounted; /* by address: proxies */
    struct reaper *reaper;
};

struct gate;

struct gate *gate_new(const struct gate_config *config); /* NULL: no memory */
void gate_free(struct gate *g);                          /* takes NULL */

/* True: serve it, and gate_leave before its descriptor is closed. False: it is answered and taken care of. */
bool gate_enter(struct gate *g, int fd, const struct sockaddr *from);
void gate_leave(struct gate *g, int fd);
uint32_t gate_open(const struct gate *g);   /* connections */
bool gate_has_unread(const struct gate *g); /* has one of them sent what nobody has read yet? */

#endif
