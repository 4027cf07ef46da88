/* See children.h. */
#include "tests/support/children.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_child(int pid, pid_t parent, const char *name)
{
    char path[64], line[256] = "", want[32], *after;
    int ppid = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    snprintf(want, sizeof want, "(%.15s)", name);
    FILE *f = fopen(path, "r");
    if (f && fgets(line, sizeof line, f) && (after = strrchr(line, ')')))
        sscanf(after + 1, " %*c %d", &ppid);
    if (f)
        fclose(f);
    return ppid == parent && strstr(line, want);
}

size_t children_named(pid_t parent, const char *name, pid_t *ret_pids, size_t max)
{
    size_t n = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *d; proc && n < max && (d = readdir(proc));) {
        int pid = atoi(d->d_name);
        if (pid > 0 && is_child(pid, parent, name))
            ret_pids[n++] = pid;
    }
    if (proc)
        closedir(proc);
    return n;
}
