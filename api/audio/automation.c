/* See automation.h. */
#include "api/audio/automation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/audio/block_state.h"
#include "api/json/json.h"
#include "api/json/json_write.h"
#include "api/room.h"

bool automation_init(struct automation *a, uint32_t n_params, const double *values)
{
    *a = (struct automation){.n_params = n_params};
    a->values = malloc((n_params + 1u) * sizeof *a->values);
    a->ramps = calloc(n_params + 1u, sizeof *a->ramps);
    if (!a->values || !a->ramps) {
        automation_done(a);
        return false;
    }
    if (n_params)
        memcpy(a->values, values, n_params * sizeof *values);
    return true;
}

void automation_done(struct automation *a)
{
    free(a->values);
    free(a->ramps);
    free(a->changes);
    *a = (struct automation){0};
}

bool automation_copy(const struct automation *from, struct automation *ret)
{
    struct automation copy;
    if (!automation_init(&copy, from->n_params, from->values))
        return false;
    memcpy(copy.ramps, from->ramps, from->n_params * sizeof *from->ramps);
    if (!automation_add(&copy, from->changes, from->n)) {
        automation_done(&copy);
        return false;
    }
    *ret = copy;
    return true;
}

static bool reserve(struct automation *a, size_t n)
{
    if (n <= a->capacity)
        return true;
    size_t capacity = n < 8 ? 8 : n * 2;
    struct automation_change *changes = realloc(a->changes, capacity * sizeof *changes);
    if (!changes)
        return false;
    a->changes = changes;
    a->capacity = capacity;
    return true;
}

bool automation_add(struct automation *a, const struct automation_change *rows, size_t n)
{
    if (!reserve(a, a->n + n))
        return false;
    for (size_t to = a->n + n, i = a->n, k = n; k;)
        a->changes[--to] = i && a->changes[i - 1].at > rows[k - 1].at ? a->changes[--i] : rows[--k];
    a->n += n;
    return true;
}

/* True while it lasts. */
static bool ramp_step(struct automation_ramp *r, uint64_t n, double *value)
{
    if (!r->frames)
        return false;
    if (n - r->at >= r->frames) {
        *value = r->to;
        r->frames = 0;
        return false;
    }
    *value = r->from + (r->to - r->from) * ((double)(n - r->at) / (double)r->frames);
    return true;
}

static void begin_change(struct automation *a, const struct automation_change *c)
{
    double *value = &a->values[c->param];
    a->ramps[c->param] = (struct automation_ramp){.from = *value, .to = c->value, .at = c->at, .frames = c->frames};
    if (!c->frames)
        *value = c->value;
}

uint32_t automation_step(struct automation *a, uint64_t n, uint32_t most)
{
    bool moves = false;
    size_t due = 0;
    for (uint32_t i = 0; i < a->n_params; i++)
        moves |= ramp_step(&a->ramps[i], n, &a->values[i]);
    for (; due < a->n && a->changes[due].at <= n; due++)
        begin_change(a, &a->changes[due]);
    for (size_t i = 0; i < due; i++)
        moves |= a->changes[i].frames > 0;
    a->n -= due;
    if (due)
        memmove(a->changes, a->changes + due, a->n * sizeof *a->changes);
    if (moves)
        return 1;
    return a->n && a->changes[0].at - n < most ? (uint32_t)(a->changes[0].at - n) : most;
}

double automation_predict_us(const struct automation *a, uint64_t n0, uint64_t frames)
{
    static const double call_us = 0.5;
    double samples = 0;
    for (uint32_t i = 0; i < a->n_params; i++)
        samples += (double)a->ramps[i].frames;
    for (size_t i = 0; i < a->n; i++)
        samples += a->changes[i].at < n0 + frames ? (double)a->changes[i].frames : 0;
    return fmin(samples, (double)frames) * call_us;
}

/* Reading */

struct reader {
    struct fields *fields;
    const struct program *program;
    double rate;
    uint64_t now;
    const char *pointer; /* of the row, or of what holds values by name */
    const bool *sizers;  /* by parameter */
};

__attribute__((format(printf, 4, 5))) static bool wrong(struct reader *r, enum status status, const char *member,
                                                        const char *format, ...)
{
    struct exchange *ex = r->fields->ex;
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(ex->arena, format, ap);
    va_end(ap);
    const char *prefix = arena_printf(ex->arena, "%s%s", r->pointer, member ? "/" : "");
    r->fields->failed = true;
    fault_add(&ex->fault, status, member ? request_pointer(ex->arena, prefix, member) : prefix, 0, "%s", detail);
    return false;
}

static bool find_param(struct reader *r, const char *member, const char *name, uint32_t *ret)
{
    const struct program *p = r->program;
    struct arena *a = r->fields->ex->arena;
    const char **names = ARENA_ARRAY(a, p->n_params + 1, const char *);
    for (uint32_t i = 0; i < p->n_params; i++) {
        names[i] = p->params[i].name;
        if (strcmp(names[i], name) != 0)
            continue;
        if (r->sizers[i])
            return wrong(r, STATUS_BAD_FIELD, member,
                         "%.60s says how long a delay line is, so it stays what it was when the stream began", name);
        *ret = i;
        return true;
    }
    const char *near = nearest_name(name, names);
    return wrong(r, STATUS_BAD_FIELD, member, "the graph has no parameter \"%.60s\"%s%s%s", name,
                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool read_value(struct reader *r, const char *member, const struct datum *d, struct automation_change *row)
{
    const struct graph_param *param = &r->program->params[row->param];
    if (d->kind != DATUM_NUMBER)
        return wrong(r, STATUS_BAD_FIELD, member, "a parameter must be a number");
    if (!(d->number >= param->min && d->number <= param->max))
        return wrong(r, STATUS_BAD_FIELD, member, "%.9g is outside of %.9g .. %.9g", d->number, param->min, param->max);
    row->value = d->number;
    return true;
}

static bool read_at(struct reader *r, const struct datum *d, struct automation_change *row)
{
    row->at = r->now;
    if (!d)
        return true;
    if (d->kind != DATUM_NUMBER || d->number != floor(d->number) || !(d->number >= 0 && d->number <= 0x1p53))
        return wrong(r, STATUS_BAD_FIELD, "at", "at must be the index of a sample of the stream, from 0");
    row->at = (uint64_t)d->number;
    if (row->at < r->now)
        return wrong(r, STATUS_CONFLICT, "at", "sample %llu is made already, or being made; the next one is %llu",
                     (unsigned long long)row->at, (unsigned long long)r->now);
    return true;
}

static bool read_ramp(struct reader *r, const struct datum *seconds, const struct datum *frames,
                      struct automation_change *row)
{
    const struct datum *d = seconds ? seconds : frames;
    const char *member = seconds ? "ramp" : "ramp_frames";
    if (!d)
        return true;
    if (seconds && frames)
        return wrong(r, STATUS_BAD_FIELD, "ramp_frames", "a ramp's length is in seconds (ramp) or in frames, not both");
    if (seconds && r->rate <= 0)
        return wrong(r, STATUS_BAD_FIELD, member, "seconds need a rate; ramp_frames does not");
    double length = d->kind == DATUM_NUMBER ? seconds ? floor(d->number * r->rate + 0.5) : d->number : -1;
    if (length != floor(length) || !(length >= 0 && length <= 0x1p53))
        return wrong(r, STATUS_BAD_FIELD, member, "%s",
                     seconds ? "ramp must be a number of seconds, at least 0"
                             : "ramp_frames must be a whole number, at least 0");
    row->frames = (uint64_t)length;
    return true;
}

static bool read_row(struct reader *r, const struct datum *d, struct automation_change *row)
{
    static const char *const members[] = {"param", "value", "at", "ramp", "ramp_frames", NULL};
    enum { PARAM, VALUE, AT, RAMP, RAMP_FRAMES, MEMBERS };
    const struct datum *given[MEMBERS] = {0};
    if (d->kind != DATUM_OBJECT)
        return wrong(r, STATUS_BAD_FIELD, NULL, "a change must be an object: param, value, at, ramp");
    for (size_t i = 0; i < d->n; i++) {
        int k = 0;
        while (members[k] && strcmp(members[k], d->items[i].key) != 0)
            k++;
        if (!members[k])
            return wrong(r, STATUS_BAD_FIELD, d->items[i].key,
                         "a change has no \"%.60s\"; it has param, value, at, and ramp or ramp_frames",
                         d->items[i].key);
        given[k] = &d->items[i];
    }
    if (!given[PARAM] || given[PARAM]->kind != DATUM_STRING)
        return wrong(r, STATUS_BAD_FIELD, "param", "a change names its parameter");
    if (!given[VALUE])
        return wrong(r, STATUS_BAD_FIELD, "value", "a change has a value");
    return find_param(r, "param", given[PARAM]->string, &row->param) && read_value(r, "value", given[VALUE], row) &&
           read_at(r, given[AT], row) && read_ramp(r, given[RAMP], given[RAMP_FRAMES], row);
}

const char *automation_text(struct fields *f, const char *name)
{
    const struct field *field = fields_find(f, name);
    struct json_writer w;
    if (!field || field->text)
        return field ? field->text : "";
    json_writer_init(&w, f->ex->arena);
    json_datum(&w, NULL, field->value);
    return w.text.s;
}

/* The field's value; NULL with a fault. */
static const struct datum *datum_of(struct fields *f, const char *name, const struct field *field)
{
    const struct api_config *config = &f->ex->api->config;
    struct json_limits limits = {.max_bytes = config->max_json, .max_depth = config->max_json_depth};
    const struct datum *d = field->value;
    struct datum *read = NULL;
    if (field->text) {
        if (json_read(field->text, strlen(field->text), &limits, f->ex->arena, &read, &f->ex->fault) != STATUS_OK)
            return NULL;
        d = read;
    }
    if (d->kind == DATUM_LIST || d->kind == DATUM_OBJECT)
        return d;
    fields_fault(f, name, "%s must be a JSON list of changes, each with param, value, at and ramp", name);
    return NULL;
}

/* By `at`; those of one sample stay as they are. */
static void sort_rows(struct automation_change *rows, struct automation_change *spare, size_t n)
{
    size_t half = n / 2, i = 0, k = half;
    if (n < 2)
        return;
    sort_rows(rows, spare, half);
    sort_rows(rows + half, spare, n - half);
    memcpy(spare, rows, half * sizeof *rows);
    for (size_t to = 0; i < half; to++)
        rows[to] = k < n && rows[k].at < spare[i].at ? rows[k++] : spare[i++];
}

enum status automation_read(struct fields *f, const char *name, const struct program *p, double rate, uint64_t now,
                            struct automation_rows *ret)
{
    struct arena *a = f->ex->arena;
    const struct field *field = fields_find(f, name);
    struct reader r = {.fields = f, .program = p, .rate = rate, .now = now, .pointer = request_pointer(a, "/", name)};
    const char *list_pointer = r.pointer;
    *ret = (struct automation_rows){0};
    if (!field)
        return STATUS_OK;
    const struct datum *d = datum_of(f, name, field);
    if (!d)
        return f->ex->fault.status;
    size_t most = f->ex->api->config.max_changes;
    if (d->n > most)
        return fault_limit(&f->ex->fault, "max-changes", list_pointer, "%zu changes are more than %zu", d->n, most);
    r.sizers = block_state_sizers(p, a);
    ret->list = ARENA_ARRAY(a, d->n + 1, struct automation_change);
    bool good = true;
    for (size_t i = 0; i < d->n; i++) {
        struct automation_change *row = &ret->list[ret->n++];
        const struct datum *item = &d->items[i];
        if (d->kind == DATUM_LIST) {
            r.pointer = arena_printf(a, "%s/%zu", list_pointer, i);
            good &= read_row(&r, item, row);
        } else {
            row->at = now;
            good &= find_param(&r, item->key, item->key, &row->param) && read_value(&r, item->key, item, row);
        }
    }
    sort_rows(ret->list, ARENA_ARRAY(a, ret->n + 1, struct automation_change), ret->n);
    return good ? STATUS_OK : f->ex->fault.status;
}
