/* What the kernel says about this process; a number it does not say is 0. */
#ifndef SERVER_PROCESS_STATS_H
#define SERVER_PROCESS_STATS_H

struct process_stats {
    double resident_bytes, virtual_bytes, open_fds, max_fds, cpu_seconds, start_seconds;
};
void process_stats(struct process_stats *ret);

#endif
