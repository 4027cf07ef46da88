/* Inside the interpreter: a plan made flat (calls inlined, dead values left out), and the bytecode made from it. */
#ifndef CORE_INTERP_PROGRAM_H
#define CORE_INTERP_PROGRAM_H

#include "core/interp.h"
#include "core/interp/loops.h"

/* What the flat list has beside the operations of ops.def. */
enum {
    FLAT_FILL = OP_COUNT, /* args[0], uniform, as a strip */
    FLAT_OUTPUT,          /* stores args[0] to output imm */
};

enum { FLAT_NONE = 0, FLAT_UNPLACED = UINT32_MAX };

/* One instruction. Values are numbered from 1 over the whole program. */
struct flat {
    uint16_t op;
    uint8_t type; /* enum type */
    uint8_t rate; /* enum rate: at which it is computed; hoisting may lower it below the plan's */
    uint8_t n_args;
    bool needed;
    bool in_strips; /* uniform, and read by strip loops */
    int32_t imm;
    uint32_t aux; /* offset in state, or ring */
    uint32_t args[3];
    uint64_t bits;        /* constants */
    uint32_t region;      /* SAMPLE: where it is computed */
    uint32_t slot;        /* its place in work, when uniform or in a SERIAL region */
    uint32_t strip;       /* its strip's offset in work, or FLAT_UNPLACED */
    uint32_t first, last; /* SAMPLE: in which steps its strip is alive; last 0: it has none */
};

struct flat_list {
    uint32_t *ids;
    uint32_t n, cap;
};

struct flat_region {
    enum region_kind kind;
    uint32_t parent;       /* index, or FLAT_UNPLACED at the top */
    struct flat_list list; /* VECTOR, SERIAL */
    uint32_t *subs;        /* CHUNK: indices of regions */
    uint32_t n_subs;
    uint32_t *ages; /* CHUNK: values */
    uint32_t n_ages;
    uint32_t first, last; /* steps */
};

struct flat_plan {
    const struct plan *plan;
    struct arena *arena;
    struct flat *flats;
    uint32_t n, cap;
    uint32_t *by_val;           /* main's values; FLAT_NONE: not there */
    struct flat_list call, row; /* computed once a call, once a row */
    struct flat_list consts;
    struct flat_region *regions;
    uint32_t n_regions, cap_regions;
    uint32_t serial_at;   /* where SERIAL regions have their slots, one region after another */
    struct flat_list top; /* the top regions in order; the last one stores the outputs */
};

/* `root`: only what this value of rate CONST or CALL needs; VAL_NONE: the whole plan. */
struct flat_plan *flat_plan_make(const struct plan *p, struct val root, struct arena *a);

struct block {
    enum region_kind kind;
    const struct step *steps;         /* VECTOR; SERIAL: of one sample */
    const struct step *enter, *leave; /* SERIAL: state in and out */
    const struct block *subs;
    uint32_t n_subs;
    uint32_t *ages; /* CHUNK: slots of the ages that are uniform */
    uint32_t n_ages;
    bool age_varies; /* an age of rate SAMPLE: pieces of one sample */
};

struct interp {
    const struct step *call_steps, *row_steps;
    const struct block *blocks;
    uint32_t n_blocks;
    const void *consts; /* the first bytes of work */
    size_t n_consts;
    const struct loop_table *tables;
    uint32_t strip; /* samples */
    size_t work_size;
    uint32_t root_slot; /* interp_build() with a root: where it is */
};

struct interp *interp_build(const struct plan *p, struct val root, enum interp_isa isa, struct arena *a);

#endif
