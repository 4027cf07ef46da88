/* docs/showcase.txt in memory: the pages of the node reference and how a node is made visible. Settings stand in three
 * scopes, the file's, a page's and a node's; the inner one wins. */
#ifndef SERVER_DOCS_SHOWCASE_H
#define SERVER_DOCS_SHOWCASE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"

struct setting {
    const char *name, *value;
};

struct settings {
    struct setting *items;
    size_t n;
};

enum { SCENE_NUMBERS = 4 };

struct scene {
    const char *mode; /* NULL: the outer scope's */
    double numbers[SCENE_NUMBERS];
    size_t n_numbers;
    const char *show;     /* an expression in which $ is the node; NULL: the outer scope's */
    struct settings args; /* input: its value in every picture */
    struct settings sets; /* input: the values it is changed to, separated by " | "; "-": none */
    struct settings also; /* caption: further templates at the defaults */
};

struct showcase_page {
    const char *name, *title, *intro; /* Markdown */
    const char **rows;                /* the row lists of core/nodes/nodes.def whose names begin so */
    size_t n_rows;
    struct scene scene;
};

struct showcase_node {
    const char **names;
    size_t n_names;
    struct scene scene;
};

struct showcase {
    const char *photo; /* an expression: the picture sent along with nodes that read one */
    struct scene scene;
    struct showcase_page *pages;
    size_t n_pages;
    struct showcase_node *nodes;
    size_t n_nodes;
};

/* Lives in the arena. False: the line at fault is on stderr. */
bool showcase_read(const char *path, struct arena *a, struct showcase *ret);

/* The page whose row prefix is the longest that fits, or NULL. */
struct showcase_page *showcase_page_of(const struct showcase *s, const char *rows);

/* The scenes of a node's blocks, the last first; at most `most` of them. */
size_t showcase_scenes_of(const struct showcase *s, const char *name, const struct scene **to, size_t most);

/* The value of a name, the last one given, or NULL. */
const char *settings_get(const struct settings *s, const char *name);

/* Cuts at blanks, or at `by`; trims. */
size_t words_split(struct arena *a, const char *text, const char *by, const char ***ret);

#endif
