/* What sinter and sinter-cc say to each other over a SOCK_STREAM socketpair, which is the worker's fd 3.
 * Every message is a header and `size` bytes. The worker sends READY once its dummy compile is done; then, for each
 * COMPILE (payload: IR text, NUL-terminated), exactly one IMAGE or REFUSED (payload: a sentence). Both ends refuse a
 * header with a wrong magic, an unknown kind or a size above CC_MESSAGE_MAX. The worker leaves at end of file, and when
 * the assembler or the disk fails it. */
#ifndef JIT_CC_PROTOCOL_H
#define JIT_CC_PROTOCOL_H

#include <stdint.h>

#define CC_MAGIC 0x43544e53u /* "SNTC" */
enum { CC_FD = 3, CC_MESSAGE_MAX = 16 << 20 };

enum cc_kind { CC_READY = 1, CC_COMPILE, CC_IMAGE, CC_REFUSED };
enum cc_flag {
    CC_ASSEMBLY = 1
}; /* answer IMAGE's payload with the assembly text of the kernel instead of the image (explain --asm) */

struct cc_header {
    uint32_t magic;
    uint32_t kind;       /* enum cc_kind */
    uint32_t target;     /* COMPILE: enum target */
    uint32_t flags;      /* COMPILE: enum cc_flag; READY: what its sandbox holds, enum sandbox_part */
    uint32_t entry;      /* IMAGE: offset of the entry */
    uint32_t size;       /* bytes that follow */
    uint32_t compile_us; /* IMAGE: time in libgccjit and as */
    uint32_t admit_us;   /* IMAGE: time in the admission test */
    char compiler[32];   /* READY: "libgccjit 12.2.0" and the code generator version: part of the kernel key */
};

/* Raised when the emitter would give other code for the same IR. */
#define CODEGEN_VERSION 10

#endif
