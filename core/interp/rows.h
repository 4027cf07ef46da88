/* Reading ops.def rows with the preprocessor: the type of each operand from the row's `args` string, and whether the
 * row has a `meaning`. Include after one of the lanes headers. */
#ifndef CORE_INTERP_ROWS_H
#define CORE_INTERP_ROWS_H

#define ROW_ARITY(args) ((int)sizeof(args) - 1)
#define ROW_IS(args, k, letter) (__builtin_strncmp((args) + (ROW_ARITY(args) > (k) ? (k) : 0), letter, 1) == 0)

/* One of four expressions, by the type of operand k. */
#define ROW_CHOOSE(args, k, f, d, i, m)                                                                                \
    __builtin_choose_expr(                                                                                             \
        ROW_IS(args, k, "f"), f,                                                                                       \
        __builtin_choose_expr(ROW_IS(args, k, "d"), d, __builtin_choose_expr(ROW_IS(args, k, "m"), m, i)))
#define ROW_TYPE(args, k) __typeof__(*ROW_CHOOSE(args, k, (vf *)0, (vd *)0, (vi *)0, (vm *)0))
#define ROW_LOAD(args, k, p) ROW_CHOOSE(args, k, load_f(p), load_d(p), load_i(p), load_m(p))
#define ROW_LOAD_UNIFORM(args, k, p) ROW_CHOOSE(args, k, load_f(p), load_uniform_d(p), load_i(p), load_m(p))
#define ROW_SIZE(args, k) ((size_t)(ROW_IS(args, k, "d") ? 8 : 4))

#define SIZE_OF_f 4
#define SIZE_OF_d 8
#define SIZE_OF_i 4
#define SIZE_OF_m 4

/* ROW_IF(meaning)(then): `then` for rows with a meaning, nothing for those whose meaning is NONE. */
#define ROW_IF(meaning) ROW_IF_(ROW_PROBE_##meaning)
#define ROW_IF_(...) ROW_SECOND(__VA_ARGS__, ROW_KEEP, ROW_KEEP)
#define ROW_PROBE_NONE ~, ROW_DROP
#define ROW_SECOND(x, y, ...) y
#define ROW_KEEP(...) __VA_ARGS__
#define ROW_DROP(...)

#endif
