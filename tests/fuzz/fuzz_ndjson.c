/* libFuzzer: any bytes as the list of items of a job: NDJSON when the first byte is odd, else a JSON array. Items lie
 * in the body and keep their order; an array of sound items is sound JSON, and sound JSON that is an array has sound
 * items. What an item says of itself is read, too.
 *     ./dev fuzz ndjson 60 */
#include <stdlib.h>
#include <string.h>

#include "api/jobs/job_item.h"
#include "api/jobs/job_list.h"
#include "api/json/json_check.h"
#include "api/room.h"
#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ITEMS_MOST = 1000, DEPTH = 64 };

static bool is_sound(const char *text, size_t n, uint32_t depth, struct arena *a)
{
    struct fault fault;
    const struct json_limits limits = {.max_bytes = 1 << 20, .max_depth = depth};
    fault_init(&fault, a);
    return json_check(text, n, &limits, a, &fault) == STATUS_OK;
}

static void read_item(const struct job_text *t, struct arena *a)
{
    struct fault fault;
    struct job_item item;
    fault_init(&fault, a);
    if (job_item_read(t->text, t->n, &host_api(1)->config, a, &item, &fault) != STATUS_OK) {
        host_require(fault.count);
        return;
    }
    host_require(item.path[0] == '/' && item.n_files <= JOB_ITEM_FILES_MAX);
    host_require(!item.id || strlen(item.id) <= JOB_ITEM_ID_MAX);
    for (size_t i = 0; i < item.n_files; i++)
        host_require(strlen(item.files[i].sha256) == 64 && *item.files[i].name);
}

static void check(const char *text, size_t n, bool lines, struct arena *a)
{
    struct fault fault;
    struct job_text *items;
    size_t count, all_sound = 1;
    const char *at = text;
    bool array = !lines && is_sound(text, n, DEPTH + 1, a) && n && text[strspn(text, " \t\r\n")] == '[';
    fault_init(&fault, a);
    if (job_list_split(text, n, lines, ITEMS_MOST, a, &items, &count, &fault) != STATUS_OK) {
        host_require(fault.count && (!array || fault.status != STATUS_BAD_JSON));
        return;
    }
    host_require(count && count <= ITEMS_MOST);
    for (size_t i = 0; i < count; i++) {
        host_require(items[i].text >= at && items[i].text + items[i].n <= text + n);
        host_require(!lines || !memchr(items[i].text, '\n', items[i].n));
        at = items[i].text + items[i].n;
        all_sound &= is_sound(items[i].text, items[i].n, DEPTH, a);
        read_item(&items[i], a);
    }
    if (!lines)
        host_require(all_sound == array);
}

/* Apart from check(), whose variables the way out of a full arena would lose. */
static void check_within(const char *text, size_t n, bool lines, struct arena *a)
{
    if (!ARENA_GUARD(a))
        check(text, n, lines, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(64 << 20);
    char *text = malloc(n + 1);
    host_require(a && text);
    if (n > 1)
        memcpy(text, data + 1, n - 1);
    text[n ? n - 1 : 0] = 0;
    if (n)
        check_within(text, n - 1, data[0] & 1, a);
    free(text);
    arena_free(a);
    return 0;
}
