/* Clients that behave, each in a thread: half of them keep their connection, half make a new one for each request, and
 * every other request is a small image. */
#ifndef TESTS_SUPPORT_GOOD_CLIENTS_H
#define TESTS_SUPPORT_GOOD_CLIENTS_H

#include <stddef.h>

struct good_result {
    size_t asked, failed;               /* failed: refused, or hung up on */
    double median_ms, p99_ms, worst_ms; /* of all; what failed counts as a second */
};

/* `clients` of them for `seconds`, each with a request every `pace_ms`. */
struct good_result good_clients(int port, int clients, double seconds, long pace_ms);
void good_print(const char *what, const struct good_result *r);

#endif
