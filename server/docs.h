/* The reference of the nodes, made from their rows and docs/showcase.txt: a page a family, a sheet of pictures a node.
 * In memory; `sinter docs` writes it, a test compares it with what is written. */
#ifndef SERVER_DOCS_H
#define SERVER_DOCS_H

#include "core/node.h"
#include "server/cli.h"
#include "server/docs_draw.h"
#include "server/docs_showcase.h"

struct docs_file {
    const char *path; /* below the directory of the reference */
    const void *bytes;
    size_t n;
    struct raster picture; /* of a .png; data NULL: text */
};

struct docs {
    struct docs_file *files;
    size_t n;
    size_t nodes, faults; /* faults were told on stderr: a node that cannot be shown, a picture that shows nothing */
};

/* Lives in the arena of `c`. False: nothing could be made, told on stderr. */
bool docs_make(struct cli *c, const char *showcase, struct docs *ret);

enum { EXHIBIT_SCENES = 8 };

/* A PNG. */
struct docs_photo {
    const char *data;
    size_t n;
};

/* One node to be shown. */

struct exhibit {
    const struct node_def *def;
    const struct showcase_page *page;
    const struct scene *scenes[EXHIBIT_SCENES]; /* the node's, its page's, the file's: the first that says wins */
    size_t n_scenes, n_own;                     /* the node's own come first */
    const struct docs_photo *photo;             /* sent along when the node reads a picture */
    struct tile *tiles;                         /* the first is the default's */
    size_t n_tiles;
};

const char *exhibit_mode(const struct exhibit *e, const double **ret_numbers);
const char *exhibit_show(const struct exhibit *e);
/* The node as a call with the arguments that are not defaults, or as JSON where a list is among them. */
const char *exhibit_call(const struct exhibit *e, struct arena *a);

/* Takes the photo. False: told on stderr. */
bool docs_photo_take(struct docs_photo *ret, const char *expression, struct cli *c);

/* Takes all pictures of a node. False: told on stderr. */
bool exhibit_shoot(struct exhibit *e, struct cli *c);

/* The section of a node (with all names that share its pictures), and the index. */
void docs_section(struct text *to, const struct exhibit *e, const char *const *names, size_t n_names);
void docs_page_head(struct text *to, const struct showcase_page *page);
char *docs_heading(struct arena *a, const char *const *names, size_t n_names);

#endif
