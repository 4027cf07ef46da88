/* Many slow clients in a process of their own, each from another loopback address: a third never ends its head, a third
 * never its body, a third asks for megabytes and takes 64 bytes at a time. Whoever is hung up on comes again a second
 * later, until attack_hold: then they only cling to what they have. */
#ifndef TESTS_SUPPORT_SLOW_ATTACK_H
#define TESTS_SUPPORT_SLOW_ATTACK_H

#include <sys/types.h>

struct attack {
    pid_t pid;
};

struct attack attack_start(int port, int clients);
void attack_hold(const struct attack *a);
void attack_stop(const struct attack *a);

#endif
