/* See cage.h. The lists are what `strace -f` shows of gcc 12 and of `as`, with what other versions of the C library
 * would use in its place. */
#include "jit/cc/cage.h"

#include <asm/ioctls.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>

#define SPACES                                                                                                         \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const char *const allowed[] = {"read",
                                      "write",
                                      "readv",
                                      "writev",
                                      "pread64",
                                      "pwrite64",
                                      "lseek",
                                      "close",
                                      "close_range",
                                      "open",
                                      "openat",
                                      "creat",
                                      "stat",
                                      "fstat",
                                      "lstat",
                                      "newfstatat",
                                      "statx",
                                      "access",
                                      "faccessat",
                                      "faccessat2",
                                      "readlink",
                                      "readlinkat",
                                      "getcwd",
                                      "getdents64",
                                      "mkdir",
                                      "mkdirat",
                                      "rmdir",
                                      "unlink",
                                      "unlinkat",
                                      "rename",
                                      "renameat",
                                      "renameat2",
                                      "chmod",
                                      "fchmod",
                                      "fchmodat",
                                      "umask",
                                      "ftruncate",
                                      "truncate",
                                      "fcntl",
                                      "dup",
                                      "dup2",
                                      "dup3",
                                      "pipe",
                                      "pipe2",
                                      "poll",
                                      "munmap",
                                      "mremap",
                                      "madvise",
                                      "brk",
                                      "memfd_create",
                                      "rt_sigaction",
                                      "rt_sigprocmask",
                                      "rt_sigreturn",
                                      "sigaltstack",
                                      "futex",
                                      "set_robust_list",
                                      "get_robust_list",
                                      "rseq",
                                      "set_tid_address",
                                      "arch_prctl",
                                      "exit",
                                      "exit_group",
                                      "execve",
                                      "vfork",
                                      "wait4",
                                      "waitid",
                                      "getpid",
                                      "getppid",
                                      "gettid",
                                      "getpgrp",
                                      "getuid",
                                      "geteuid",
                                      "getgid",
                                      "getegid",
                                      "getrusage",
                                      "getrlimit",
                                      "setrlimit",
                                      "times",
                                      "sysinfo",
                                      "uname",
                                      "getrandom",
                                      "clock_gettime",
                                      "clock_getres",
                                      "gettimeofday",
                                      "time",
                                      "nanosleep",
                                      "clock_nanosleep",
                                      "sched_yield",
                                      "sched_getaffinity",
                                      "restart_syscall",
                                      "seccomp",
                                      NULL};

static const char *const refused[] = {"socket",      "socketpair",  "connect",
                                      "bind",        "listen",      "accept",
                                      "accept4",     "sendto",      "sendmsg",
                                      "sendmmsg",    "recvfrom",    "recvmsg",
                                      "recvmmsg",    "kill",        "tkill",
                                      "setsid",      "setpgid",     "setuid",
                                      "setgid",      "setreuid",    "setregid",
                                      "setresuid",   "setresgid",   "setgroups",
                                      "capset",      "prctl",       "execveat",
                                      "link",        "linkat",      "symlink",
                                      "symlinkat",   "mknod",       "mknodat",
                                      "chown",       "fchown",      "lchown",
                                      "fchownat",    "setxattr",    "sched_setscheduler",
                                      "setpriority", "personality", NULL};

/* What is allowed only so. clone3, whose flags a filter cannot see, is unknown here: the C library uses clone. */
static const struct sandbox_call conditions[] = {
    {"clone", 0, SPACES, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_WRITE | PROT_EXEC, PROT_EXEC}, /* libraries, kernels; never both */
    {"prlimit64", 0, UINT64_MAX, 0},                /* our own */
    {"tgkill", 2, UINT64_MAX, SIGABRT},             /* abort() */
    {"ioctl", 1, UINT64_MAX, TCGETS},               /* isatty() */
};

static const char *const sealed[] = {
    "munmap",     "madvise",        "brk",           "mremap",          "futex", "exit",
    "exit_group", "rt_sigprocmask", "rt_sigreturn",  "set_robust_list", "rseq",  "gettid",
    "getpid",     "sched_yield",    "clock_gettime", "restart_syscall", NULL};
static const struct sandbox_call sealed_conditions[] = {
    {"mprotect", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_EXEC, 0},
    {"tgkill", 2, UINT64_MAX, SIGABRT},
};

static struct sandbox_program seal;

unsigned cage_enter(const char *dir)
{
    const struct sandbox_path paths[] = {
        {"/usr", SANDBOX_READ},
        {"/lib", SANDBOX_READ},
        {"/lib64", SANDBOX_READ},
        {"/etc/ld.so.cache", SANDBOX_READ},
        {"/usr/bin/as", SANDBOX_READ | SANDBOX_EXECUTE},
        {"/bin/as", SANDBOX_READ | SANDBOX_EXECUTE},
        {"/lib64/ld-linux-x86-64.so.2", SANDBOX_READ | SANDBOX_EXECUTE},
        {"/dev/null", SANDBOX_READ | SANDBOX_WRITE},
        {dir, SANDBOX_READ | SANDBOX_WRITE},
    };
    const struct sandbox_calls calls = {.allowed = allowed,
                                        .refused = refused,
                                        .deadly = sandbox_deadly,
                                        .conditions = conditions,
                                        .n_conditions = sizeof conditions / sizeof *conditions};
    const struct sandbox_calls inner = {.allowed = sealed,
                                        .conditions = sealed_conditions,
                                        .n_conditions = sizeof sealed_conditions / sizeof *sealed_conditions,
                                        .others = OTHERS_DEADLY};
    if (!sandbox_possible())
        return 0;
    unsigned held = sandbox_harden();
    held |= sandbox_files(paths, sizeof paths / sizeof *paths, SANDBOX_ALONE);
    if (sandbox_program_make(&inner, &seal) && sandbox_filter(&calls))
        held |= SANDBOX_CALLS;
    return held;
}

bool cage_seal_thread(void)
{
    return !seal.filters || sandbox_program_enter(&seal);
}
