/* Makes all pages and sheets of the node reference in memory, in the order of the vocabulary's rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/docs.h"

#define NODES(rows) extern const struct node_row rows[];
#include "core/nodes/nodes.def"
#undef NODES

static const struct {
    const char *name;
    const struct node_row *rows;
} row_lists[] = {
#define NODES(rows) {#rows, rows},
#include "core/nodes/nodes.def"
#undef NODES
};

enum { NAMES_MAX = 16 };

struct maker {
    struct cli *c;
    struct showcase showcase;
    struct docs_photo photo;
    struct docs *docs;
    const struct showcase_page *page;
    struct text text, index;
    size_t page_nodes;
};

static struct docs_file *add_file(struct maker *m, const char *path, const void *bytes, size_t n)
{
    struct docs *d = m->docs;
    d->files = arena_grow(m->c->arena, d->files, d->n, d->n + 1, sizeof *d->files);
    d->files[d->n] = (struct docs_file){.path = path, .bytes = bytes, .n = n};
    return &d->files[d->n++];
}

static bool add_sheet(struct maker *m, const struct exhibit *e)
{
    struct raster r = sheet_make(m->c->arena, e->tiles, e->n_tiles);
    size_t n;
    uint8_t *png = png_encode(&r, &n);
    if (!png) {
        fputs("sinter: docs: no memory\n", stderr);
        return false;
    }
    void *bytes = memcpy(arena_alloc(m->c->arena, n), png, n);
    free(png);
    add_file(m, arena_printf(m->c->arena, "pictures/%s.png", e->def->name), bytes, n)->picture = r;
    return true;
}

static bool same_pictures(const struct exhibit *a, const struct exhibit *b)
{
    bool same = a->n_tiles > 0 && a->n_tiles == b->n_tiles && !strcmp(a->def->doc, b->def->doc);
    for (size_t i = 0; same && i < a->n_tiles; i++)
        same = !strcmp(a->tiles[i].caption, b->tiles[i].caption) && !tile_difference(&a->tiles[i], &b->tiles[i]);
    return same;
}

static struct exhibit exhibit_of(struct maker *m, const struct node_def *def)
{
    struct exhibit e = {.def = def, .page = m->page, .photo = &m->photo};
    e.n_own = showcase_scenes_of(&m->showcase, def->name, e.scenes, EXHIBIT_SCENES - 2);
    e.n_scenes = e.n_own + 2;
    e.scenes[e.n_own] = &m->page->scene;
    e.scenes[e.n_own + 1] = &m->showcase.scene;
    return e;
}

/* GitHub's anchor of a heading: blanks become dashes, commas vanish. */
static char *anchor(struct arena *a, const char *heading)
{
    char *s = arena_strdup(a, heading), *to = s;
    for (const char *p = s; *p; p++)
        if (*p != ',')
            *to++ = *p == ' ' ? '-' : *p;
    *to = 0;
    return s;
}

static void close_section(struct maker *m, const struct exhibit *e, const char *const *names, size_t n_names)
{
    char *heading = docs_heading(m->c->arena, names, n_names);
    docs_section(&m->text, e, names, n_names);
    for (size_t i = 0; i < n_names; i++)
        text_addf(&m->index, "%s[%s](%s.md#%s)", m->page_nodes + i ? " · " : "", names[i], m->page->name,
                  anchor(m->c->arena, heading));
    m->page_nodes += n_names;
    if (e->n_tiles && !add_sheet(m, e))
        m->docs->faults++;
}

/* The names of one row: those that look alike share a section. */
static void add_row(struct maker *m, const struct node_row *row)
{
    const char **names, *shared[NAMES_MAX];
    struct arena *a = m->c->arena;
    size_t n_names = words_split(a, arena_strndup(a, row->signature, strcspn(row->signature, ":")), " ", &names);
    struct exhibit open = {0};
    size_t n_shared = 0;
    for (size_t i = 0; i < n_names; i++) {
        struct exhibit e = exhibit_of(m, node_by_name(names[i]));
        bool shown = exhibit_shoot(&e, m->c);
        m->docs->faults += !shown;
        m->docs->nodes++;
        if (n_shared && n_shared < NAMES_MAX && same_pictures(&open, &e)) {
            shared[n_shared++] = names[i];
            continue;
        }
        if (n_shared)
            close_section(m, &open, shared, n_shared);
        n_shared = 1;
        shared[0] = names[i];
        open = e;
    }
    if (n_shared)
        close_section(m, &open, shared, n_shared);
}

static void add_page(struct maker *m, const struct showcase_page *page)
{
    m->page = page;
    m->page_nodes = 0;
    m->text = (struct text){.arena = m->c->arena};
    docs_page_head(&m->text, page);
    text_addf(&m->index, "## [%s](%s.md)\n\n", page->title, page->name);
    for (size_t l = 0; l < sizeof row_lists / sizeof *row_lists; l++)
        if (showcase_page_of(&m->showcase, row_lists[l].name) == page)
            for (const struct node_row *row = row_lists[l].rows; row->signature; row++)
                add_row(m, row);
    text_add(&m->index, "\n\n");
    while (m->text.n > 1 && m->text.s[m->text.n - 2] == '\n')
        m->text.n--;
    add_file(m, arena_printf(m->c->arena, "%s.md", page->name), m->text.s, m->text.n);
}

/* No row list without a page, no line of the showcase without a node. */
static void check_whole(struct maker *m)
{
    for (size_t l = 0; l < sizeof row_lists / sizeof *row_lists; l++)
        if (!showcase_page_of(&m->showcase, row_lists[l].name)) {
            fprintf(stderr, "sinter: docs: %s is on no page of the showcase\n", row_lists[l].name);
            m->docs->faults++;
        }
    for (size_t i = 0; i < m->showcase.n_nodes; i++)
        for (size_t k = 0; k < m->showcase.nodes[i].n_names; k++)
            if (!node_by_name(m->showcase.nodes[i].names[k])) {
                fprintf(stderr, "sinter: docs: the showcase has %s, which is no node\n", m->showcase.nodes[i].names[k]);
                m->docs->faults++;
            }
}

bool docs_make(struct cli *c, const char *showcase, struct docs *ret)
{
    struct maker m = {.c = c, .docs = ret, .index = {.arena = c->arena}};
    *ret = (struct docs){0};
    if (!showcase_read(showcase, c->arena, &m.showcase) ||
        (m.showcase.photo && !docs_photo_take(&m.photo, m.showcase.photo, c)))
        return false;
    text_add(&m.index,
             "# Nodes\n\nEvery operation of the graph language, with pictures of it at its defaults and after "
             "changing each parameter. Written by\n`./dev docs` from the same tables that the server runs "
             "on; a test holds them to it.\n\n");
    for (size_t p = 0; p < m.showcase.n_pages; p++)
        add_page(&m, &m.showcase.pages[p]);
    check_whole(&m);
    add_file(&m, "README.md", m.index.s, m.index.n - 1);
    return true;
}
