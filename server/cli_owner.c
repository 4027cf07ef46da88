/* An operator looks at a service's store, as root: in as the folder's owner, so that what is written there stays
 * readable to the service and its key counts as ours. The right to search folders is kept, because systemd hides the
 * stores of its services in one that is root's alone. */
#include "server/cli_owner.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_of_other(const char *dir, struct stat *ret_st)
{
    return geteuid() == 0 && stat(dir, ret_st) == 0 && ret_st->st_uid != 0;
}

/* Where it may not be had, files that lie open are found all the same. */
static void keep_search(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    data[0].permitted = data[0].effective = 1u << CAP_DAC_READ_SEARCH;
    if (syscall(SYS_capset, &header, data) != 0) {
        data[0].permitted = data[0].effective = 0;
        (void)syscall(SYS_capset, &header, data);
    }
}

bool cli_become_owner(const char *dir)
{
    struct stat st;
    if (!is_of_other(dir, &st))
        return true;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
        setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 || setresuid(st.st_uid, st.st_uid, st.st_uid) != 0) {
        fprintf(stderr, "sinter: cannot become user %u, whose store %s is: %s\n", st.st_uid, dir, strerror(errno));
        return false;
    }
    keep_search();
    return true;
}

bool cli_is_of_other(const char *dir)
{
    struct stat st;
    if (!is_of_other(dir, &st))
        return false;
    fprintf(stderr,
            "sinter: %s is user %u's, and root does not run what another user compiled: run this as that user\n", dir,
            st.st_uid);
    return true;
}
