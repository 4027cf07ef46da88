/* See request.h. Requests have few fields, so lists are searched from the front. */
#include "api/request.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/json/json.h"
#include "api/room.h"

static const struct field_info infos[] = {
#define RENDER FIELD_RENDER
#define PROCESS FIELD_PROCESS
#define EXPLAIN FIELD_EXPLAIN
#define STREAM FIELD_STREAM
#define BLOCK FIELD_BLOCK
#define CHANGE FIELD_CHANGE
#define SIGNED FIELD_SIGNED
#define ITEM FIELD_ITEM
#define JOB FIELD_JOB
#define RESULTS FIELD_RESULTS
#define FIELD(name, of, form, what) {name, of, #form, what},
#include "api/fields.def"
#undef FIELD
#undef RENDER
#undef PROCESS
#undef EXPLAIN
#undef STREAM
#undef BLOCK
#undef CHANGE
#undef SIGNED
#undef ITEM
#undef JOB
#undef RESULTS
};

enum { N_INFOS = sizeof infos / sizeof *infos };

const struct field_info *field_info_at(size_t i)
{
    return i < N_INFOS ? &infos[i] : NULL;
}

static void add(struct fields *f, struct field field)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        f->list = arena_grow(f->ex->arena, f->list, f->n, cap, sizeof *f->list);
        f->cap = cap;
    }
    f->list[f->n++] = field;
}

enum status fields_from_json(struct exchange *ex, const char *text, size_t n, unsigned of, struct fields *ret)
{
    const struct api_config *config = &ex->api->config;
    struct json_limits limits = {.max_bytes = config->max_json, .max_depth = config->max_json_depth};
    struct datum *root;
    *ret = (struct fields){.ex = ex, .of = of | (ex->req->batch ? FIELD_ITEM : 0)};
    TRY(json_read(text, n, &limits, ex->arena, &root, &ex->fault));
    if (root->kind != DATUM_OBJECT)
        return fault_add(&ex->fault, STATUS_BAD_FIELD, "", 0, "the request must be a JSON object");
    for (size_t i = 0; i < root->n; i++)
        add(ret, (struct field){.name = root->items[i].key, .value = &root->items[i]});
    return STATUS_OK;
}

static void add_query(const char *name, const char *value, void *user)
{
    add(user, (struct field){.name = name, .text = value ? value : ""});
}

void fields_from_query(struct exchange *ex, unsigned of, struct fields *ret)
{
    *ret = (struct fields){.ex = ex, .of = of};
    if (ex->req->each_query)
        ex->req->each_query(ex->req, add_query, ret);
}

/* Most names differ in their first letter; a call of strcmp for each is a tenth of a short request. */
static inline bool same(const char *a, const char *b)
{
    return *a == *b && !strcmp(a, b);
}

struct field *fields_find(struct fields *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (same(f->list[i].name, name))
            return &f->list[i];
    return NULL;
}

const char *request_pointer(struct arena *a, const char *prefix, const char *name)
{
    char *s = arena_alloc(a, strlen(prefix) + strlen(name) * 2 + 1), *to = stpcpy(s, prefix);
    for (; *name; name++) {
        *to++ = *name == '/' ? '~' : *name;
        if (*name == '~' || *name == '/')
            *to++ = *name == '~' ? '0' : '1';
    }
    return s;
}

enum status fields_fault(struct fields *f, const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *detail = arena_vprintf(f->ex->arena, format, ap);
    va_end(ap);
    f->failed = true;
    const char *pointer = name ? request_pointer(f->ex->arena, "/", name) : "";
    return fault_add(&f->ex->fault, STATUS_BAD_FIELD, pointer, 0, "%s", detail);
}

/* A JSON number and nothing else: strtod alone takes hexadecimal, inf and blanks. */
static bool number_of_text(const char *text, size_t n, double *ret)
{
    char *end;
    if (!n || n > 63 || strspn(text, "0123456789+-.eE") < n)
        return false;
    *ret = strtod(text, &end);
    return end == text + n && isfinite(*ret);
}

static bool number_of(const struct field *field, double *ret)
{
    if (field->text)
        return number_of_text(field->text, strlen(field->text), ret);
    if (field->value->kind != DATUM_NUMBER)
        return false;
    *ret = field->value->number;
    return true;
}

bool fields_number(struct fields *f, const char *name, double *io)
{
    const struct field *field = fields_find(f, name);
    if (!field)
        return false;
    if (number_of(field, io))
        return true;
    fields_fault(f, name, "%s must be a number", name);
    return false;
}

bool fields_count(struct fields *f, const char *name, uint64_t least, uint64_t *io)
{
    const struct field *field = fields_find(f, name);
    double v;
    if (!field)
        return false;
    if (!number_of(field, &v) || v != floor(v) || v < (double)least || v > 0x1p53) {
        fields_fault(f, name, "%s must be a whole number, at least %llu", name, (unsigned long long)least);
        return false;
    }
    *io = (uint64_t)v;
    return true;
}

static bool numbers_of_text(const char *text, size_t n, double *io)
{
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(text, ",");
        if (!number_of_text(text, length, &io[i]) || (text[length] == ',') != (i + 1 < n))
            return false;
        text += length + 1;
    }
    return true;
}

static bool numbers_of_list(const struct datum *list, size_t n, double *io)
{
    if (list->kind != DATUM_LIST || list->n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (list->items[i].kind != DATUM_NUMBER)
            return false;
        io[i] = list->items[i].number;
    }
    return true;
}

bool fields_numbers(struct fields *f, const char *name, size_t n, double *io)
{
    const struct field *field = fields_find(f, name);
    if (!field)
        return false;
    if (field->text ? numbers_of_text(field->text, n, io) : numbers_of_list(field->value, n, io))
        return true;
    fields_fault(f, name, "%s must be %zu numbers", name, n);
    return false;
}

bool fields_text(struct fields *f, const char *name, const char **io)
{
    const struct field *field = fields_find(f, name);
    if (!field)
        return false;
    if (field->text || field->value->kind == DATUM_STRING) {
        *io = field->text ? field->text : field->value->string;
        return true;
    }
    fields_fault(f, name, "%s must be a string", name);
    return false;
}

static const char *join(struct arena *a, const char *const *names)
{
    const char *all = "";
    for (; *names; names++)
        all = arena_printf(a, "%s%s%s", all, *all ? ", " : "", *names);
    return all;
}

bool fields_choice(struct fields *f, const char *name, const char *const *choices, int *io)
{
    const char *text;
    if (!fields_text(f, name, &text))
        return false;
    for (int i = 0; choices[i]; i++) {
        if (!strcmp(choices[i], text)) {
            *io = i;
            return true;
        }
    }
    const char *near = nearest_name(text, choices);
    fields_fault(f, name, "there is no %s \"%.40s\"%s%s%s; one of %s", name, text, near ? "; did you mean " : "",
                 near ? near : "", near ? "?" : "", join(f->ex->arena, choices));
    return false;
}

bool fields_flag(struct fields *f, const char *name, bool *io)
{
    const struct field *field = fields_find(f, name);
    if (!field)
        return false;
    bool yes = field->text && (!strcmp(field->text, "1") || !strcmp(field->text, "true"));
    bool no = field->text && (!strcmp(field->text, "0") || !strcmp(field->text, "false"));
    if (field->value && field->value->kind == DATUM_BOOL)
        *(field->value->truth ? &yes : &no) = true;
    if (yes || no)
        *io = yes;
    else
        fields_fault(f, name, "%s must be true or false", name);
    return yes || no;
}

static const char param_prefix[] = "param.";

static bool is_param(const struct field *field)
{
    return field->text && !strncmp(field->name, param_prefix, sizeof param_prefix - 1);
}

static void add_param(struct fields *f, struct param_values *params, const char *name, const struct field *field)
{
    double v;
    if (number_of(field, &v)) {
        params->list[params->n++] = (struct param_value){name, v};
        return;
    }
    f->failed = true;
    fault_add(&f->ex->fault, STATUS_BAD_FIELD, request_pointer(f->ex->arena, "/params/", name), 0,
              "a parameter must be a number");
}

void fields_params(struct fields *f, struct param_values *ret)
{
    struct field *object = fields_find(f, "params");
    size_t most = f->n + (object && object->value ? object->value->n : 0);
    *ret = (struct param_values){.list = ARENA_ARRAY(f->ex->arena, most + 1, struct param_value)};
    for (size_t i = 0; i < f->n; i++)
        if (is_param(&f->list[i]))
            add_param(f, ret, f->list[i].name + sizeof param_prefix - 1, &f->list[i]);
    if (!object)
        return;
    if (!object->value || object->value->kind != DATUM_OBJECT) {
        fields_fault(f, "params", "params must be an object of numbers by name; in a query write param.NAME=VALUE");
        return;
    }
    for (size_t i = 0; i < object->value->n; i++) {
        struct field one = {.name = object->value->items[i].key, .value = &object->value->items[i]};
        add_param(f, ret, one.name, &one);
    }
}

static bool known(unsigned of, const char *name)
{
    for (size_t i = 0; i < N_INFOS; i++)
        if ((infos[i].of & of) && same(infos[i].name, name))
            return true;
    return false;
}

static void fault_unknown(struct fields *f, const char *name)
{
    const char *names[N_INFOS + 1];
    size_t n = 0;
    for (size_t i = 0; i < N_INFOS; i++)
        if (infos[i].of & f->of)
            names[n++] = infos[i].name;
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        fields_fault(f, name, "there is no field \"%.60s\"; did you mean %s?", name, near);
    else
        fields_fault(f, name, "there is no field \"%.60s\"; there are %s", name, join(f->ex->arena, names));
}

enum status fields_end(struct fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        bool twice = false;
        for (size_t k = 0; k < i && f->list[i].text; k++)
            twice |= same(f->list[k].name, f->list[i].name);
        if (twice)
            fields_fault(f, f->list[i].name, "%.60s stands in the query twice", f->list[i].name);
        else if (!is_param(&f->list[i]) && !known(f->of, f->list[i].name))
            fault_unknown(f, f->list[i].name);
    }
    return f->failed ? f->ex->fault.status : STATUS_OK;
}
