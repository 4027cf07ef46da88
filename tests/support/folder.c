/* See folder.h. */
#include "tests/support/folder.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

static bool make(char ret_path[FOLDER_PATH], const char *pattern)
{
    strcpy(ret_path, pattern);
    return mkdtemp(ret_path) != NULL;
}

void folder_make(char ret_path[FOLDER_PATH])
{
    if (!make(ret_path, "/tmp/sinter-test-XXXXXX"))
        fail_msg("no folder can be made in /tmp");
}

void folder_make_in_memory(char ret_path[FOLDER_PATH])
{
    if (!make(ret_path, "/dev/shm/sinter-test-XXXXXX"))
        folder_make(ret_path);
}

void folder_remove(const char *path)
{
    char command[2 * FOLDER_PATH + 32];
    snprintf(command, sizeof command, "chmod -R u+rwX %s; rm -r %s", path, path);
    assert_int_equal(system(command), 0);
}
