/* WIDE: marks a small loop over samples that is worth one copy for CPUs with wide vectors. AVX2 brings no fused
 * multiply-add, so all copies give the same bytes. Without no-trapping-math a comparison of floats keeps a
 * loop from becoming vectors, as if somebody looked at the exception flags; values are the same. */
#ifndef API_WIDE_H
#define API_WIDE_H

/* Copies are chosen before the thread sanitizer is ready; clang has no optimize attribute. */
#if defined __clang__ || defined __SANITIZE_THREAD__
#define WIDE
#else
#define WIDE __attribute__((target_clones("avx2", "default"), optimize("O3", "no-trapping-math")))
#endif

#endif
