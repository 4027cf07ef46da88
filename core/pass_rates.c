/* Rate placement: says of each value how often it changes. Nothing is moved; engines compute a value at its rate. */
#include "core/pass.h"

bool pass_rates(struct ir *ir)
{
    ir_rates(ir);
    return false;
}
