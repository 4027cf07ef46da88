/* Which graph a request is about, and its program. */
#ifndef API_SUBJECT_H
#define API_SUBJECT_H

#include "api/request.h"
#include "api/runner.h"

struct subject {
    char id[GRAPH_ID_SIZE];
    const char *pointer; /* where faults of the graph point: "/graph", "/graph_id", "/expr", "" */
    bool is_expr;
    struct graph *graph;   /* NULL while only the id is known */
    const char *canonical; /* with the graph */
};

/* From `graph`, `graph_id` or `expr`, exactly one of them. By id nothing is looked up yet. */
enum status subject_read(struct fields *f, struct subject *ret) MUST_CHECK;
/* From a datum that is the graph itself; its faults are prefixed by `pointer`. */
enum status subject_from_datum(struct exchange *ex, const struct datum *root, const char *pointer,
                               struct subject *ret) MUST_CHECK;

/* Loads the graph of an id that was stored; NOT_FOUND. No work when it is there. */
enum status subject_load(struct exchange *ex, struct subject *s) MUST_CHECK;

/* Is lowering it likely to be quick? */
bool subject_is_small(const struct subject *s);
double subject_predict_us(const struct subject *s); /* what lowering it may take */
/* In memory already: no parsing, no lowering. NULL: not. The caller gives it back. */
struct program *subject_known(struct exchange *ex, const struct subject *s, struct layout layout);
enum status subject_program(struct exchange *ex, struct subject *s, struct layout layout,
                            struct program **ret) MUST_CHECK;

/* Faults from number `from` on point into the graph; makes them point into the request, which has it somewhere. */
void subject_move_faults(struct exchange *ex, size_t from, const struct subject *s);

/* Literals against the sample rate; remembered by id and rate. */
enum status subject_check_rate(struct exchange *ex, struct subject *s, double rate) MUST_CHECK;

/* Values by the program's order: defaults, and what the request gives. */
enum status subject_params(struct exchange *ex, const struct program *p, const struct param_values *given,
                           const double **ret_params) MUST_CHECK;

/* What can be said of the subject and the given parameters without lowering the graph; answers 204. */
enum status subject_check(struct exchange *ex, struct subject *s, const struct param_values *given) MUST_CHECK;

#endif
