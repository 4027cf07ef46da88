/* See tar.h. */
#include "api/bytes/tar.h"

#include <assert.h>
#include <string.h>

/* Octal digits, a NUL behind them. */
static void put_octal(uint8_t *to, size_t field, uint64_t v)
{
    to[field - 1] = 0;
    for (size_t i = field - 1; i-- > 0; v >>= 3)
        to[i] = (uint8_t)('0' + (v & 7));
}

static void put_text(uint8_t *to, const char *s)
{
    while (*s)
        *to++ = (uint8_t)*s++;
}

void tar_head(const char *name, uint64_t size, uint8_t ret[TAR_BLOCK])
{
    uint32_t sum = 0;
    assert(strlen(name) <= TAR_NAME_MOST && size <= TAR_SIZE_MOST);
    memset(ret, 0, TAR_BLOCK);
    put_text(ret, name);
    put_octal(ret + 100, 8, 0644);
    put_octal(ret + 108, 8, 0); /* user */
    put_octal(ret + 116, 8, 0); /* group */
    put_octal(ret + 124, 12, size);
    put_octal(ret + 136, 12, 0); /* time */
    put_text(ret + 156, "0");    /* a regular file */
    put_text(ret + 257, "ustar");
    put_text(ret + 263, "00");
    put_octal(ret + 329, 8, 0); /* device */
    put_octal(ret + 337, 8, 0);
    memset(ret + 148, ' ', 8); /* the checksum counts itself as blanks */
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += ret[i];
    put_octal(ret + 148, 7, sum);
}

size_t tar_padding(uint64_t size)
{
    return (size_t)(-size % TAR_BLOCK);
}
