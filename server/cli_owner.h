/* Whose store it is. */
#ifndef SERVER_CLI_OWNER_H
#define SERVER_CLI_OWNER_H

#include <stdbool.h>

/* Root, for a folder of somebody else: that somebody, or the reason stands on stderr. Others stay who they are. What
 * runs afterwards must not execute what lies there, for it still finds its way through closed folders. */
bool cli_become_owner(const char *dir);

/* Root, and the folder is somebody else's? The reason to refuse stands on stderr. */
bool cli_is_of_other(const char *dir);

#endif
