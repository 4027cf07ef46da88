/* See process_stats.h. */
#include "server/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_memory(struct process_stats *s)
{
    unsigned long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return;
    if (fscanf(f, "%lu %lu", &all, &resident) == 2) {
        double page = (double)sysconf(_SC_PAGESIZE);
        s->virtual_bytes = (double)all * page;
        s->resident_bytes = (double)resident * page;
    }
    fclose(f);
}

static double count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    if (!dir)
        return 0;
    for (const struct dirent *entry; (entry = readdir(dir));)
        n += *entry->d_name != '.';
    closedir(dir);
    return n - 1; /* without the folder's own */
}

/* Field 22 of stat, in ticks since the machine began; the name in parentheses may hold anything. */
static double start_time(void)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *at = strrchr(text, ')');
    unsigned long long ticks = 0;
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                      &ticks) != 1)
        return 0;
    double age = seconds_of(CLOCK_BOOTTIME) - (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return seconds_of(CLOCK_REALTIME) - age;
}

void process_stats(struct process_stats *ret)
{
    struct rlimit limit;
    *ret = (struct process_stats){.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
    read_memory(ret);
    ret->open_fds = count_fds();
    if (!getrlimit(RLIMIT_NOFILE, &limit))
        ret->max_fds = (double)limit.rlim_cur;
    ret->start_seconds = start_time();
}
