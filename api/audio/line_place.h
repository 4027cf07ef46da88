/* A delay line that is too long: which node asks for it. */
#ifndef API_LINE_PLACE_H
#define API_LINE_PLACE_H

#include "api/subject.h"

/* The request's faults from number `from` on are about the delay lines of its program, with these parameters and this
 * rate: they point to the node with the longest. */
void line_place(struct exchange *ex, size_t from, struct subject *s, const struct program *p, const double *params,
                double rate);

#endif
