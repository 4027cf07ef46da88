/* Files of keys: a line each, words with blanks between them, comments from '#' on. What the words mean is for keys.c
 * and signing.c. */
#ifndef API_SECRET_FILE_H
#define API_SECRET_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/fault.h"

enum { SECRET_WORDS = 8, SECRET_NAME_SIZE = 49, SECRET_DAY_SIZE = 11 };

struct secret_line {
    int number; /* in the file, from 1 */
    size_t n_words;
    char *words[SECRET_WORDS];
};

/* Lines without words are left out. The arena must have a guard; it holds the file's whole text. */
enum status secret_file_read(const char *path, struct arena *a, struct secret_line **ret_lines, size_t *ret_n,
                             struct fault *fault) MUST_CHECK;

/* An object that a file of keys becomes, in an arena of its own that it keeps; `read` makes it there. Where that fails
 * nothing is left. libsodium is ready then. */
typedef enum status secret_object_reader(const char *path, struct arena *a, void **ret_object, struct fault *fault);
enum status secret_object_read(const char *path, secret_object_reader *read, void **ret_object,
                               struct fault *fault) MUST_CHECK;

/* 1 to 48 of A-Z a-z 0-9 _ - */
bool secret_name_is_sound(const char *name);
/* "2027-01-31": its first second in UTC. */
bool secret_day(const char *text, int64_t *ret_unix);
void secret_day_text(int64_t unix_s, char ret[SECRET_DAY_SIZE]);

#endif
