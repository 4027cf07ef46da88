/* A process' memory, as /proc/PID/status tells it. */
#ifndef TESTS_SUPPORT_RSS_H
#define TESTS_SUPPORT_RSS_H

#include <sys/types.h>

/* KiB of a row: "VmRSS" is what it is now, "VmHWM" the most it has been. Fails the test when there is none. */
long rss_kb(pid_t pid, const char *row);

#endif
