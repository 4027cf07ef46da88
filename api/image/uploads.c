/* See uploads.h. */
#include "api/image/uploads.h"

#include "api/load/admission.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/etag.h"
#include "api/room.h"
#include "core/text.h"

static int by_name(const void *a, const void *b)
{
    const struct image_in *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void take_parts(struct multipart *parts, struct uploads *u)
{
    for (size_t i = 0; i < parts->n; i++) {
        struct multipart_part *part = &parts->parts[i];
        if (part->taken)
            continue;
        part->taken = true;
        u->files[u->n++] = (struct image_in){.name = part->name, .data = part->data, .size = part->size};
    }
    qsort(u->files, u->n, sizeof *u->files, by_name);
}

static struct image_in *find(const struct uploads *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (!strcmp(u->files[i].name, name))
            return &u->files[i];
    return NULL;
}

/* The name of `names` that was most likely meant, as the end of a sentence. */
static const char *guess(struct arena *a, const char *name, const char *const *names)
{
    const char *near = nearest_name(name, names);
    return near ? arena_printf(a, "; did you mean %.60s?", near) : "";
}

static const char *const *file_names(struct arena *a, const struct uploads *u)
{
    const char **names = ARENA_ARRAY(a, u->n + 1, const char *);
    for (size_t i = 0; i < u->n; i++)
        names[i] = u->files[i].name;
    return names;
}

static enum status bad_option(struct fields *f, const char *image, const char *option, const char *why)
{
    struct arena *a = f->ex->arena;
    const char *pointer = request_pointer(a, "/images/", image);
    if (option)
        pointer = request_pointer(a, arena_printf(a, "%s/", pointer), option);
    f->failed = true;
    return fault_add(&f->ex->fault, STATUS_BAD_FIELD, pointer, 0, "%s", why);
}

static enum status read_count(struct fields *f, const char *image, const struct datum *value, double most,
                              uint32_t *ret)
{
    double v = value->kind == DATUM_NUMBER ? value->number : 0;
    if (!(v >= 1 && v <= most && v == floor(v)))
        return bad_option(f, image, value->key,
                          arena_printf(f->ex->arena, "%s must be a whole number of 1 to %.0f", value->key, most));
    *ret = (uint32_t)v;
    return STATUS_OK;
}

static enum status read_option(struct fields *f, const char *image, const struct datum *d, struct image_options *o)
{
    static const char *const names[] = {"width", "height", "channels", "decode", NULL};
    if (!strcmp(d->key, "width"))
        return read_count(f, image, d, 1 << 24, &o->width);
    if (!strcmp(d->key, "height"))
        return read_count(f, image, d, 1 << 24, &o->height);
    if (!strcmp(d->key, "channels"))
        return read_count(f, image, d, 4, &o->channels);
    if (strcmp(d->key, "decode") != 0)
        return bad_option(f, image, d->key,
                          arena_printf(f->ex->arena,
                                       "an image has width, height and channels (of raw floats) and "
                                       "decode, not \"%.60s\"%s",
                                       d->key, guess(f->ex->arena, d->key, names)));
    o->srgb = d->kind == DATUM_STRING && !strcmp(d->string, "srgb");
    if (!o->srgb && (d->kind != DATUM_STRING || strcmp(d->string, "none") != 0))
        return bad_option(f, image, d->key, "decode is \"none\" or \"srgb\"");
    return STATUS_OK;
}

static void read_options(struct fields *f, const struct uploads *u, const struct datum *of)
{
    struct image_in *file = find(u, of->key);
    struct image_options options = {0};
    if (!file) {
        bad_option(f, of->key, NULL,
                   arena_printf(f->ex->arena, "no image of this name is sent along%s",
                                guess(f->ex->arena, of->key, file_names(f->ex->arena, u))));
        return;
    }
    if (of->kind != DATUM_OBJECT) {
        bad_option(f, of->key, NULL, "what is to be known of an image is an object");
        return;
    }
    for (size_t i = 0; i < of->n; i++)
        if (read_option(f, of->key, &of->items[i], &options) != STATUS_OK)
            return;
    int sizes = !!options.width + !!options.height + !!options.channels;
    if (sizes % 3)
        bad_option(f, of->key, NULL, "raw floats need all of width, height and channels");
    else
        file->options = options;
}

static const char *make_tag(struct arena *a, const struct uploads *u)
{
    struct text t = {.arena = a};
    for (size_t i = 0; i < u->n; i++) {
        const struct image_in *f = &u->files[i];
        char hash[ETAG_HASH];
        etag_hash(f->data, f->size, hash);
        text_addf(&t, "%zu:%s %s %u %u %u %d;", strlen(f->name), f->name, hash, f->options.width, f->options.height,
                  f->options.channels, f->options.srgb);
    }
    return t.n ? t.s : "";
}

void uploads_read(struct fields *f, struct multipart *parts, struct uploads *ret)
{
    const struct field *field = fields_find(f, "images");
    *ret = (struct uploads){0};
    ret->files = ARENA_ARRAY(f->ex->arena, parts ? parts->n + 1 : 1, struct image_in);
    if (parts)
        take_parts(parts, ret);
    if (field && !field->value)
        fields_fault(f, "images", "images come with POST /render, as multipart/form-data");
    else if (field && field->value->kind != DATUM_OBJECT)
        fields_fault(f, "images", "images must be an object: what is to be known of each image, by its name");
    else if (field)
        for (size_t i = 0; i < field->value->n; i++)
            read_options(f, ret, &field->value->items[i]);
    ret->tag = make_tag(f->ex->arena, ret);
}

/* Where an expression names a string; 0: nowhere. */
static int column_of(const struct expr *e, const char *name)
{
    if (e->kind == EXPR_STRING && !strcmp(e->name, name))
        return e->column;
    for (size_t i = 0; i < e->n_args; i++) {
        int column = column_of(e->args[i], name);
        if (column)
            return column;
    }
    return 0;
}

const char *uploads_where(struct exchange *ex, const struct graph *g, const char *name, int *ret_column)
{
    *ret_column = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        for (size_t k = 0; k < g->nodes[i].n_inputs; k++) {
            const struct graph_input *in = &g->nodes[i].inputs[k];
            if (in->shape && in->shape->kind == DATUM_STRING && !strcmp(in->shape->string, name))
                return g->nodes[i].pointer;
            if (in->expr && (*ret_column = column_of(in->expr, name)))
                return in->pointer;
        }
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        if ((*ret_column = column_of(g->outputs[i], name)))
            return g->output_is_list ? arena_printf(ex->arena, "/output/%zu", i) : "/output";
    return "";
}

static void fault_missing(struct exchange *ex, const struct uploads *u, struct subject *s, const char *name)
{
    int column;
    size_t before = ex->fault.count;
    const char *pointer = uploads_where(ex, s->graph, name, &column);
    if (u->n)
        fault_add(&ex->fault, STATUS_BAD_FIELD, pointer, column, "no image \"%.60s\" is sent along%s", name,
                  guess(ex->arena, name, file_names(ex->arena, u)));
    else
        fault_add(
            &ex->fault, STATUS_BAD_FIELD, pointer, column,
            "this graph reads the image \"%.60s\": POST /render as multipart/form-data, the JSON of the request in "
            "a part named request, the image in a part named %.60s",
            name, name);
    subject_move_faults(ex, before, s);
}

static const char *const *image_names(struct arena *a, const struct ir *ir)
{
    const char **names = ARENA_ARRAY(a, ir->n_images + 1, const char *);
    for (size_t i = 0; i < ir->n_images; i++)
        names[i] = ir->images[i].name;
    return names;
}

enum status uploads_match(struct exchange *ex, const struct uploads *u, struct subject *s, const struct program *p)
{
    const char *const *names = image_names(ex->arena, p->ir);
    for (size_t i = 0; names[i]; i++) {
        if (find(u, names[i]))
            continue;
        TRY(subject_load(ex, s));
        fault_missing(ex, u, s, names[i]);
    }
    for (size_t i = 0; i < u->n; i++) {
        const char *const *at = names;
        while (*at && strcmp(*at, u->files[i].name) != 0)
            at++;
        if (!*at)
            fault_add(&ex->fault, STATUS_BAD_FIELD, request_pointer(ex->arena, "/images/", u->files[i].name), 0,
                      "the graph reads no image \"%.60s\"%s", u->files[i].name,
                      guess(ex->arena, u->files[i].name, names));
    }
    return ex->fault.status;
}

enum status uploads_decode(struct exchange *ex, const struct uploads *u, const struct program *p,
                           const struct kernel_image **ret_images)
{
    uint32_t n = p->ir->n_images;
    struct image_head *heads = ARENA_ARRAY(ex->arena, n + 1u, struct image_head);
    struct kernel_image *images = ARENA_ARRAY(ex->arena, n + 1u, struct kernel_image);
    uint64_t bytes = 0, scratch = 0, most = ex->api->config.max_image_bytes;
    for (uint32_t i = 0; i < n; i++) {
        TRY(image_head(ex, find(u, p->ir->images[i].name), &heads[i]));
        bytes += image_bytes(&heads[i]);
        scratch = heads[i].scratch > scratch ? heads[i].scratch : scratch;
        if (bytes > most || scratch > most - bytes)
            return fault_limit(&ex->fault, "max-image-bytes",
                               request_pointer(ex->arena, "/images/", p->ir->images[i].name),
                               "with this image the request's take %.0f bytes decoded, more than %llu",
                               (double)bytes + (double)scratch, (unsigned long long)most);
    }
    TRY(admission_hold(ex, bytes + scratch));
    for (uint32_t i = 0; i < n; i++) {
        void *planes;
        enum status alive = exchange_alive(ex, 0);
        if (alive != STATUS_OK)
            return exchange_ended(ex, alive);
        TRY(exchange_memory(ex, image_bytes(&heads[i]), &planes));
        TRY(image_decode(ex, find(u, p->ir->images[i].name), &heads[i], planes));
        images[i] = (struct kernel_image){planes, (int32_t)heads[i].width, (int32_t)heads[i].height};
    }
    *ret_images = images;
    return STATUS_OK;
}
