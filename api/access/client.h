/* Who asks: whom quotas are counted for, who owns a job, and what it may do. */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include <stdint.h>

enum { CLIENT_ID_SIZE = 80 };

/* A key of --keys has some of these; without such a file everybody has all. */
enum role {
    ROLE_RENDER = 1 << 0,  /* images, and what leads to them */
    ROLE_PROCESS = 1 << 1, /* audio and streams */
    ROLE_JOBS = 1 << 2,    /* jobs of both kinds, and blobs */
    ROLE_ADMIN = 1 << 3,   /* metrics, and everybody's jobs */
};

/* What a row of routes.def names: one of these is needed. */
enum {
    ROLES_NONE = 0,
    ROLES_RENDER = ROLE_RENDER,
    ROLES_PROCESS = ROLE_PROCESS,
    ROLES_JOBS = ROLE_JOBS,
    ROLES_ADMIN = ROLE_ADMIN,
    ROLES_OWNED = ROLE_JOBS | ROLE_ADMIN, /* jobs and blobs that are there: their owner's, and every one an admin's */
    ROLES_WORK = ROLE_RENDER | ROLE_PROCESS | ROLE_JOBS,
    ROLES_ALL = ROLES_WORK | ROLE_ADMIN,
};

struct client {
    const char *id; /* "key:NAME"; "addr:203.0.113.7", of IPv6 its /64: "addr:2001:db8:0:7::/64"; "local" */
    uint32_t roles;
    double quota_seconds; /* of the key's row: seconds of work a second; 0: as the setting quota-seconds says */
};

/* Which part of what all share (streams, jobs, blobs, results) the client with this id may have, when others may have
 * `part`: all, when nothing tells it from others on this machine (access.c). */
double client_share(const char *id, double part);

#endif
