/* What the printer and the parser of the IR's text form agree on besides the grammar in ir.h. */
#ifndef CORE_IR_TEXT_H
#define CORE_IR_TEXT_H

#include "core/ir.h"

/* Numbers are read and written in the default floating-point state, because a thread that runs kernels would lose
 * denormals. A decimal number has less than TEXT_NUMBER_MAX characters. */
enum { TEXT_MXCSR = 0x1f80, TEXT_NUMBER_MAX = 64 };

const char *type_text(enum type type); /* "f32" */

#endif
