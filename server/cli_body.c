/* A request's body with images, sounds, impulse responses: multipart/form-data, as a client would send it. */
#include <stdio.h>
#include <string.h>

#include "server/cli.h"

/* A line that stands in none of the files. */
static const char *choose_boundary(struct arena *a, const void *const *files, const size_t *sizes, int n)
{
    for (unsigned k = 0;; k++) {
        const char *boundary = arena_printf(a, "sinter-%u", k);
        bool found = false;
        for (int i = 0; i < n && !found; i++)
            found = memmem(files[i], sizes[i], boundary, strlen(boundary)) != NULL;
        if (!found)
            return boundary;
    }
}

static void add_part(struct text *t, const char *boundary, const char *name, const char *type, const void *data,
                     size_t n)
{
    text_addf(t, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n", boundary, name);
    if (type)
        text_addf(t, "Content-Type: %s\r\n", type);
    text_add(t, "\r\n");
    text_add_n(t, data, n);
    text_add(t, "\r\n");
}

bool cli_body(struct cli *c, const struct cli_args *args, const char *json, struct cli_body *ret)
{
    const void *files[sizeof args->images / sizeof *args->images + 1] = {json};
    size_t sizes[sizeof files / sizeof *files] = {strlen(json)};
    *ret = (struct cli_body){"application/json", json, sizes[0]};
    for (int i = 0; i < args->n_images; i++) {
        const struct cli_image *image = &args->images[i];
        sizes[i + 1] = image->size;
        files[i + 1] = image->data ? image->data : cli_read(c, image->path, &sizes[i + 1]);
        if (!files[i + 1])
            return false;
        if (strpbrk(args->images[i].name, "\"\r\n")) {
            fprintf(stderr, "sinter: a file's name in a request has no quotes, not %s\n", args->images[i].name);
            return false;
        }
    }
    if (!args->n_images)
        return true;
    const char *boundary = choose_boundary(c->arena, files, sizes, args->n_images + 1);
    struct text t = {.arena = c->arena};
    add_part(&t, boundary, "request", NULL, json, sizes[0]);
    for (int i = 0; i < args->n_images; i++)
        add_part(&t, boundary, args->images[i].name, args->images[i].type, files[i + 1], sizes[i + 1]);
    text_addf(&t, "--%s--\r\n", boundary);
    *ret = (struct cli_body){arena_printf(c->arena, "multipart/form-data; boundary=%s", boundary), t.s, t.n};
    return true;
}
