/* See sandbox.h. Landlock is spoken to by its system calls: the C library has none for it. */
#include "jit/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#endif

enum { SET_MDWE = 65, MDWE_REFUSE_EXEC_GAIN = 1 }; /* <linux/prctl.h> of Linux 6.3 */

const char *const sandbox_deadly[] = {"ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "process_madvise",
                                      "pidfd_getfd",
                                      "kcmp",
                                      "perf_event_open",
                                      "bpf",
                                      "userfaultfd",
                                      "io_uring_setup",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "add_key",
                                      "request_key",
                                      "keyctl",
                                      "mount",
                                      "umount2",
                                      "move_mount",
                                      "open_tree",
                                      "fsopen",
                                      "fsmount",
                                      "fsconfig",
                                      "fspick",
                                      "mount_setattr",
                                      "pivot_root",
                                      "chroot",
                                      "setns",
                                      "unshare",
                                      "open_by_handle_at",
                                      "name_to_handle_at",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "reboot",
                                      "swapon",
                                      "swapoff",
                                      "acct",
                                      "quotactl",
                                      "iopl",
                                      "ioperm",
                                      "modify_ldt",
                                      "settimeofday",
                                      "clock_settime",
                                      "clock_adjtime",
                                      "adjtimex",
                                      "syslog",
                                      "vhangup",
                                      "fanotify_init",
                                      "lookup_dcookie",
                                      NULL};

/* Words */

static const char *const mode_names[] = {"off", "auto", "require"};

enum sandbox_mode sandbox_mode_of(const char *text)
{
    for (int i = SANDBOX_OFF; text && i <= SANDBOX_REQUIRE; i++)
        if (strcmp(text, mode_names[i]) == 0)
            return (enum sandbox_mode)i;
    return SANDBOX_AUTO;
}

const char *sandbox_mode_name(enum sandbox_mode mode)
{
    return mode_names[mode];
}

char *sandbox_parts_text(unsigned parts, char *ret, size_t size)
{
    static const char *const names[] = {"privileges", "memory", "calls", "files", "network", "signals"};
    size_t n = 0;
    snprintf(ret, size, "nothing");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (parts & 1u << i && n < size)
            n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? ", " : "", names[i]);
    return ret;
}

bool sandbox_possible(void)
{
#ifdef SANITIZED
    return false;
#else
    return true;
#endif
}

unsigned sandbox_harden(void)
{
    unsigned held = 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        held |= SANDBOX_PRIVILEGES;
    if (prctl(SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0)
        held |= SANDBOX_MEMORY;
    return held;
}

/* Files */

/* The system's header may be older than its kernel. */
enum {
    TRUNCATE_BIT = 14,
    IOCTL_BIT = 15,
    SCOPE_ABSTRACT_SOCKETS = 1,
    SCOPE_SIGNALS = 2,
    NET_BIND = 1,
    NET_CONNECT = 2
};
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_IOCTL = 5, ABI_SCOPE = 6 };
struct ruleset {
    uint64_t files, net, scoped;
};

static const uint64_t file_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t file_write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | 1ull << TRUNCATE_BIT;
/* What a rule may name where its path is no folder. */
static const uint64_t of_a_file = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                  LANDLOCK_ACCESS_FS_WRITE_FILE | 1ull << TRUNCATE_BIT | 1ull << IOCTL_BIT;

static uint64_t files_of(long abi)
{
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    all |= abi >= ABI_REFER ? LANDLOCK_ACCESS_FS_REFER : 0;
    all |= abi >= ABI_TRUNCATE ? 1ull << TRUNCATE_BIT : 0;
    return abi >= ABI_IOCTL ? all | 1ull << IOCTL_BIT : all;
}

static bool allow(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
    struct stat st;
    int fd = p->path ? open(p->path, O_PATH | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fd < 0;
    uint64_t rights = (p->rights & SANDBOX_READ ? file_read : 0) | (p->rights & SANDBOX_WRITE ? file_write : 0) |
                      (p->rights & SANDBOX_EXECUTE ? LANDLOCK_ACCESS_FS_EXECUTE : 0);
    rights &= S_ISDIR(st.st_mode) ? handled : handled & of_a_file;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return failed == 0;
}

unsigned sandbox_files(const struct sandbox_path *paths, size_t n, unsigned scope)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return 0;
    struct ruleset r = {.files = files_of(abi)};
    if (scope & SANDBOX_ALONE) {
        r.net = abi >= ABI_NET ? NET_BIND | NET_CONNECT : 0;
        r.scoped = abi >= ABI_SCOPE ? SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS : 0;
    }
    /* An older kernel takes a longer structure as long as what it does not know is zero. */
    int fd = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof r, 0);
    if (fd < 0)
        return 0;
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good = allow(fd, &paths[i], r.files) && good;
    good = good && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close(fd);
    if (!good)
        return 0;
    return SANDBOX_FILES | (r.net ? SANDBOX_NETWORK : 0u) | (r.scoped ? SANDBOX_SIGNALS : 0u);
}

/* System calls */

static bool add(scmp_filter_ctx c, uint32_t action, const char *name)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return true;
    int error = seccomp_rule_add(c, action, call, 0);
    return error == 0 || error == -EACCES; /* the default anyway */
}

static bool add_all(scmp_filter_ctx c, uint32_t action, const char *const *names)
{
    bool good = true;
    for (; names && *names; names++)
        good = add(c, action, *names) && good;
    return good;
}

static bool add_condition(scmp_filter_ctx c, const struct sandbox_call *k)
{
    int call = seccomp_syscall_resolve_name(k->name);
    if (call == __NR_SCMP_ERROR)
        return true;
    return seccomp_rule_add(c, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(k->argument, SCMP_CMP_MASKED_EQ, k->mask, k->value)) ==
           0;
}

static scmp_filter_ctx filter_of(const struct sandbox_calls *calls)
{
    static const uint32_t others[] = {[OTHERS_MISSING] = SCMP_ACT_ERRNO(ENOSYS),
                                      [OTHERS_DEADLY] = SCMP_ACT_KILL_PROCESS,
                                      [OTHERS_ALLOWED] = SCMP_ACT_ALLOW};
    scmp_filter_ctx c = seccomp_init(others[calls->others]);
    if (!c)
        return NULL;
    bool good = seccomp_attr_set(c, SCMP_FLTATR_CTL_NNP, 1) == 0 &&
                seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, calls->all_threads) == 0 &&
                add_all(c, SCMP_ACT_ALLOW, calls->allowed) && add_all(c, SCMP_ACT_ERRNO(EPERM), calls->refused) &&
                add_all(c, SCMP_ACT_KILL_PROCESS, calls->deadly);
    for (size_t i = 0; i < calls->n_conditions; i++)
        good = add_condition(c, &calls->conditions[i]) && good;
    if (good)
        return c;
    seccomp_release(c);
    return NULL;
}

bool sandbox_filter(const struct sandbox_calls *calls)
{
    scmp_filter_ctx c = filter_of(calls);
    if (!c)
        return false;
    bool good = seccomp_load(c) == 0;
    seccomp_release(c);
    return good;
}

bool sandbox_program_make(const struct sandbox_calls *calls, struct sandbox_program *ret)
{
    scmp_filter_ctx c = filter_of(calls);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    struct stat st;
    struct sandbox_program p = {0};
    bool good = c && fd >= 0 && seccomp_export_bpf(c, fd) == 0 && fstat(fd, &st) == 0;
    if (good) {
        size_t size = (size_t)st.st_size;
        p.filters = malloc(size);
        p.n = (unsigned short)(size / 8);
        good = p.filters && pread(fd, p.filters, size, 0) == (ssize_t)size;
    }
    if (fd >= 0)
        close(fd);
    if (c)
        seccomp_release(c);
    if (good)
        *ret = p;
    else
        free(p.filters);
    return good;
}

bool sandbox_program_enter(const struct sandbox_program *p)
{
    struct {
        unsigned short n;
        void *filters;
    } program = {p->n, p->filters}; /* struct sock_fprog */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
