/* sinter docs: writes the node reference, pages and pictures. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/command.h"
#include "server/docs.h"

static bool make_directory(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "sinter: cannot make %s: %s\n", path, strerror(errno));
    return false;
}

static bool write_all(struct cli *c, const struct docs *docs, const char *dir)
{
    size_t bytes = 0;
    if (!make_directory(dir) || !make_directory(arena_printf(c->arena, "%s/pictures", dir)))
        return false;
    for (size_t i = 0; i < docs->n; i++) {
        const struct docs_file *f = &docs->files[i];
        if (!cli_write(arena_printf(c->arena, "%s/%s", dir, f->path), f->bytes, f->n))
            return false;
        bytes += f->n;
    }
    printf("%zu nodes, %zu files, %.1f MB\n", docs->nodes, docs->n, (double)bytes * 1e-6);
    return true;
}

int command_docs(int argc, char **argv)
{
    struct cli c;
    struct docs docs;
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        fputs("usage: sinter docs DIR [SHOWCASE]\n", stderr);
        return EXIT_USAGE;
    }
    if (!cli_open(&c, "none", 0))
        return EXIT_FAILED;
    bool done = docs_make(&c, argc > 2 ? argv[2] : "docs/showcase.txt", &docs) && write_all(&c, &docs, argv[1]);
    cli_close(&c);
    return done && !docs.faults ? EXIT_DONE : EXIT_FAILED;
}
