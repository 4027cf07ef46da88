/* labels: jit */
/* Every input of every node: left out, it means the same everywhere; wired or chosen otherwise, the key of the kernel
 * sees it. */
#include "tests/support.h"

#include <string.h>

#include "core/node.h"
#include "core/text.h"
#include "tests/support/parity.h"

/* A call of a node in which input `at` (or none: -1) reads `text`, the other required runtime inputs in.0, and all else
 * is left out. */
static const char *call_text(struct arena *a, const struct node_def *def, int at, const char *value)
{
    char *text = arena_printf(a, "%s(", def->name);
    bool first = true;
    for (size_t i = 0; i < def->n_inputs; i++) {
        const struct node_input *in = &def->inputs[i];
        bool vec = in->type == INPUT_VEC && strcmp(in->name, "period") != 0;
        const char *mine = (int)i == at ? value : "in.0";
        if ((int)i != at && !in->required)
            continue;
        text =
            arena_printf(a, vec ? "%s%s%s=vec3(%s, in.0, 0.3)" : "%s%s%s=%s", text, first ? "" : ", ", in->name, mine);
        first = false;
    }
    bool vector = (def->flags & NODE_VECTOR) != 0;
    return arena_printf(a, vector ? "%s).y" : "%s)", text);
}

/* Some nodes want more than their required inputs say: a list, or colours that fit. Those are few. */
static bool is_well_formed(struct arena *a, const char *expression)
{
    struct rig s;
    struct fault fault;
    fault_init(&fault, a);
    const char *text = arena_printf(a, "{\"output\":[\"%s\"]}", expression);
    if (rig_open(test_engines[0].engine, text, (struct layout){GRAPH_AUDIO, 2}, false, &s, &fault) != STATUS_OK)
        return false;
    rig_close(&s);
    return true;
}

static void inputs_left_out_mean_the_same_everywhere(void **state)
{
    (void)state;
    enum { TOGETHER = 32 };
    struct arena *a = arena_new((size_t)64 << 20);
    char *outputs = arena_strdup(a, "");
    size_t n = 0, odd = 0;
    for (size_t i = 0; i < node_count(); i++) {
        const char *text = call_text(a, node_at(i), -1, NULL);
        bool pixels = node_at(i)->flags & NODE_FIELD; /* reads no audio: its own tests leave inputs out */
        bool good = !pixels && is_well_formed(a, text);
        odd += !good && !pixels;
        if (good)
            outputs = arena_printf(a, "%s%s\"%s\"", outputs, n++ % TOGETHER ? "," : "", text);
        if (*outputs && ((good && n % TOGETHER == 0) || i + 1 == node_count())) {
            parity_evaluate(arena_printf(a, "{\"output\":[%s]}", outputs), 700);
            outputs = arena_strdup(a, "");
        }
    }
    assert_true(odd * 20 < node_count());
    arena_free(a);
}

/* A graph in the reference engine only: its shape and what it gives. */
static struct bytes shape_and_samples(struct arena *a, const char *expression, float *out, int n)
{
    struct rig s;
    struct fault fault;
    const float *in[2] = {parity_signal[0], parity_signal[1]};
    float *to[1] = {out};
    const char *text = arena_printf(a, "{\"output\":[\"%s\"]}", expression);
    fault_init(&fault, a);
    if (rig_open(test_engines[0].engine, text, (struct layout){GRAPH_AUDIO, 2}, false, &s, &fault) != STATUS_OK)
        fail_msg("%s: %s", expression, fault.items[0].detail);
    assert_int_equal(s.program->ir->n_outputs, 1);
    rig_run(&s, false, in, to, 0, n, 1);
    struct bytes shape = ir_shape(s.program->ir, a);
    rig_close(&s);
    return shape;
}

static void must_tell_apart(struct arena *a, const char *x, const char *y)
{
    if (!is_well_formed(a, x) || !is_well_formed(a, y))
        return;
    static float from_x[400], from_y[400];
    struct bytes p = shape_and_samples(a, x, from_x, 400), q = shape_and_samples(a, y, from_y, 400);
    bool alike = p.n == q.n && !memcmp(p.data, q.data, p.n);
    if (alike && memcmp(from_x, from_y, sizeof from_x))
        fail_msg("%s and %s share a kernel and are not the same", x, y);
}

/* Each input of each node wired to another channel, and each choice: where samples differ, the key must. */
static void the_key_sees_every_input(void **state)
{
    (void)state;
    for (size_t k = 0; k < node_count(); k++) {
        const struct node_def *def = node_at(k);
        struct arena *a = arena_new((size_t)64 << 20);
        for (size_t i = 0; i < def->n_inputs; i++) {
            const struct node_input *in = &def->inputs[i];
            if (in->choices)
                for (size_t c = 1; in->choices[c]; c++)
                    must_tell_apart(a, call_text(a, def, (int)i, arena_printf(a, "'%s'", in->choices[c - 1])),
                                    call_text(a, def, (int)i, arena_printf(a, "'%s'", in->choices[c])));
            else if (!strcmp(in->name, "octaves"))
                must_tell_apart(a, call_text(a, def, (int)i, "2"), call_text(a, def, (int)i, "3"));
            bool wired = in->type != INPUT_SHAPE && strcmp(in->name, "period") != 0;
            bool coordinate = in->optional && i > 0 && def->inputs[i - 1].optional; /* z without y makes no sense */
            if (wired && !coordinate && strcmp(def->name, "delay") != 0)
                must_tell_apart(a, call_text(a, def, (int)i, "in.0"), call_text(a, def, (int)i, "in.1"));
        }
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_left_out_mean_the_same_everywhere),
        cmocka_unit_test(the_key_sees_every_input),
    };
    return parity_main("test_node_inputs", tests, sizeof tests / sizeof *tests);
}
