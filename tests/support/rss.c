/* See rss.h. */
#include "tests/support/rss.h"

#include <stdio.h>
#include <string.h>

#include "tests/support.h"

long rss_kb(pid_t pid, const char *row)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, row, strlen(row)))
            sscanf(line + strlen(row), ": %ld", &kb);
    fclose(f);
    assert_true(kb > 0);
    return kb;
}
