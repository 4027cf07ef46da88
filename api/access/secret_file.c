/* See secret_file.h. */
#include "api/access/secret_file.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILE_MOST = 16 << 20 };

static enum status cannot_read(const char *path, int error, struct fault *fault)
{
    fault_add(fault, STATUS_BAD_FIELD, "", 0, "cannot read %s: %s", path, strerror(error));
    return STATUS_BAD_FIELD;
}

static enum status read_whole(const char *path, struct arena *a, char **ret_text, struct fault *fault)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return cannot_read(path, errno, fault);
    size_t n = 0, room = 4096;
    char *text = malloc(room);
    while (text && n < FILE_MOST) {
        n += fread(text + n, 1, room - 1 - n, f);
        if (n + 1 < room)
            break;
        char *larger = realloc(text, room *= 2);
        if (!larger)
            free(text);
        text = larger;
    }
    int error = !text ? ENOMEM : ferror(f) ? EIO : n >= FILE_MOST ? EFBIG : memchr(text, 0, n) ? EILSEQ : 0;
    fclose(f);
    if (!error)
        *ret_text = arena_strndup(a, text, n);
    free(text);
    return error ? cannot_read(path, error, fault) : STATUS_OK;
}

/* In place. False: too many words. */
static bool split(char *text, struct secret_line *line)
{
    static const char blanks[] = " \t\r";
    text[strcspn(text, "#")] = 0;
    line->n_words = 0;
    for (char *at = text + strspn(text, blanks); *at; at += strspn(at, blanks)) {
        if (line->n_words == SECRET_WORDS)
            return false;
        line->words[line->n_words++] = at;
        at += strcspn(at, blanks);
        if (*at)
            *at++ = 0;
    }
    return true;
}

enum status secret_file_read(const char *path, struct arena *a, struct secret_line **ret_lines, size_t *ret_n,
                             struct fault *fault)
{
    char *text = NULL;
    TRY(read_whole(path, a, &text, fault));
    size_t count = 1, n = 0;
    for (const char *c = text; *c; c++)
        count += *c == '\n';
    struct secret_line *lines = ARENA_ARRAY(a, count, struct secret_line);
    int number = 0;
    for (char *next; text; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        lines[n].number = ++number;
        if (!split(text, &lines[n]))
            return fault_add(fault, STATUS_BAD_FIELD, "", 0, "%s, line %d: there are more than %d words", path, number,
                             SECRET_WORDS);
        n += lines[n].n_words > 0;
    }
    *ret_lines = lines;
    *ret_n = n;
    return STATUS_OK;
}

bool secret_name_is_sound(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n < SECRET_NAME_SIZE && !name[n];
}

bool secret_day(const char *text, int64_t *ret_unix)
{
    struct tm tm = {0};
    char again[SECRET_DAY_SIZE];
    int end = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3 || text[end])
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t day = timegm(&tm);
    secret_day_text(day, again); /* not the 30th of February */
    if (strcmp(again, text) != 0)
        return false;
    *ret_unix = day;
    return true;
}

void secret_day_text(int64_t unix_s, char ret[SECRET_DAY_SIZE])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(ret, SECRET_DAY_SIZE, "%Y-%m-%d", &tm))
        snprintf(ret, SECRET_DAY_SIZE, "?");
}

enum status secret_object_read(const char *path, secret_object_reader *read, void **ret_object, struct fault *fault)
{
    enum { ARENA_MOST = 64 << 20 };
    struct arena *a = arena_new(ARENA_MOST);
    if (!a || ARENA_GUARD(a)) {
        arena_free(a);
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the keys in %s", path);
    }
    enum status status = sodium_init() < 0
                             ? fault_add(fault, STATUS_INTERNAL, "", 0, "there are no random numbers for libsodium")
                             : read(path, a, ret_object, fault);
    if (status != STATUS_OK)
        arena_free(a);
    return status;
}
