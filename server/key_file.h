/* Adds a line to a file that a server may be reading: the file is there whole, before or after. */
#ifndef SERVER_KEY_FILE_H
#define SERVER_KEY_FILE_H

#include <stdbool.h>

#include "core/fault.h"

/* Makes the file (mode 0600) when it is absent; else owner and mode stay. `is_sound` judges the new file before it
 * takes the place of the old one. */
enum status key_file_add(const char *path, const char *line,
                         enum status (*is_sound)(const char *path, struct fault *fault),
                         struct fault *fault) MUST_CHECK;

#endif
