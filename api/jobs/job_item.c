/* See job_item.h. */
#include "api/jobs/job_item.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/data/data_store.h"
#include "api/json/json.h"
#include "api/request.h"
#include "api/room.h"

enum { AUDIO_HEAD = 16 };

static const char blob_path[] = "/blobs/";

static bool is_sha256(const char *text)
{
    return strlen(text) == DATA_SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX - 1;
}

static enum status add_file(struct job_item *item, const char *pointer, const char *name, const struct datum *value,
                            struct fault *fault)
{
    const char *path = value->kind == DATUM_STRING ? value->string : "";
    size_t n = sizeof blob_path - 1;
    if (strncmp(path, blob_path, n) != 0 || !is_sha256(path + n))
        return fault_add(fault, STATUS_BAD_FIELD, pointer, 0,
                         "a file is named by its path, /blobs/ and 64 digits 0..9 a..f; POST /blobs answers one");
    if (item->n_files == JOB_ITEM_FILES_MAX)
        return fault_add(fault, STATUS_BAD_FIELD, pointer, 0, "an item has at most %d files", JOB_ITEM_FILES_MAX);
    item->files[item->n_files++] = (struct job_file){name, path + n, pointer};
    return STATUS_OK;
}

static void read_files(const struct datum *files, struct arena *a, struct job_item *item, struct fault *fault)
{
    if (files->kind != DATUM_OBJECT) {
        fault_add(fault, STATUS_BAD_FIELD, "/files", 0, "files must be an object: /blobs/SHA256 by name");
        return;
    }
    for (size_t i = 0; i < files->n; i++) {
        const struct datum *file = &files->items[i];
        const char *pointer = request_pointer(a, "/files/", file->key);
        if (!strcmp(file->key, "audio") || !strcmp(file->key, "request"))
            fault_add(fault, STATUS_BAD_FIELD, pointer, 0, "a file cannot have the name %s%s", file->key,
                      *file->key == 'a' ? "; the audio to process is in the field audio" : "");
        else if (add_file(item, pointer, file->key, file, fault) != STATUS_OK)
            continue;
    }
}

/* It becomes a file's name in a tar. */
static bool is_id(const char *text)
{
    size_t n = strlen(text);
    return n && n <= JOB_ITEM_ID_MAX && *text != '.' && *text != '-' &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static void read_id(const struct datum *id, struct job_item *item, struct fault *fault)
{
    if (id->kind == DATUM_STRING && is_id(id->string))
        item->id = id->string;
    else
        fault_add(fault, STATUS_BAD_FIELD, "/id", 0,
                  "an id has 1 to %d letters, digits, dots, underscores and hyphens, and begins with none of . and -",
                  JOB_ITEM_ID_MAX);
}

static void read_kind(const struct datum *kind, struct job_item *item, struct fault *fault)
{
    const char *text = kind && kind->kind == DATUM_STRING ? kind->string : "";
    if (!strcmp(text, "process"))
        item->path = "/process";
    else if (strcmp(text, "render") != 0)
        fault_add(fault, STATUS_BAD_FIELD, "/kind", 0, "an item says its kind: \"render\" or \"process\"");
}

enum status job_item_read(const char *text, size_t n, const struct api_config *config, struct arena *a,
                          struct job_item *ret, struct fault *fault)
{
    struct json_limits limits = {.max_bytes = config->max_json, .max_depth = config->max_json_depth};
    struct datum *root;
    *ret = (struct job_item){.path = "/render"};
    ret->files = ARENA_ARRAY(a, JOB_ITEM_FILES_MAX, struct job_file);
    TRY(json_read(text, n, &limits, a, &root, fault));
    if (root->kind != DATUM_OBJECT)
        return fault_add(fault, STATUS_BAD_FIELD, "", 0, "an item must be a JSON object");
    read_kind(datum_get(root, "kind"), ret, fault);
    bool renders = *ret->path == '/' && ret->path[1] == 'r';
    for (size_t i = 0; i < root->n; i++) {
        const struct datum *d = &root->items[i];
        if (!strcmp(d->key, "id"))
            read_id(d, ret, fault);
        else if (!strcmp(d->key, "files"))
            read_files(d, a, ret, fault);
        else if (!strcmp(d->key, "audio") && renders)
            fault_add(fault, STATUS_BAD_FIELD, "/audio", 0, "a render has no audio; images are in files");
        else if (!strcmp(d->key, "audio"))
            (void)add_file(ret, "/audio", "audio", d, fault);
    }
    return fault->status;
}

static const char *header(const struct api_request *req, const char *name)
{
    (void)req;
    return strcasecmp(name, "Content-Type") ? NULL : "application/json";
}

static const char *query(const struct api_request *req, const char *name)
{
    (void)req;
    (void)name;
    return NULL;
}

struct api_request job_item_request(const struct job_item *item, const struct api_batch *batch, const char *text,
                                    size_t n)
{
    return (struct api_request){.method = METHOD_POST,
                                .method_name = "POST",
                                .path = item->path,
                                .header = header,
                                .query = query,
                                .body = text,
                                .body_size = n,
                                .client = batch->client,
                                .batch = batch};
}

/* ---- its files ---- */

static enum status find(struct exchange *ex, const struct job_file *f, struct data_bytes *ret)
{
    size_t before = ex->fault.count;
    enum status status = data_blob_find(ex->api->data, ex->client->id, f->sha256, ret, &ex->fault);
    if (status != STATUS_NOT_FOUND)
        return status;
    ex->fault.count = before; /* said so that it helps here */
    ex->fault.status = STATUS_OK;
    return fault_add(&ex->fault, STATUS_BAD_FIELD, f->pointer, 0,
                     "no blob %s of yours is stored here; POST /blobs stores one", f->sha256);
}

static enum status read_bytes(struct exchange *ex, struct data_bytes from, size_t n, void **ret)
{
    void **slot = exchange_defer(ex, free);
    char *to = *slot = malloc(n + 1);
    if (!to)
        return fault_add(&ex->fault, STATUS_NO_MEMORY, "", 0, "no memory for a file of %zu bytes", n);
    for (size_t at = 0, piece; at < n; at += piece) {
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        piece = n - at < DATA_PIECE ? n - at : DATA_PIECE;
        TRY(data_read(ex->api->data, from, at, to + at, piece, &ex->fault));
    }
    *ret = to;
    return STATUS_OK;
}

/* As the parts of a multipart body; until the exchange ends. To be checked only: the first bytes of the audio, nothing
 * of the others. */
static enum status load(struct exchange *ex, struct multipart *parts)
{
    const struct job_item *item = ex->req->batch->item;
    uint64_t all = 0, most = ex->api->config.max_body;
    for (size_t i = 0; i < item->n_files; i++) {
        const struct job_file *f = &item->files[i];
        struct multipart_part *part = &parts->parts[parts->n++];
        struct data_bytes bytes;
        bool audio = !strcmp(f->name, "audio"), checks = exchange_checks_only(ex);
        TRY(find(ex, f, &bytes));
        all += bytes.size;
        if (all > most)
            return fault_limit(&ex->fault, "max-body", f->pointer,
                               "with this file the item's have %llu bytes, more than %llu", (unsigned long long)all,
                               (unsigned long long)most);
        *part = (struct multipart_part){.name = f->name, .type = "", .data = "", .size = (size_t)bytes.size};
        if (checks && !(audio && bytes.size >= AUDIO_HEAD))
            part->size = 0;
        if (!checks || part->size) {
            void *data = NULL;
            TRY(read_bytes(ex, bytes, checks ? AUDIO_HEAD : (size_t)bytes.size, &data));
            part->data = data;
        }
    }
    return STATUS_OK;
}

void job_item_batch(const struct job_item *item, struct api_batch *batch)
{
    batch->item = item;
    batch->load = item->n_files ? load : NULL;
}
