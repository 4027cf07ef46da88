/* Graphs in data.db: canonical text by id. */
#include <stdlib.h>
#include <string.h>

#include "api/data/data_store_private.h"

struct graph_put {
    struct data_op op;
    const char *id, *canonical;
    bool known;
};

static int put(struct data_store *s, struct data_op *op)
{
    struct graph_put *p = (struct graph_put *)op;
    int64_t found, n = (int64_t)strlen(p->canonical), bytes = DATA_GRAPH_ROOM(n);
    TRY_SQL(data_number(&s->writer, &found, 0, SQL_GRAPH_HAS, "t", p->id));
    p->known = found == 1;
    if (p->known)
        return SQLITE_OK;
    if (s->totals.graphs >= s->config.max_graphs)
        return data_refuse(op, STATUS_LIMIT, "max-graphs",
                           "%lld graphs are stored already (limit max-graphs, set by"
                           " --max-graphs)",
                           (long long)s->totals.graphs);
    if ((uint64_t)(s->totals.graphs_bytes + bytes) > s->config.max_graphs_bytes)
        return data_refuse(op, STATUS_LIMIT, "max-graphs-bytes",
                           "the graphs stored already have %lld bytes, and this"
                           " one %lld (limit max-graphs-bytes, set by --max-graphs-bytes)",
                           (long long)s->totals.graphs_bytes, (long long)bytes);
    TRY_SQL(data_run(&s->writer, SQL_GRAPH_ADD, "tt", p->id, p->canonical));
    s->totals.graphs++;
    s->totals.graphs_bytes += bytes;
    return SQLITE_OK;
}

enum status data_graph_put(struct data_store *s, const char *id, const char *canonical, bool *ret_known,
                           struct fault *fault)
{
    struct graph_put p = {.op.run = put, .id = id, .canonical = canonical};
    TRY(data_submit(s, &p.op, fault));
    *ret_known = p.known;
    return STATUS_OK;
}

enum status data_graph_get(struct data_store *s, const char *id, char **ret_canonical, struct fault *fault)
{
    sqlite3_stmt *row;
    char *text = NULL;
    struct data_reader *r = data_read_begin(s, fault);
    if (!r)
        return STATUS_STORE;
    int rc = data_row(r->conn, &row, SQL_GRAPH_GET, "t", id);
    bool found = rc == SQLITE_ROW;
    if (found)
        text = data_text(row, 0);
    data_end(row);
    TRY(data_read_end(s, r, rc, fault));
    if (found && !text)
        return fault_add(fault, STATUS_NO_MEMORY, "", 0, "no memory for the graph");
    *ret_canonical = text;
    return STATUS_OK;
}
