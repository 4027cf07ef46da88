/* Any bytes as an image that a request brings, for the fuzzers of images. */
#ifndef TESTS_FUZZ_PICTURE_H
#define TESTS_FUZZ_PICTURE_H

#include "api/image/image_in.h"

/* Judges the head, and decodes it when it is small: what is refused says why; memory is what image_bytes says. */
void picture_check(const struct image_options *options, const uint8_t *data, size_t n);

#endif
