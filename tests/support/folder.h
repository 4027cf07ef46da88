/* A folder of a test's own, gone at its end with all that is in it. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

enum { FOLDER_PATH = 64 };

/* Under /tmp, for its owner only. */
void folder_make(char ret_path[FOLDER_PATH]);
/* In memory where there is /dev/shm: for tests that write much. */
void folder_make_in_memory(char ret_path[FOLDER_PATH]);
/* Whatever its mode is by now. */
void folder_remove(const char *path);

#endif
