/* The rows of ops.def as data. */
#include <string.h>

#include "core/ir.h"

enum {
    COMMUTES = OP_COMMUTES,
    SOURCE = OP_SOURCE,
    IMM_F = OP_IMM_F,
    IMM_D = OP_IMM_D,
    IMM_I = OP_IMM_I,
    STATE = OP_STATE
};

#define LETTER_f TYPE_F32
#define LETTER_d TYPE_F64
#define LETTER_i TYPE_I32
#define LETTER_m TYPE_MASK
#define LETTER_l TYPE_LINE
#define LETTER_p TYPE_PLANE

const struct op_info op_infos[OP_COUNT] = {
    [OP_NONE] = {"none", TYPE_NONE, "", 0, 0},
#define OP(id, text, result, args, flags, meaning, machine)                                                            \
    [OP_##id] = {text, LETTER_##result, args, flags, (args)[0] == '*' ? -1 : (int)sizeof(args) - 1},
#include "core/ops.def"
#undef OP
};

enum op op_by_text(const char *text)
{
    for (enum op op = OP_NONE + 1; op < OP_COUNT; op++)
        if (!strcmp(op_infos[op].text, text))
            return op;
    return OP_NONE;
}

enum type type_by_letter(char letter)
{
    switch (letter) {
    case 'f':
        return TYPE_F32;
    case 'd':
        return TYPE_F64;
    case 'i':
        return TYPE_I32;
    case 'm':
        return TYPE_MASK;
    case 'l':
        return TYPE_LINE;
    case 'p':
        return TYPE_PLANE;
    default:
        return TYPE_NONE;
    }
}
