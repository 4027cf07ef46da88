/* Calls of IR functions over constants, computed. */
#ifndef CORE_PASS_FOLD_CALL_H
#define CORE_PASS_FOLD_CALL_H

#include "core/interp.h"
#include "core/ir.h"

/* What `call` gives for these arguments. False when it would run more than *budget instructions, which are taken off.
 */
bool fold_call_value(const struct ir *ir, const struct ins *call, const struct constant *args, uint32_t *budget,
                     struct constant *ret_value);

#endif
