/* Text to IR: the grammar stands in ir.h, its writer in ir_print.c.
 *
 * Whitespace and line ends only separate words; a comment runs from ';' to the end of its line. Parsing trusts nothing:
 * every count has a limit of ir.h, every name and number is checked, no look-up grows with the text. Whether the
 * program makes sense is left to ir_verify(). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "core/ir_text.h"
#include "core/kernel.h"

struct word {
    const char *s;
    size_t n; /* 0 at the end of the text */
};

/* Names to indices, open addressing: the text decides how many look-ups there are. */
struct names {
    struct {
        struct word word;
        uint32_t index;
    } * slots;
    uint32_t cap, used;
};

struct reader {
    const char *p;
    unsigned line;
    struct arena *arena;
    struct ir *ir;
    struct fault *fault;
    struct names fns, tables, images;
};

static enum status __attribute__((format(printf, 2, 3))) bad(struct reader *r, const char *format, ...)
{
    char detail[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(detail, sizeof detail, format, ap);
    va_end(ap);
    return fault_add(r->fault, STATUS_INTERNAL, "", 0, "IR text, line %u: %s", r->line, detail);
}

static struct word next_word(struct reader *r)
{
    for (;; r->p++) {
        if (*r->p == ';')
            r->p += strcspn(r->p, "\n");
        if (*r->p == '\n')
            r->line++;
        else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r')
            break;
    }
    struct word w = {r->p, 0};
    if (*r->p)
        w.n = strchr("()[]{},=", *r->p) ? 1 : strcspn(r->p, "()[]{},=; \t\r\n");
    r->p += w.n;
    return w;
}

static bool word_is(struct word w, const char *s)
{
    return w.n == strlen(s) && !memcmp(w.s, s, w.n);
}

static enum status unexpected(struct reader *r, struct word w, const char *wanted)
{
    if (!w.n)
        return bad(r, "the text ends where %s should stand", wanted);
    return bad(r, "'%.*s' stands where %s should", (int)(w.n < 40 ? w.n : 40), w.s, wanted);
}

static enum status expect(struct reader *r, const char *s)
{
    struct word w = next_word(r);
    return word_is(w, s) ? STATUS_OK : unexpected(r, w, s);
}

static enum status read_u32(struct reader *r, uint32_t limit, const char *what, uint32_t *ret_u)
{
    struct word w = next_word(r);
    uint64_t u = 0;
    for (size_t i = 0; i < w.n; i++) {
        if (w.s[i] < '0' || w.s[i] > '9')
            return unexpected(r, w, what);
        u = u * 10 + (uint64_t)(w.s[i] - '0');
        if (u > limit)
            return bad(r, "%s is above the limit of %u", what, limit);
    }
    if (!w.n)
        return unexpected(r, w, what);
    *ret_u = (uint32_t)u;
    return STATUS_OK;
}

static enum status read_i32(struct reader *r, int32_t *ret_i)
{
    struct word w = next_word(r);
    bool negative = w.n && w.s[0] == '-';
    uint64_t u = 0;
    if (w.n == (size_t)negative)
        return unexpected(r, w, "a whole number");
    for (size_t i = negative; i < w.n; i++) {
        if (w.s[i] < '0' || w.s[i] > '9')
            return unexpected(r, w, "a whole number");
        u = u * 10 + (uint64_t)(w.s[i] - '0');
        if (u > (uint64_t)INT32_MAX + negative)
            return bad(r, "a whole number does not fit in 32 bits");
    }
    *ret_i = (int32_t)(negative ? -(int64_t)u : (int64_t)u);
    return STATUS_OK;
}

/* Copies a decimal number, nan, inf or -inf; strtod alone would also take hexadecimals and longer spellings. */
static enum status read_number(struct reader *r, char ret_s[TEXT_NUMBER_MAX])
{
    struct word w = next_word(r);
    if (!w.n || w.n >= TEXT_NUMBER_MAX)
        return unexpected(r, w, "a number");
    memcpy(ret_s, w.s, w.n);
    ret_s[w.n] = 0;
    if (!strcmp(ret_s, "nan") || !strcmp(ret_s, "inf") || !strcmp(ret_s, "-inf"))
        return STATUS_OK;
    char *end;
    if (strspn(ret_s, "0123456789+-.eE") != w.n)
        return unexpected(r, w, "a number");
    (void)strtod(ret_s, &end);
    return *end ? unexpected(r, w, "a number") : STATUS_OK;
}

static enum status read_f64(struct reader *r, double *ret_d)
{
    char s[TEXT_NUMBER_MAX];
    TRY(read_number(r, s));
    unsigned saved = _mm_getcsr();
    _mm_setcsr(TEXT_MXCSR);
    *ret_d = strtod(s, NULL);
    _mm_setcsr(saved);
    return STATUS_OK;
}

static enum status read_f32(struct reader *r, float *ret_f)
{
    char s[TEXT_NUMBER_MAX];
    TRY(read_number(r, s));
    unsigned saved = _mm_getcsr();
    _mm_setcsr(TEXT_MXCSR);
    *ret_f = strtof(s, NULL);
    _mm_setcsr(saved);
    return STATUS_OK;
}

static enum status read_type(struct reader *r, enum type *ret_type)
{
    struct word w = next_word(r);
    for (enum type t = TYPE_F32; t <= TYPE_I32; t++)
        if (word_is(w, type_text(t))) {
            *ret_type = t;
            return STATUS_OK;
        }
    return unexpected(r, w, "f32, f64 or i32");
}

static enum status read_name(struct reader *r, struct word *ret_name)
{
    struct word w = next_word(r);
    if (!w.n || strchr("()[]{},=", *w.s))
        return unexpected(r, w, "a name");
    if (w.n > IR_NAME_MAX)
        return bad(r, "a name is longer than %d bytes", IR_NAME_MAX);
    for (size_t i = 0; i < w.n; i++)
        if (w.s[i] <= ' ' || w.s[i] > '~')
            return bad(r, "a name holds a byte that is not printable ASCII");
    *ret_name = w;
    return STATUS_OK;
}

static uint32_t names_slot(const struct names *names, struct word w)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < w.n; i++)
        hash = (hash ^ (unsigned char)w.s[i]) * 16777619u;
    uint32_t at = hash & (names->cap - 1);
    while (names->slots[at].word.n && (names->slots[at].word.n != w.n || memcmp(names->slots[at].word.s, w.s, w.n)))
        at = (at + 1) & (names->cap - 1);
    return at;
}

static bool names_find(const struct names *names, struct word w, uint32_t *ret_index)
{
    if (!names->cap)
        return false;
    uint32_t at = names_slot(names, w);
    *ret_index = names->slots[at].index;
    return names->slots[at].word.n != 0;
}

static void names_add(struct names *names, struct arena *a, struct word w, uint32_t index)
{
    if (names->used * 2 >= names->cap) {
        struct names bigger = {.cap = names->cap ? names->cap * 2 : 16};
        bigger.slots = arena_array(a, bigger.cap, sizeof *bigger.slots);
        for (uint32_t i = 0; i < names->cap; i++)
            if (names->slots[i].word.n)
                names_add(&bigger, a, names->slots[i].word, names->slots[i].index);
        *names = bigger;
    }
    uint32_t at = names_slot(names, w);
    names->slots[at].word = w;
    names->slots[at].index = index;
    names->used++;
}

static enum status read_val(struct reader *r, struct val *ret_v)
{
    struct word w = next_word(r);
    if (w.n < 2 || w.s[0] != '%')
        return unexpected(r, w, "a value");
    r->p = w.s + 1;
    return read_u32(r, IR_INS_MAX, "a value's number", &ret_v->i);
}

static enum status read_op(struct reader *r, enum op *ret_op)
{
    char s[16];
    struct word w = next_word(r);
    if (w.n < sizeof s) {
        memcpy(s, w.s, w.n);
        s[w.n] = 0;
        if ((*ret_op = op_by_text(s)) != OP_NONE)
            return STATUS_OK;
    }
    return unexpected(r, w, "an operation");
}

/* The immediate that stands before the operands. */
static enum status read_imm(struct reader *r, struct ins *ins)
{
    const struct op_info *info = op_info(ins->op);
    struct word name;
    uint32_t index;
    if (info->flags & OP_IMM_F)
        return read_f32(r, &ins->imm.f);
    if (info->flags & OP_IMM_D)
        return read_f64(r, &ins->imm.d);
    if (info->arity < 0 || ins->op == OP_GATHER_F32 || ins->op == OP_GATHER_I32) {
        TRY(read_name(r, &name));
        if (!names_find(info->arity < 0 ? &r->fns : &r->tables, name, &index))
            return bad(r, "there is no %s '%.*s'", info->arity < 0 ? "function" : "table", (int)name.n, name.s);
        ins->imm.i = (int32_t)index;
        return STATUS_OK;
    }
    if ((info->flags & OP_IMM_I) && (info->flags & OP_SOURCE))
        return read_i32(r, &ins->imm.i);
    return STATUS_OK;
}

/* The immediate that stands behind them. */
static enum status read_last_imm(struct reader *r, struct ins *ins)
{
    struct word w;
    switch (ins->op) {
    case OP_SHL_I32:
    case OP_SHR_I32:
    case OP_SAR_I32:
    case OP_FETCH:
    case OP_HOSTED:
        return read_i32(r, &ins->imm.i);
    case OP_PLANE:
        w = next_word(r);
        for (int e = 0; e < EDGE_COUNT; e++)
            if (word_is(w, edge_text((enum edge)e))) {
                ins->imm.i = e;
                return STATUS_OK;
            }
        return unexpected(r, w, "repeat, clamp, mirror or constant");
    default:
        return STATUS_OK;
    }
}

/* What follows "%N". */
static enum status read_ins(struct reader *r, struct code *code, uint32_t number)
{
    struct val args[FN_ARGS_MAX];
    struct ins ins = {.args = args};
    uint32_t wanted = code->n ? code->n : 1;
    if (number != wanted)
        return bad(r, "%%%u stands where %%%u should", number, wanted);
    if (number >= IR_INS_MAX)
        return bad(r, "a body has more than %d instructions", IR_INS_MAX);
    TRY(expect(r, "="));
    TRY(read_op(r, &ins.op));
    const struct op_info *info = op_info(ins.op);
    TRY(read_imm(r, &ins));
    ins.n_args = info->arity < 0 ? r->ir->fns[ins.imm.i].n_params : (uint32_t)info->arity;
    for (uint32_t k = 0; k < ins.n_args; k++)
        TRY(read_val(r, &args[k]));
    TRY(read_last_imm(r, &ins));
    ir_emit(r->ir, code, ins);
    return STATUS_OK;
}

static enum status read_table(struct reader *r)
{
    struct word name;
    struct ir_table table = {0};
    uint32_t index;
    TRY(read_name(r, &name));
    TRY(read_type(r, &table.type));
    TRY(read_u32(r, IR_TABLE_MAX, "a table's length", &table.n));
    if (table.type == TYPE_F64 || !table.n || (table.n & (table.n - 1)))
        return bad(r, "a table holds f32 or i32 and its length is a power of two");
    if (r->ir->n_tables == IR_TABLES_MAX || names_find(&r->tables, name, &index))
        return bad(r, "this table is one too many or there twice");
    table.data.i = ARENA_ARRAY(r->arena, table.n, int32_t);
    TRY(expect(r, "["));
    for (uint32_t i = 0; i < table.n; i++) {
        if (i)
            TRY(expect(r, ","));
        TRY(table.type == TYPE_F32 ? read_f32(r, &table.data.f[i]) : read_i32(r, &table.data.i[i]));
    }
    TRY(expect(r, "]"));
    index = ir_add_table(r->ir, arena_strndup(r->arena, name.s, name.n), table.type, table.n, table.data.i);
    names_add(&r->tables, r->arena, name, index);
    return STATUS_OK;
}

static enum status read_signature(struct reader *r, struct ir_fn *fn)
{
    TRY(expect(r, "("));
    struct reader ahead = *r;
    bool empty = word_is(next_word(&ahead), ")");
    if (empty)
        TRY(expect(r, ")"));
    while (!empty) {
        if (fn->n_params == FN_ARGS_MAX)
            return bad(r, "a function has more than %d parameters", FN_ARGS_MAX);
        TRY(read_type(r, &fn->params[fn->n_params++]));
        struct word w = next_word(r);
        if (word_is(w, ")"))
            break;
        if (!word_is(w, ","))
            return unexpected(r, w, ", or )");
    }
    return read_type(r, &fn->result_type);
}

/* Instructions up to the word that ends them, which is returned. */
static enum status read_body(struct reader *r, struct code *code, struct word *ret_end)
{
    for (;;) {
        struct word w = next_word(r);
        if (!w.n || w.s[0] != '%') {
            *ret_end = w;
            return STATUS_OK;
        }
        struct val v;
        r->p = w.s;
        TRY(read_val(r, &v));
        TRY(read_ins(r, code, v.i));
    }
}

static enum status read_fn(struct reader *r)
{
    struct word name, end;
    struct ir_fn fn = {0};
    uint32_t index;
    TRY(read_name(r, &name));
    if (r->ir->n_fns == IR_FNS_MAX || names_find(&r->fns, name, &index))
        return bad(r, "this function is one too many or there twice");
    fn.name = arena_strndup(r->arena, name.s, name.n);
    TRY(read_signature(r, &fn));
    TRY(expect(r, "{"));
    TRY(read_body(r, &fn.code, &end));
    if (!word_is(end, "ret"))
        return unexpected(r, end, "an instruction or ret");
    TRY(read_val(r, &fn.result));
    TRY(expect(r, "}"));
    names_add(&r->fns, r->arena, name, ir_add_fn(r->ir, &fn));
    return STATUS_OK;
}

static enum status read_context(struct reader *r, uint32_t *ret_index)
{
    struct word w = next_word(r);
    for (uint32_t i = 0; i < CONTEXT_COUNT; i++)
        if (word_is(w, context_name((enum context)i))) {
            *ret_index = i;
            return STATUS_OK;
        }
    return unexpected(r, w, "a number of the context");
}

static enum status read_image(struct reader *r)
{
    uint32_t slot;
    struct word name;
    TRY(read_u32(r, IR_IMAGES_MAX - 1, "an image's slot", &slot));
    if (slot != r->ir->n_images)
        return bad(r, "image %u stands where image %u should", slot, r->ir->n_images);
    TRY(read_name(r, &name));
    if (names_find(&r->images, name, &slot))
        return bad(r, "an image is there twice");
    names_add(&r->images, r->arena, name, ir_add_image(r->ir, arena_strndup(r->arena, name.s, name.n)));
    return STATUS_OK;
}

static enum status read_response(struct reader *r)
{
    uint32_t slot;
    struct ir_response response;
    struct word name;
    TRY(read_u32(r, IR_RESPONSES_MAX - 1, "a response's slot", &slot));
    if (slot != r->ir->n_responses)
        return bad(r, "response %u stands where response %u should", slot, r->ir->n_responses);
    TRY(read_name(r, &name));
    TRY(read_u32(r, IR_INPUTS_MAX - 1, "a response's channel", &response.channel));
    TRY(read_u32(r, IR_INPUTS_MAX, "a response's number of channels", &response.of));
    response.name = arena_strndup(r->arena, name.s, name.n);
    return ir_add_response(r->ir, response) == slot ? STATUS_OK : bad(r, "a response is there twice");
}

static enum status read_image_axis(struct reader *r, uint32_t *ret_index)
{
    uint32_t slot;
    TRY(read_u32(r, IR_IMAGES_MAX - 1, "an image's slot", &slot));
    struct word w = next_word(r);
    if (!word_is(w, "width") && !word_is(w, "height"))
        return unexpected(r, w, "width or height");
    *ret_index = 2 * slot + word_is(w, "height");
    return STATUS_OK;
}

static enum status read_arg(struct reader *r)
{
    struct ir *ir = r->ir;
    struct arg_source source = {.kind = ARG_LITERAL};
    uint32_t slot;
    TRY(read_u32(r, IR_ARGS_MAX - 1, "an argument's slot", &slot));
    if (slot != ir->n_args)
        return bad(r, "arg %u stands where arg %u should", slot, ir->n_args);
    struct word w = next_word(r);
    if (word_is(w, "context")) {
        source.kind = ARG_CONTEXT;
        TRY(read_context(r, &source.index));
    } else if (word_is(w, "literal")) {
        TRY(read_f64(r, &source.value));
    } else if (word_is(w, "param")) {
        source.kind = ARG_PARAM;
        TRY(read_u32(r, IR_ARGS_MAX - 1, "a parameter's index", &source.index));
    } else if (word_is(w, "image")) {
        source.kind = ARG_IMAGE;
        TRY(read_image_axis(r, &source.index));
    } else {
        return unexpected(r, w, "context, literal, param or image");
    }
    /* Not ir_add_arg(), which looks for an equal one: slots are kept as they were written. */
    if (ir->n_args == ir->cap_args) {
        ir->cap_args = ir->cap_args ? ir->cap_args * 2 : 16;
        ir->args = arena_grow(ir->arena, ir->args, ir->n_args, ir->cap_args, sizeof *ir->args);
    }
    ir->args[ir->n_args++] = source;
    return STATUS_OK;
}

static enum status read_main(struct reader *r)
{
    struct ir *ir = r->ir;
    struct word w;
    TRY(expect(r, "{"));
    TRY(read_body(r, &ir->main, &w));
    ir->outputs = ARENA_ARRAY(ir->arena, IR_OUTPUTS_MAX, struct val);
    for (; word_is(w, "out"); w = next_word(r)) {
        uint32_t channel;
        TRY(read_u32(r, IR_OUTPUTS_MAX - 1, "an output's channel", &channel));
        if (channel != ir->n_outputs)
            return bad(r, "out %u stands where out %u should", channel, ir->n_outputs);
        TRY(read_val(r, &ir->outputs[ir->n_outputs++]));
    }
    if (!word_is(w, "}"))
        return unexpected(r, w, "an instruction, out or }");
    for (uint32_t i = 1; i < ir->main.n; i++) {
        const struct ins *ins = &ir->main.ins[i];
        if (ins->op == OP_INPUT && ins->imm.i >= 0 && ins->imm.i < IR_INPUTS_MAX &&
            ir->n_inputs <= (uint32_t)ins->imm.i)
            ir->n_inputs = (uint32_t)ins->imm.i + 1;
        if (ins->op == OP_SURFACE && ins->imm.i >= 0 && ins->imm.i < IR_PLANES_MAX &&
            ir->n_planes <= (uint32_t)ins->imm.i)
            ir->n_planes = (uint32_t)ins->imm.i + 1;
    }
    w = next_word(r);
    return w.n ? unexpected(r, w, "the end") : STATUS_OK;
}

enum status ir_parse(const char *text, struct arena *a, struct ir **ret_ir, struct fault *fault)
{
    struct reader r = {.p = text, .line = 1, .arena = a, .ir = ir_new(a), .fault = fault};
    for (;;) {
        struct word w = next_word(&r);
        if (word_is(w, "table")) {
            TRY(read_table(&r));
        } else if (word_is(w, "fn")) {
            TRY(read_fn(&r));
        } else if (word_is(w, "image")) {
            TRY(read_image(&r));
        } else if (word_is(w, "response")) {
            TRY(read_response(&r));
        } else if (word_is(w, "arg")) {
            TRY(read_arg(&r));
        } else if (word_is(w, "main")) {
            TRY(read_main(&r));
            *ret_ir = r.ir;
            return STATUS_OK;
        } else {
            return unexpected(&r, w, "table, fn, image, response, arg or main");
        }
    }
}
