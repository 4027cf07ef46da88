/* Reads docs/showcase.txt: a keyword a line, the rest of the line its argument. The file's head explains the keywords.
 * Does not look at the vocabulary. */
#include "server/docs_showcase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

struct reader {
    struct arena *arena;
    const char *path;
    int line;
    struct showcase *to;
    struct scene *scene;        /* the one that lines go into */
    struct showcase_page *page; /* or NULL */
};

size_t words_split(struct arena *a, const char *text, const char *by, const char ***ret)
{
    const char **words = NULL;
    size_t n = 0;
    for (const char *from = text; from;) {
        const char *end = strstr(from, by), *next = end ? end + strlen(by) : NULL;
        if (!end)
            end = from + strlen(from);
        while (from < end && *from == ' ')
            from++;
        while (end > from && end[-1] == ' ')
            end--;
        if (end > from) {
            words = arena_grow(a, words, n, n + 1, sizeof *words);
            words[n++] = arena_strndup(a, from, (size_t)(end - from));
        }
        from = next;
    }
    *ret = words;
    return n;
}

const char *settings_get(const struct settings *s, const char *name)
{
    for (size_t i = s->n; i-- > 0;)
        if (!strcmp(s->items[i].name, name))
            return s->items[i].value;
    return NULL;
}

/* "NAME VALUE", NAME ending at the first `by`. */
static bool add_setting(struct reader *r, struct settings *to, const char *text, const char *by)
{
    const char *cut = strstr(text, by);
    if (!cut || !cut[strlen(by)])
        return false;
    to->items = arena_grow(r->arena, to->items, to->n, to->n + 1, sizeof *to->items);
    to->items[to->n++] = (struct setting){.name = arena_strndup(r->arena, text, (size_t)(cut - text)),
                                          .value = arena_strdup(r->arena, cut + strlen(by))};
    return true;
}

/* Several settings, between " ;; ". */
static bool add_settings(struct reader *r, struct settings *to, const char *text)
{
    const char **each;
    size_t n = words_split(r->arena, text, " ;; ", &each);
    bool good = n > 0;
    for (size_t i = 0; i < n; i++)
        good = add_setting(r, to, each[i], " ") && good;
    return good;
}

static bool take_page(struct reader *r, const char *text)
{
    struct showcase *s = r->to;
    const char *cut = strchr(text, ' ');
    if (!cut)
        return false;
    s->pages = arena_grow(r->arena, s->pages, s->n_pages, s->n_pages + 1, sizeof *s->pages);
    r->page = &s->pages[s->n_pages++];
    *r->page = (struct showcase_page){.name = arena_strndup(r->arena, text, (size_t)(cut - text)),
                                      .title = arena_strdup(r->arena, cut + 1),
                                      .intro = ""};
    r->scene = &r->page->scene;
    return true;
}

static bool take_node(struct reader *r, const char *text)
{
    struct showcase *s = r->to;
    s->nodes = arena_grow(r->arena, s->nodes, s->n_nodes, s->n_nodes + 1, sizeof *s->nodes);
    struct showcase_node *node = &s->nodes[s->n_nodes++];
    *node = (struct showcase_node){0};
    node->n_names = words_split(r->arena, text, " ", &node->names);
    r->scene = &node->scene;
    return node->n_names > 0;
}

static bool take_mode(struct reader *r, const char *text)
{
    const char **words;
    size_t n = words_split(r->arena, text, " ", &words);
    if (n < 1 || n > 1 + SCENE_NUMBERS)
        return false;
    r->scene->mode = words[0];
    for (size_t i = 1; i < n; i++) {
        char *end;
        r->scene->numbers[i - 1] = strtod(words[i], &end);
        if (*end)
            return false;
    }
    r->scene->n_numbers = n - 1;
    return true;
}

static bool take_intro(struct reader *r, const char *text)
{
    if (!r->page || r->scene != &r->page->scene)
        return false;
    r->page->intro = arena_printf(r->arena, "%s%s\n", r->page->intro, text);
    return true;
}

static bool take_line(struct reader *r, const char *word, const char *rest)
{
    if (!strcmp(word, "page"))
        return take_page(r, rest);
    if (!strcmp(word, "node"))
        return take_node(r, rest);
    if (!strcmp(word, "mode"))
        return take_mode(r, rest);
    if (!strcmp(word, "|"))
        return take_intro(r, rest);
    if (!strcmp(word, "show"))
        return *(r->scene->show = arena_strdup(r->arena, rest));
    if (!strcmp(word, "arg"))
        return add_settings(r, &r->scene->args, rest);
    if (!strcmp(word, "set"))
        return add_settings(r, &r->scene->sets, rest);
    if (!strcmp(word, "also"))
        return add_setting(r, &r->scene->also, rest, " : ");
    if (!strcmp(word, "photo"))
        return *(r->to->photo = arena_strdup(r->arena, rest));
    if (!strcmp(word, "rows") && r->page)
        return (r->page->n_rows = words_split(r->arena, rest, " ", &r->page->rows)) > 0;
    return false;
}

bool showcase_read(const char *path, struct arena *a, struct showcase *ret)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    bool good = f != NULL;
    *ret = (struct showcase){0};
    struct reader r = {.arena = a, .path = path, .to = ret, .scene = &ret->scene};
    if (!f)
        fprintf(stderr, "sinter: cannot open %s\n", path);
    for (ssize_t n; good && (n = getline(&line, &size, f)) >= 0;) {
        r.line++;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' '))
            line[--n] = 0;
        char *rest = strchr(line, ' ');
        if (rest)
            *rest++ = 0;
        good = !*line || *line == '#' || take_line(&r, line, rest ? rest : "");
        if (!good)
            fprintf(stderr, "sinter: %s:%d: this line is not understood\n", path, r.line);
    }
    free(line);
    if (f)
        fclose(f);
    return good;
}

struct showcase_page *showcase_page_of(const struct showcase *s, const char *rows)
{
    struct showcase_page *best = NULL;
    size_t longest = 0;
    for (size_t p = 0; p < s->n_pages; p++)
        for (size_t i = 0; i < s->pages[p].n_rows; i++) {
            size_t n = strlen(s->pages[p].rows[i]);
            if (n > longest && !strncmp(rows, s->pages[p].rows[i], n)) {
                longest = n;
                best = &s->pages[p];
            }
        }
    return best;
}

size_t showcase_scenes_of(const struct showcase *s, const char *name, const struct scene **to, size_t most)
{
    size_t n = 0;
    for (size_t i = s->n_nodes; i-- > 0;)
        for (size_t k = 0; k < s->nodes[i].n_names && n < most; k++)
            if (!strcmp(s->nodes[i].names[k], name))
                to[n++] = &s->nodes[i].scene;
    return n;
}
