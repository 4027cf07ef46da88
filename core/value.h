/* Values of the expression language while they are lowered: scalars and vectors of IR values, with their number type.
 */
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include "core/build.h"

/* NUMBER is a literal, a parameter, or arithmetic of those: f64 of rate CALL, which becomes f32 as soon as it meets an
 * f32. */
enum value_kind { VALUE_NONE, VALUE_NUMBER, VALUE_F32, VALUE_F64 };

struct value {
    enum value_kind kind;
    int dims; /* 1..4 */
    struct val c[4];
    struct val truth; /* of a comparison (dims 1): its mask; else VAL_NONE */
    bool literal;     /* a plain number as the client wrote it */
};

struct value value_of(const struct build *b, struct val v); /* f32 or f64 scalar by its type */
struct value value_number(struct build *b, double v);       /* a structural constant */
struct val value_as(struct build *b, const struct value *v, int component,
                    enum type t);                               /* f32 or f64; scalars broadcast */
struct val value_truth(struct build *b, const struct value *v); /* mask: above 0.5 */
struct value value_from_truth(struct build *b, struct val mask, enum value_kind kind);

/* The kind two operands meet in: NUMBER if both are, F64 if either is, else F32. */
enum value_kind value_meet(enum value_kind a, enum value_kind b);
enum type value_type(enum value_kind kind);

#endif
