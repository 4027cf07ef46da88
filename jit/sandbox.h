/* What the kernel offers to a process that wants to be able to do less: no new privileges, no memory that is made
 * executable, a list of system calls (seccomp), a list of files (Landlock). Shared by the server and its compile
 * workers; which lists are theirs stands in server/confine.c and jit/cc/cage.c. Nothing here can be undone. */
#ifndef JIT_SANDBOX_H
#define JIT_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_mode {
    SANDBOX_OFF,
    SANDBOX_AUTO,    /* what this system has */
    SANDBOX_REQUIRE, /* SANDBOX_NEEDED or nothing runs */
};
#define SANDBOX_VARIABLE "SINTER_SANDBOX"            /* how a worker is told: "off", "auto", "require" */
enum sandbox_mode sandbox_mode_of(const char *text); /* NULL and nonsense: SANDBOX_AUTO */
const char *sandbox_mode_name(enum sandbox_mode mode);

/* What holds, as bits. */
enum sandbox_part {
    SANDBOX_PRIVILEGES = 1, /* no_new_privs */
    SANDBOX_MEMORY = 2,     /* nothing writable becomes executable (Linux 6.3) */
    SANDBOX_CALLS = 4,      /* seccomp */
    SANDBOX_FILES = 8,      /* Landlock (5.13) */
    SANDBOX_NETWORK = 16,   /* Landlock's: no TCP (6.7) */
    SANDBOX_SIGNALS = 32,   /* Landlock's: none to others (6.12) */
    SANDBOX_NEEDED = SANDBOX_PRIVILEGES | SANDBOX_CALLS | SANDBOX_FILES,
};
/* "calls, files" into `ret`, which it returns; "nothing" for 0. */
enum { SANDBOX_TEXT = 80 };
char *sandbox_parts_text(unsigned parts, char *ret, size_t size);

/* False under sanitizers, whose run-time needs what is taken away here. */
bool sandbox_possible(void);

/* Both together; returns what holds. */
unsigned sandbox_harden(void);

/* Files. */
enum sandbox_right {
    SANDBOX_READ = 1,    /* files and folders below */
    SANDBOX_WRITE = 2,   /* and make, rename and remove them */
    SANDBOX_EXECUTE = 4, /* as a program; libraries are only read */
};
struct sandbox_path {
    const char *path; /* one that does not exist is left out; NULL: too */
    unsigned rights;
};
enum sandbox_scope { SANDBOX_ALONE = 1 }; /* no TCP, no signals to others */
unsigned sandbox_files(const struct sandbox_path *paths, size_t n, unsigned scope);

/* System calls. A condition compares one argument: (argument & mask) == value. */
struct sandbox_call {
    const char *name; /* unknown to the library: left out */
    unsigned argument;
    uint64_t mask, value; /* mask 0: always */
};
enum sandbox_others {                 /* what is not listed: */
                      OTHERS_MISSING, /* ENOSYS, as on a kernel that is older than it: libraries know what else to do */
                      OTHERS_DEADLY,
                      OTHERS_ALLOWED,
};
struct sandbox_calls {
    const char *const *allowed; /* NULL at the end, as is the next */
    const char *const *refused; /* EPERM */
    const char *const *deadly;  /* the process ends */
    const struct sandbox_call *conditions;
    size_t n_conditions;
    enum sandbox_others others;
    bool all_threads; /* of this process; else this one and those it makes */
};

bool sandbox_filter(const struct sandbox_calls *calls);

/* The same, made ready once for many threads: sandbox_program_enter costs microseconds. */
struct sandbox_program {
    unsigned short n;
    void *filters; /* of the heap; NULL: none */
};
bool sandbox_program_make(const struct sandbox_calls *calls, struct sandbox_program *ret);
bool sandbox_program_enter(const struct sandbox_program *p);

extern const char *const sandbox_deadly[]; /* what nothing of ours ever needs: others' memory, mounts, modules, ... */

#endif
