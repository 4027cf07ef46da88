/* See confine.h. The list of system calls is generous: libraries choose among them, and one that is missing must cost
 * speed and not answers, so what is not listed looks like a kernel that is too old for it. */
#include "server/confine.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <libgen.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPACES                                                                                                         \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const char *const allowed[] = {
    /* files */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek",
    "open", "openat", "openat2", "creat", "close", "close_range", "stat", "fstat", "lstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "getdents64", "mkdir",
    "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "chmod", "fchmod",
    "fchmodat", "fchown", "chown", "fchownat", "lchown", "umask", "truncate", "ftruncate", "fallocate", "fadvise64",
    "fsync", "fdatasync", "sync_file_range", "flock", "fcntl", "utime", "utimes", "utimensat", "futimesat", "dup",
    "dup2", "dup3", "sendfile", "splice", "tee", "copy_file_range", "readahead", "memfd_create",
    /* memory */
    "munmap", "mremap", "madvise", "msync", "mlock", "mlock2", "munlock", "brk", "mincore", "membarrier",
    /* time, waiting */
    "clock_gettime", "clock_getres", "clock_nanosleep", "gettimeofday", "time", "nanosleep", "poll", "ppoll", "select",
    "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd",
    "eventfd2", "pipe", "pipe2", "timerfd_create", "timerfd_settime", "timerfd_gettime", "timer_create",
    "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "setitimer", "getitimer", "alarm",
    "restart_syscall",
    /* sockets */
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername",
    "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    /* threads, processes, signals */
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "arch_prctl", "exit",
    "exit_group", "vfork", "execve", "wait4", "waitid", "kill", "tgkill", "setpgid", "getpgid", "getpgrp", "getpid",
    "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getsid",
    "getrusage", "getrlimit", "setrlimit", "prlimit64", "getpriority", "setpriority", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler", "sched_getparam",
    "sched_setparam", "sched_getattr", "sched_setattr", "sched_get_priority_max", "sched_get_priority_min",
    "ioprio_get", "ioprio_set", "times", "sysinfo", "uname", "getcpu", "getrandom", "prctl", "capget", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigpending", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "sigaltstack", "signalfd4", "pause",
    /* workers go on to take more away from themselves */
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", NULL};

/* What is allowed only so. clone3, whose flags a filter cannot see, is missing: the C library then uses clone. */
static const struct sandbox_call conditions[] = {
    {"clone", 0, SPACES, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_WRITE | PROT_EXEC, PROT_EXEC}, /* libraries, kernels; never both */
    {"socket", 0, UINT64_MAX, AF_INET},
    {"socket", 0, UINT64_MAX, AF_INET6},
    {"socket", 0, UINT64_MAX, AF_UNIX},
    {"ioctl", 1, UINT32_MAX, TCGETS}, /* isatty() */
    {"ioctl", 1, UINT32_MAX, TIOCGWINSZ},
    {"ioctl", 1, UINT32_MAX, FIONREAD},
    {"ioctl", 1, UINT32_MAX, FIONBIO},
    {"ioctl", 1, UINT32_MAX, SIOCOUTQ},
};

/* After the beginning. */
static const char *const no_more[] = {"socket", "bind", "listen", "connect", NULL};

static unsigned held;
static bool wanted;

unsigned confine_held(void)
{
    return held;
}

/* The folder that sinter-cc is started from. */
static char *programs_folder(const char *compiler, char *path, size_t size)
{
    if (compiler) {
        snprintf(path, size, "%s", compiler);
        return dirname(path);
    }
    ssize_t n = readlink("/proc/self/exe", path, size - 1);
    path[n > 0 ? n : 0] = 0;
    return dirname(path);
}

static const char *temporary_folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

/* Reads everything that its user may; writes its own folders; executes nothing that it could have written. Folders and
 * not files: an upgrade of the compiler puts another file in the place of the one that was there at our start. */
static unsigned confine_files(const struct settings *s)
{
    enum { ALL = SANDBOX_READ | SANDBOX_WRITE, RUN = SANDBOX_READ | SANDBOX_EXECUTE };
    char path[4096];
    const struct sandbox_path paths[] = {
        {"/", SANDBOX_READ},     {"/usr", RUN},
        {"/bin", RUN},           {"/lib", RUN},
        {"/lib64", RUN},         {programs_folder(s->engine.compiler_path, path, sizeof path), RUN},
        {"/dev/null", ALL},      {s->store, ALL},
        {s->api.spool_dir, ALL}, {temporary_folder(), ALL},
        {"/tmp", ALL},           {"/var/tmp", ALL},
    };
    return sandbox_files(paths, sizeof paths / sizeof *paths, 0);
}

bool confine_early(const struct settings *s)
{
    enum sandbox_mode mode = s->engine.sandbox;
    char text[SANDBOX_TEXT];
    const struct sandbox_calls calls = {
        .allowed = allowed, .conditions = conditions, .n_conditions = sizeof conditions / sizeof *conditions};
    wanted = mode != SANDBOX_OFF && sandbox_possible();
    if (wanted) {
        held = sandbox_harden();
        held |= confine_files(s);
        held |= sandbox_filter(&calls) ? SANDBOX_CALLS : 0u;
    }
    sandbox_parts_text(held, text, sizeof text);
    bool enough = (held & SANDBOX_NEEDED) == SANDBOX_NEEDED;
    if (mode == SANDBOX_REQUIRE && !enough) {
        log_event(LEVEL_ERROR, "sandbox", "this system's kernel cannot confine the server: it limits %s only", text);
        return false;
    }
    log_event(mode == SANDBOX_AUTO && !enough ? LEVEL_WARN : LEVEL_INFO, "sandbox", "the server's sandbox limits: %s%s",
              text, mode == SANDBOX_OFF ? ": it is switched off" : "");
    return true;
}

void confine_late(void)
{
    const struct sandbox_calls calls = {.refused = no_more, .others = OTHERS_ALLOWED, .all_threads = true};
    if (!wanted || !(held & SANDBOX_CALLS))
        return;
    if (sandbox_filter(&calls))
        held |= SANDBOX_NETWORK;
    else
        log_event(LEVEL_WARN, "sandbox", "sockets can still be made: %s", strerror(errno));
}
