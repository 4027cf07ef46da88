/* Pieces that audio nodes are made of: phases of 32 bits a turn, frequencies held in range, filter sections, noise by
 * sample, clocks that count, lists of numbers in shape inputs. */
#ifndef CORE_NODES_AUDIO_PARTS_H
#define CORE_NODES_AUDIO_PARTS_H

#include "core/build.h"
#include "core/node.h"

/* Turns (f64) to a phase of 32 bits; whole turns vanish. */
struct val turns_to_phase(struct build *b, struct val turns);
/* Inputs freq and phase to the present phase; *ret_step: freq / rate (f64). */
struct val phase_of(struct build *b, struct val freq, struct val phase, struct val *ret_step);
struct val unit_phase(struct build *b, struct val phase); /* 0 <= p < 1, 24 bits, f32 */
struct val sine_of_phase(struct build *b, struct val phase);
/* Twice the error of a naive step of 1 at p = 0, as wide as |dt| turns on both sides; f32. */
struct val poly_blep(struct build *b, struct val p, struct val dt);

/* freq within 0.1 Hz .. 0.49 rate; pi f/R of that. f64. */
struct val clamp_freq(struct build *b, struct val freq);
struct val half_angle(struct build *b, struct val freq);
struct val tanh_wide(struct build *b, struct val x);    /* f64, to 1e-11; a NaN gives -1 */
struct val rising(struct build *b, struct val trigger); /* mask: above 0.5 now, and not one sample ago */

/* 32 bits of (n, seed); 24 of 32 bits as -1 .. 1 (f32); all of them as 0 .. 1 (f64). */
struct val sample_hash(struct build *b, struct val low, struct val high, struct val seed);
struct val signed_unit(struct build *b, struct val hash);
struct val wide_unit(struct build *b, struct val hash);

/* A clock of freq cells a second, 0..R: where in its cell a sample is (0..1), how far the clock goes until the next
 * sample (0..1, both f64, exact multiples of 2^-32), the number of the cell (i32). */
struct cell_clock {
    struct val at, step, cell;
};
struct cell_clock cell_clock(struct build *b, struct val freq);

/* Reads a list of lo..hi finite numbers. `what` names it in faults; `limit` names the limit. */
enum status number_list(struct build *b, const struct datum *list, const char *pointer, const char *what,
                        const char *limit, size_t lo, size_t hi, double *ret, size_t *ret_n) MUST_CHECK;
/* The JSON pointer of an input of the node being built. */
const char *input_pointer(struct build *b, const struct node_args *args, size_t input);
/* A table of f32 named after what it holds; padded with its last value to a power of two. */
uint32_t number_table(struct build *b, const float *data, size_t n);

#endif
