/* See quarantine.h. The file has a line a suspect: key, marks, crashes, signal, time. It is replaced whole or not at
 * all; a line that is none is left out. */
#include "jit/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct quarantine {
    char path[4096];
    struct suspect *suspects; /* QUARANTINE_MAX */
    bool *again;              /* by suspect: marked at this start */
    uint32_t n;
};

bool suspect_is_held(const struct suspect *s, int64_t now)
{
    return s->crashes > 0 || (s->marks >= QUARANTINE_MARKS && now < s->at + QUARANTINE_S);
}

static bool read_key(const char *hex, uint8_t ret_key[HASH_SIZE])
{
    char back[HASH_HEX];
    for (int i = 0; i < HASH_SIZE; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return false;
        ret_key[i] = (uint8_t)byte;
    }
    hash_hex(ret_key, back);
    return strcmp(back, hex) == 0;
}

static void read_file(struct quarantine *q)
{
    char line[200], hex[HASH_HEX];
    FILE *f = fopen(q->path, "re");
    while (f && q->n < QUARANTINE_MAX && fgets(line, sizeof line, f)) {
        struct suspect s = {0};
        if (sscanf(line, "%40s %" SCNu32 " %" SCNu32 " %d %" SCNd64, hex, &s.marks, &s.crashes, &s.signal, &s.at) ==
                5 &&
            read_key(hex, s.key))
            q->suspects[q->n++] = s;
    }
    if (f)
        fclose(f);
}

struct quarantine *quarantine_open(const char *dir)
{
    struct quarantine *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    snprintf(q->path, sizeof q->path, "%s/quarantine", dir);
    q->suspects = calloc(QUARANTINE_MAX, sizeof *q->suspects);
    q->again = calloc(QUARANTINE_MAX, sizeof *q->again);
    if (!q->suspects || !q->again) {
        quarantine_free(q);
        return NULL;
    }
    read_file(q);
    return q;
}

void quarantine_free(struct quarantine *q)
{
    if (!q)
        return;
    free(q->suspects);
    free(q->again);
    free(q);
}

static uint32_t find(const struct quarantine *q, const uint8_t key[HASH_SIZE])
{
    uint32_t i = 0;
    while (i < q->n && memcmp(q->suspects[i].key, key, HASH_SIZE) != 0)
        i++;
    return i;
}

void quarantine_note(struct quarantine *q, const struct marked *m, int64_t now)
{
    uint32_t i = find(q, m->key);
    if (i == QUARANTINE_MAX)
        return;
    struct suspect *s = &q->suspects[i];
    if (i == q->n) {
        *s = (struct suspect){0};
        memcpy(s->key, m->key, HASH_SIZE);
        q->again[q->n++] = false;
    }
    s->marks += !m->signal && !q->again[i]; /* several threads: one start */
    s->crashes += m->signal != 0;
    s->signal = m->signal ? m->signal : s->signal;
    s->at = now;
    q->again[i] = true;
}

static void forget(struct quarantine *q, uint32_t i)
{
    q->suspects[i] = q->suspects[--q->n];
    q->again[i] = q->again[q->n];
}

void quarantine_noted(struct quarantine *q, int64_t now)
{
    for (uint32_t i = q->n; i-- > 0;) {
        struct suspect *s = &q->suspects[i];
        if (q->again[i] || (!s->crashes && suspect_is_held(s, now)))
            continue;
        s->marks = 0;
        if (!s->crashes)
            forget(q, i);
    }
    memset(q->again, 0, QUARANTINE_MAX * sizeof *q->again);
}

bool quarantine_write(const struct quarantine *q)
{
    char fresh[sizeof q->path + 16], hex[HASH_HEX];
    snprintf(fresh, sizeof fresh, "%s.new", q->path);
    if (q->n == 0)
        return unlink(q->path) == 0 || errno == ENOENT;
    FILE *f = fopen(fresh, "we");
    if (!f)
        return false;
    for (uint32_t i = 0; i < q->n; i++) {
        const struct suspect *s = &q->suspects[i];
        hash_hex(s->key, hex);
        fprintf(f, "%s %" PRIu32 " %" PRIu32 " %d %" PRId64 "\n", hex, s->marks, s->crashes, s->signal, s->at);
    }
    bool good = fflush(f) == 0 && fsync(fileno(f)) == 0;
    good = fclose(f) == 0 && good;
    return good && rename(fresh, q->path) == 0;
}

bool quarantine_holds(const struct quarantine *q, const uint8_t key[HASH_SIZE], int64_t now)
{
    uint32_t i = find(q, key);
    return i < q->n && suspect_is_held(&q->suspects[i], now);
}

uint32_t quarantine_count(const struct quarantine *q, int64_t now)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < q->n; i++)
        held += suspect_is_held(&q->suspects[i], now);
    return held;
}

const struct suspect *quarantine_list(const struct quarantine *q, uint32_t *ret_n)
{
    *ret_n = q->n;
    return q->suspects;
}

bool quarantine_release(struct quarantine *q, const uint8_t key[HASH_SIZE])
{
    uint32_t i = find(q, key);
    if (i == q->n)
        return false;
    forget(q, i);
    return true;
}
