/* Floats to halves, as OpenEXR stores them. */
#ifndef API_FORMAT_EXR_H
#define API_FORMAT_EXR_H

#include <stddef.h>
#include <stdint.h>

/* Rounds to even; from 65520 on to infinity; a NaN becomes 0x7e00 with its sign. Returns how many finite ones became
 * infinite. */
uint64_t halves_of_floats(const float *in, size_t n, uint16_t *out);

#endif
