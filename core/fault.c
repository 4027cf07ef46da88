/* See fault.h. */
#include "core/fault.h"

#include <stdint.h>
#include <string.h>

struct status_row {
    const char *slug, *title;
    int http;
};

static const struct status_row rows[STATUS_COUNT] = {
    [STATUS_OK] = {"ok", "OK", 200},
#define STATUS(id, slug, http, title) [STATUS_##id] = {slug, title, http},
#include "core/status.def"
#undef STATUS
};

const char *status_slug(enum status s)
{
    return rows[s].slug;
}

const char *status_title(enum status s)
{
    return rows[s].title;
}

int status_http(enum status s)
{
    return rows[s].http;
}

void fault_init(struct fault *f, struct arena *a)
{
    *f = (struct fault){.arena = a};
}

static void fault_append(struct fault *f, const char *pointer, int column, const char *detail)
{
    if (!f->items)
        f->items = ARENA_ARRAY(f->arena, FAULT_MAX, struct fault_item);
    size_t at = f->count < FAULT_MAX ? f->count : FAULT_MAX - 1;
    f->count++;
    if (f->count > FAULT_MAX)
        f->items[at] =
            (struct fault_item){"", 0, arena_printf(f->arena, "and %zu more errors", f->count - FAULT_MAX + 1)};
    else
        f->items[at] = (struct fault_item){arena_strdup(f->arena, pointer), column, detail};
}

enum status fault_add(struct fault *f, enum status status, const char *pointer, int column, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(f->arena, format, ap);
    va_end(ap);
    if (f->status == STATUS_OK)
        f->status = status;
    fault_append(f, pointer, column, detail);
    return status;
}

enum status fault_limit(struct fault *f, const char *limit, const char *pointer, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(f->arena, format, ap);
    va_end(ap);
    if (f->status == STATUS_OK)
        f->status = STATUS_LIMIT;
    if (!f->limit)
        f->limit = arena_strdup(f->arena, limit);
    const char *origin = strncmp(limit, "max-", 4) ? "which is fixed" : arena_printf(f->arena, "set by --%s", limit);
    fault_append(f, pointer, 0, arena_printf(f->arena, "%s (limit %s, %s)", detail, limit, origin));
    return STATUS_LIMIT;
}

enum { WORD_MAX = 64 };

/* Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours. */
static int edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return INT32_MAX;
    int before[WORD_MAX + 1], above[WORD_MAX + 1], row[WORD_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        above[j] = before[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        memcpy(before, above, sizeof before);
        memcpy(above, row, sizeof above);
    }
    return above[m];
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    int least = 1 + (int)strlen(word) / 3;
    for (; *names; names++) {
        int d = edit_distance(word, *names);
        if (d < least || (d == least && !best)) {
            least = d;
            best = *names;
        }
    }
    return best;
}
