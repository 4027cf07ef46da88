/* labels: api */
/* The reference of the nodes in docs/nodes, as `sinter docs` last wrote it: whole, true and small. Where it is not, run
 * `./dev docs` and look at what changed. */
#include "tests/support.h"

#include <dirent.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/docs.h"

#define DIR_NODES "docs/nodes"

enum { BYTES_MAX = 6000000, SAME = 3 /* of 255: sin and log of another libm may round another way */ };

static struct cli cli;
static struct docs docs;

static int make(void **state)
{
    (void)state;
    return cli_open(&cli, "none", 0) && docs_make(&cli, "docs/showcase.txt", &docs) ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    cli_close(&cli);
    return 0;
}

static char *read_written(const struct docs_file *f, size_t *ret_n)
{
    char *bytes = cli_read(&cli, arena_printf(cli.arena, DIR_NODES "/%s", f->path), ret_n);
    if (!bytes)
        fail_msg("%s is not there: run ./dev docs", f->path);
    return bytes;
}

/* How often a node has a heading. */
static int headings_of(const char *name, const char *page)
{
    int count = 0;
    for (const char *p = page; (p = strstr(p, "\n## ")) != NULL;) {
        p += 4;
        const char **names;
        size_t n = words_split(cli.arena, arena_strndup(cli.arena, p, strcspn(p, "\n")), ", ", &names);
        for (size_t i = 0; i < n; i++)
            count += !strcmp(names[i], name);
    }
    return count;
}

static void every_node_is_on_one_page(void **state)
{
    (void)state;
    struct text all = {.arena = cli.arena};
    for (size_t i = 0; i < docs.n; i++) {
        size_t n;
        if (docs.files[i].picture.data || !strcmp(docs.files[i].path, "README.md"))
            continue;
        text_add(&all, read_written(&docs.files[i], &n));
    }
    for (size_t i = 0; i < node_count(); i++)
        if (headings_of(node_at(i)->name, all.s) != 1)
            fail_msg("%s has %d headings in " DIR_NODES ": run ./dev docs", node_at(i)->name,
                     headings_of(node_at(i)->name, all.s));
    assert_int_equal(docs.nodes, node_count());
}

/* Each picture shows something, and each changed parameter something else. */
static void every_node_is_shown(void **state)
{
    (void)state;
    assert_int_equal(docs.faults, 0);
}

static void pages_say_what_the_rows_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < docs.n; i++) {
        const struct docs_file *f = &docs.files[i];
        size_t n;
        if (f->picture.data)
            continue;
        char *written = read_written(f, &n);
        if (n != f->n || memcmp(written, f->bytes, n) != 0)
            fail_msg("%s is not what the rows say now: run ./dev docs", f->path);
    }
}

static void compare_picture(const struct docs_file *f, const void *png, size_t png_size)
{
    const struct raster *r = &f->picture;
    size_t n, bytes = (size_t)r->width * r->height * 3;
    uint8_t *pixels = malloc(bytes);
    spng_ctx *ctx = spng_ctx_new(0);
    struct spng_ihdr head;
    spng_set_png_buffer(ctx, png, png_size);
    if (spng_get_ihdr(ctx, &head) || head.width != r->width || head.height != r->height)
        fail_msg("%s has another size: run ./dev docs", f->path);
    assert_int_equal(spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &n), 0);
    assert_int_equal(n, bytes);
    assert_int_equal(spng_decode_image(ctx, pixels, n, SPNG_FMT_RGB8, 0), 0);
    for (size_t i = 0; i < n; i++) {
        int now = r->data[i / 3 * r->channels + (r->channels == 3 ? i % 3 : 0)];
        if (abs(now - pixels[i]) > SAME)
            fail_msg("%s at (%zu, %zu) is %d, drawn now %d: run ./dev docs", f->path, i / 3 % r->width,
                     i / 3 / r->width, pixels[i], now);
    }
    spng_ctx_free(ctx);
    free(pixels);
}

static void pictures_show_what_the_nodes_do(void **state)
{
    (void)state;
    size_t sum = 0;
    for (size_t i = 0; i < docs.n; i++) {
        size_t n;
        if (!docs.files[i].picture.data)
            continue;
        char *png = read_written(&docs.files[i], &n);
        compare_picture(&docs.files[i], png, n);
        sum += n;
    }
    assert_true(sum > 0 && sum < BYTES_MAX);
}

static bool is_made(const char *path)
{
    for (size_t i = 0; i < docs.n; i++)
        if (!strcmp(docs.files[i].path, path))
            return true;
    return false;
}

static void nothing_old_is_left(void **state)
{
    (void)state;
    static const char *const below[] = {"", "pictures/"};
    for (size_t i = 0; i < 2; i++) {
        DIR *dir = opendir(arena_printf(cli.arena, DIR_NODES "/%s", below[i]));
        assert_non_null(dir);
        for (struct dirent *d; (d = readdir(dir)) != NULL;) {
            const char *path = arena_printf(cli.arena, "%s%s", below[i], d->d_name);
            if (strchr(d->d_name, '.') > d->d_name && !is_made(path))
                fail_msg(DIR_NODES "/%s belongs to no node any more: remove it", path);
        }
        closedir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_is_on_one_page),   cmocka_unit_test(every_node_is_shown),
        cmocka_unit_test(pages_say_what_the_rows_say), cmocka_unit_test(pictures_show_what_the_nodes_do),
        cmocka_unit_test(nothing_old_is_left),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
