/* Who may ask for what: finds the client of a request and holds its roles against the route's. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/exchange.h"

/* The route is found. Sets ex->client; UNAUTHORIZED or FORBIDDEN, with the headers that belong to it. */
enum status access_check(struct exchange *ex) MUST_CHECK;

#endif
