/* Pictures of a node: at its defaults, then with each parameter changed. What to change follows from the signature
 * unless docs/showcase.txt says so. Each picture is a request to the api room, as anyone could make it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/docs.h"

enum { TILES_MAX = 48, CURVE = DOCS_TILE * 4, IMPULSE = 8192 };

/* One picture's settings: an input that differs, and a template that differs. */
struct shot {
    const char *input, *value;
    const char *show;
};

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return *text && !*end;
}

static const char *lookup(const struct exhibit *e, bool sets, const char *name)
{
    for (size_t i = 0; i < e->n_scenes; i++) {
        const char *value = settings_get(sets ? &e->scenes[i]->sets : &e->scenes[i]->args, name);
        if (value)
            return value;
    }
    return NULL;
}

/* NULL: left out. */
static const char *value_of(const struct exhibit *e, const struct shot *shot, const struct node_input *in)
{
    if (shot && shot->input && !strcmp(shot->input, in->name))
        return shot->value;
    const char *given = lookup(e, false, in->name);
    return given && strcmp(given, "-") != 0 ? given : NULL;
}

const char *exhibit_mode(const struct exhibit *e, const double **ret_numbers)
{
    static const double unit[SCENE_NUMBERS] = {0, 0, 1, 1};
    *ret_numbers = unit;
    for (size_t i = 0; i < e->n_scenes; i++)
        if (e->scenes[i]->mode) {
            if (e->scenes[i]->n_numbers)
                *ret_numbers = e->scenes[i]->numbers;
            return e->scenes[i]->mode;
        }
    return "field";
}

const char *exhibit_show(const struct exhibit *e)
{
    for (size_t i = 0; i < e->n_scenes; i++)
        if (e->scenes[i]->show)
            return e->scenes[i]->show;
    return "$";
}

/* What stands for $ in a template. */
static char *fill(struct arena *a, const char *show, const char *with)
{
    struct text t = {.arena = a};
    for (const char *p = show; *p; p++)
        if (*p == '$')
            text_add(&t, with);
        else
            text_add_n(&t, p, 1);
    return t.s;
}

static bool is_list(const struct node_input *in, const char *value)
{
    return in->type == INPUT_SHAPE && *value == '[';
}

/* name(x*4, y*4, seed=7) */
static char *call_text(const struct exhibit *e, const struct shot *shot, struct arena *a)
{
    struct text t = {.arena = a};
    bool named = false, first = true;
    text_addf(&t, "%s(", e->def->name);
    for (size_t i = 0; i < e->def->n_inputs; i++) {
        const struct node_input *in = &e->def->inputs[i];
        const char *value = value_of(e, shot, in);
        named |= !value || !(in->required || in->optional);
        if (!value)
            continue;
        bool quoted = in->type == INPUT_SHAPE && !is_number(value) && *value != '[';
        text_addf(&t, "%s%s%s%s%s%s", first ? "" : ", ", named ? in->name : "", named ? "=" : "", quoted ? "'" : "",
                  value, quoted ? "'" : "");
        first = false;
    }
    text_add(&t, ")");
    return t.s;
}

static void node_json(const struct exhibit *e, const struct shot *shot, struct json_writer *w, const char *key)
{
    json_object(w, key);
    json_string(w, "op", e->def->name);
    for (size_t i = 0; i < e->def->n_inputs; i++) {
        const char *value = value_of(e, shot, &e->def->inputs[i]);
        if (value && (is_number(value) || is_list(&e->def->inputs[i], value)))
            json_raw(w, e->def->inputs[i].name, value);
        else if (value)
            json_string(w, e->def->inputs[i].name, value);
    }
    json_object_end(w);
}

const char *exhibit_call(const struct exhibit *e, struct arena *a)
{
    for (size_t i = 0; i < e->def->n_inputs; i++) {
        const char *value = value_of(e, NULL, &e->def->inputs[i]);
        if (value && is_list(&e->def->inputs[i], value)) {
            struct json_writer w;
            json_writer_init(&w, a);
            node_json(e, NULL, &w, NULL);
            return w.text.s;
        }
    }
    return call_text(e, NULL, a);
}

/* A solid lit from above, its distance `f` of the point p: rays go forward from a plane before it, 48 steps of the
 * distance each, then three more distances make the normal. Up is negative y. */
static char *solid_expression(struct arena *a, const char *f)
{
    enum { STEPS = 48 };
    const double yaw = -0.6, pitch = 0.45;
    const double sy = sin(yaw), cy = cos(yaw), sp = sin(pitch), cp = cos(pitch);
    struct text t = {.arena = a};
    text_addf(&t, "let ray = vec3(%.6f, %.6f, %.6f); ", sy * cp, sp, cy * cp);
    text_addf(&t, "let eye = x*vec3(%.6f, 0, %.6f) + y*vec3(%.6f, %.6f, %.6f) - 3*ray; let far = 0; let p = eye; ", cy,
              -sy, -sp * sy, cp, -sp * cy);
    for (int i = 0; i < STEPS; i++)
        text_addf(&t, "let far = far + min(0.8*(%s), 0.5); let p = eye + far*ray; ", f);
    text_addf(&t, "let hit = p; let d = %s; ", f);
    for (int i = 0; i < 3; i++)
        text_addf(&t, "let p = hit + vec3(%s); let d%d = (%s) - d; ",
                  (const char *[]){"0.002, 0, 0", "0, 0.002, 0", "0, 0, 0.002"}[i], i, f);
    text_add(&t, "let m = normalize(vec3(d0, d1, d2)); let light = max(dot(m, vec3(-0.48, -0.72, -0.5)), 0); "
                 "let side = max(dot(m, vec3(0.9, 0.1, -0.43)), 0); "
                 "if d < 0.02 and far < 6 then (0.16 + 0.72*light)*vec3(1, 0.78, 0.52) + 0.16*side*vec3(0.5, 0.7, 1) "
                 "else vec3(0.93, 0.94, 0.96)");
    return t.s;
}

/* The request's graph: an expression where the node is called many times, else a node `it`. */
static void graph_json(const struct exhibit *e, const struct shot *shot, const char *mode, struct cli *c,
                       struct json_writer *w)
{
    const char *show = shot && shot->show ? shot->show : exhibit_show(e);
    if (!strcmp(mode, "solid")) {
        json_string(w, "expr", solid_expression(c->arena, fill(c->arena, show, call_text(e, shot, c->arena))));
        return;
    }
    json_object(w, "graph");
    json_object(w, "nodes");
    node_json(e, shot, w, "it");
    json_object_end(w);
    json_string(w, "output", fill(c->arena, show, "it"));
    json_object_end(w);
}

static void region_json(struct json_writer *w, const double r[4])
{
    json_array(w, "region");
    for (int i = 0; i < 4; i++)
        json_number(w, NULL, r[i]);
    json_array_end(w);
}

static bool is_audio(const char *mode)
{
    static const char *const modes[] = {"wave", "response", "spectrum", "spectrogram"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(mode, modes[i]))
            return true;
    return false;
}

/* Seconds an audio picture looks at. */
static double seconds_of(const char *mode, const double *numbers)
{
    if (!strcmp(mode, "response"))
        return (double)IMPULSE / DOCS_RATE;
    return !strcmp(mode, "spectrum") ? 1 : numbers[0];
}

bool docs_photo_take(struct docs_photo *ret, const char *expression, struct cli *c)
{
    struct json_writer w;
    struct api_response res;
    json_writer_init(&w, c->arena);
    json_object(&w, NULL);
    json_string(&w, "expr", expression);
    json_int(&w, "width", DOCS_TILE);
    json_int(&w, "height", DOCS_TILE);
    json_string(&w, "format", "png");
    json_object_end(&w);
    if (!cli_ask(c, METHOD_POST, "/render", "application/json", w.text.s, w.text.n, &res))
        return false;
    ret->n = res.body_size;
    ret->data = memcpy(arena_alloc(c->arena, ret->n), res.body, ret->n);
    api_response_done(&res);
    return true;
}

static bool ask(struct cli *c, const struct exhibit *e, const struct shot *shot, struct api_response *res)
{
    const double *numbers;
    const char *mode = exhibit_mode(e, &numbers);
    bool audio = is_audio(mode), curve = !strcmp(mode, "curve");
    struct json_writer w;
    json_writer_init(&w, c->arena);
    json_object(&w, NULL);
    graph_json(e, shot, mode, c, &w);
    if (audio) {
        json_int(&w, "rate", DOCS_RATE);
        json_int(&w, "channels", 1);
        json_number(&w, "seconds", seconds_of(mode, numbers));
        json_string(&w, "format", "f32le");
    } else {
        json_int(&w, "width", curve ? CURVE : DOCS_TILE);
        json_int(&w, "height", curve ? 1 : DOCS_TILE);
        json_string(&w, "format", "f32");
        region_json(&w, curve ? (const double[4]){numbers[0], 0, numbers[1], 1}
                              : (!strcmp(mode, "solid") ? (const double[4]){-1.3, -1.3, 1.3, 1.3} : numbers));
    }
    json_object_end(&w);
    struct cli_body body;
    struct cli_args args = {.images = {{.name = "photo", .data = e->photo->data, .size = e->photo->n}},
                            .n_images = e->photo->n && node_input_by_name(e->def, "name")};
    return cli_body(c, &args, w.text.s, &body) &&
           cli_ask(c, METHOD_POST, audio ? "/process" : "/render", body.type, body.data, body.n, res);
}

static void draw(struct tile *t, const char *mode, const double *numbers, const float *values, size_t n)
{
    if (!strcmp(mode, "curve"))
        draw_curve(t, values, n, numbers);
    else if (!strcmp(mode, "wave"))
        draw_wave(t, values, n, numbers[1], numbers[2]);
    else if (!strcmp(mode, "response"))
        draw_spectrum(t, values, n, true, numbers[0], numbers[1]);
    else if (!strcmp(mode, "spectrum"))
        draw_spectrum(t, values, n, false, numbers[0], numbers[1]);
    else if (!strcmp(mode, "spectrogram"))
        draw_spectrogram(t, values, n, numbers[1], numbers[2]);
    else
        draw_pixels(t, values, n / (DOCS_TILE * DOCS_TILE));
}

static bool take(struct exhibit *e, struct cli *c, const struct shot *shot, const char *caption)
{
    const double *numbers;
    const char *mode = exhibit_mode(e, &numbers);
    struct api_response res;
    if (e->n_tiles == TILES_MAX) {
        fprintf(stderr, "sinter: docs: %s has more than %d pictures\n", e->def->name, TILES_MAX);
        return false;
    }
    if (!ask(c, e, shot, &res)) {
        fprintf(stderr, "sinter: docs: %s cannot be shown (%s)\n", e->def->name, caption);
        return false;
    }
    struct tile *t = &e->tiles[e->n_tiles++];
    *t = (struct tile){.caption = caption, .rgb = arena_alloc(c->arena, DOCS_TILE_BYTES)};
    draw(t, mode, numbers, res.body, res.body_size / sizeof(float));
    api_response_done(&res);
    return true;
}

/* A list: its default is none that could be doubled. */
static bool has_list(const struct node_input *in)
{
    return in->type == INPUT_SHAPE && !in->choices && in->value == 0;
}

/* The values an input is changed to; 0: it is not. */
static size_t changes(const struct exhibit *e, const struct node_input *in, struct arena *a, const char ***ret)
{
    const char *set = lookup(e, true, in->name), *given = value_of(e, NULL, in);
    if (set)
        return strcmp(set, "-") ? words_split(a, set, " | ", ret) : 0;
    if (in->choices && !given) {
        size_t n = 0;
        while (in->choices[n + 1])
            n++;
        *ret = ARENA_ARRAY(a, n + 1, const char *);
        for (size_t i = 0; i < n; i++)
            (*ret)[i] = in->choices[i + 1];
        return n;
    }
    if (given ? !is_number(given) : in->required || in->optional || in->choices || has_list(in))
        return 0;
    double value = given ? strtod(given, NULL) : in->value;
    char text[NUMBER_TEXT_SIZE];
    number_text(value != 0 ? value * 2 : 0.5, text);
    *ret = ARENA_ARRAY(a, 1, const char *);
    (*ret)[0] = arena_strdup(a, text);
    return 1;
}

static bool shows_change(const struct exhibit *e)
{
    const struct tile *t = &e->tiles[e->n_tiles - 1];
    if (tile_difference(t, &e->tiles[0]) >= 8)
        return true;
    fprintf(stderr, "sinter: docs: %s: %s changes nothing in its picture\n", e->def->name, t->caption);
    return false;
}

static bool take_changes(struct exhibit *e, struct cli *c)
{
    bool good = true;
    for (size_t i = 0; i < e->def->n_inputs; i++) {
        const struct node_input *in = &e->def->inputs[i];
        const char **values;
        size_t n = changes(e, in, c->arena, &values);
        for (size_t k = 0; k < n; k++) {
            struct shot shot = {.input = in->name, .value = values[k]};
            char *caption = arena_printf(c->arena, "%s=%s", in->name, values[k]);
            good = take(e, c, &shot, caption) && shows_change(e) && good;
        }
    }
    return good;
}

static bool take_others(struct exhibit *e, struct cli *c)
{
    bool good = true;
    for (size_t s = 0; s < e->n_own; s++)
        for (size_t i = 0; i < e->scenes[s]->also.n; i++) {
            struct shot shot = {.show = e->scenes[s]->also.items[i].value};
            good = take(e, c, &shot, e->scenes[s]->also.items[i].name) && good;
        }
    return good;
}

/* Every input that must be given is. */
static bool has_inputs(const struct exhibit *e)
{
    bool good = true;
    for (size_t i = 0; i < e->def->n_inputs; i++) {
        const struct node_input *in = &e->def->inputs[i];
        if (in->required && !value_of(e, NULL, in)) {
            fprintf(stderr, "sinter: docs: %s needs a line \"arg %s VALUE\" in the showcase\n", e->def->name, in->name);
            good = false;
        }
    }
    return good;
}

bool exhibit_shoot(struct exhibit *e, struct cli *c)
{
    e->tiles = ARENA_ARRAY(c->arena, TILES_MAX, struct tile);
    e->n_tiles = 0;
    const double *numbers;
    if (!strcmp(exhibit_mode(e, &numbers), "none"))
        return true;
    if (!has_inputs(e) || !take(e, c, NULL, "default"))
        return false;
    bool good = take_others(e, c);
    for (size_t i = 0; i < e->n_tiles; i++)
        if (tile_contrast(&e->tiles[i]) < 16) {
            fprintf(stderr, "sinter: docs: %s: picture %s shows nothing\n", e->def->name, e->tiles[i].caption);
            good = false;
        }
    return take_changes(e, c) && good;
}
