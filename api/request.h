/* Fields of a request, from JSON or from a query, read by type. Readers collect faults (pointer "/name") and go on;
 * fields_end tells whether all was well. A field that is absent leaves the result as it was. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "api/exchange.h"
#include "core/datum.h"

enum field_of {
    FIELD_RENDER = 1,
    FIELD_PROCESS = 2,
    FIELD_EXPLAIN = 4,
    FIELD_STREAM = 8,    /* POST /streams */
    FIELD_BLOCK = 16,    /* POST /streams/{id} */
    FIELD_CHANGE = 32,   /* PATCH /streams/{id} */
    FIELD_SIGNED = 128,  /* of a signed URL; read by access.c */
    FIELD_ITEM = 64,     /* of a job, beside those of its kind */
    FIELD_JOB = 256,     /* GET /jobs/{id} */
    FIELD_RESULTS = 512, /* GET /jobs/{id}/results */
};

struct field_info {
    const char *name;
    unsigned of; /* enum field_of */
    const char *form, *what;
};
const struct field_info *field_info_at(size_t i); /* NULL behind the last */

struct field {
    const char *name;
    const struct datum *value; /* from JSON, or */
    const char *text;          /* from the query */
};

struct fields {
    struct exchange *ex;
    struct field *list;
    size_t n, cap;
    unsigned of;
    bool failed;
};

/* The JSON body's members, as fields. */
enum status fields_from_json(struct exchange *ex, const char *text, size_t n, unsigned of,
                             struct fields *ret) MUST_CHECK;
void fields_from_query(struct exchange *ex, unsigned of, struct fields *ret);

struct field *fields_find(struct fields *f, const char *name); /* NULL when absent */

bool fields_number(struct fields *f, const char *name, double *io); /* finite; true when given and right */
bool fields_count(struct fields *f, const char *name, uint64_t least, uint64_t *io); /* whole, at least `least` */
bool fields_numbers(struct fields *f, const char *name, size_t n, double *io);       /* a list, or a,b,c in a query */
bool fields_text(struct fields *f, const char *name, const char **io);
bool fields_choice(struct fields *f, const char *name, const char *const *choices, int *io); /* NULL-terminated */
bool fields_flag(struct fields *f, const char *name, bool *io);

/* Parameter values: of the `params` object, or param.NAME. */
struct param_value {
    const char *name;
    double value;
};
struct param_values {
    struct param_value *list;
    size_t n;
};
void fields_params(struct fields *f, struct param_values *ret);

/* Faults for a field, from the caller's own checks; NULL: for the request as a whole. */
enum status fields_fault(struct fields *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `prefix`, and the name as RFC 6901 escapes it. */
const char *request_pointer(struct arena *a, const char *prefix, const char *name);

/* Unknown fields become faults; the first fault's status if there was any. */
enum status fields_end(struct fields *f) MUST_CHECK;

#endif
