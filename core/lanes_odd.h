/* Fused multiply-add of f32 for processors without it: the product is exact in f64, the sum is rounded to odd, so that
 * rounding it once more to f32 is rounding the exact result (Boldo and Melquiond, "Emulation of FMA and correctly
 * rounded sums: proved algorithms using rounding to odd", 2008). Overflow and denormals cannot occur before the last
 * step. */
#ifndef CORE_LANES_ODD_H
#define CORE_LANES_ODD_H

#include <immintrin.h>

/* a * b + c for operands that are f32 numbers, rounded to odd. */
static inline __attribute__((always_inline)) __m128d fma_to_odd(__m128d a, __m128d b, __m128d c)
{
    __m128d zero = _mm_setzero_pd();
    __m128d p = _mm_mul_pd(a, b);
    __m128d s = _mm_add_pd(p, c);
    __m128d c_part = _mm_sub_pd(s, p);
    __m128d error = _mm_add_pd(_mm_sub_pd(p, _mm_sub_pd(s, c_part)), _mm_sub_pd(c, c_part));
    __m128i bits = _mm_castpd_si128(s), one = _mm_set1_epi64x(1);
    __m128i inexact = _mm_castpd_si128(_mm_or_pd(_mm_cmplt_pd(error, zero), _mm_cmpgt_pd(error, zero)));
    __m128i even = _mm_cmpeq_epi64(_mm_and_si128(bits, one), _mm_setzero_si128());
    __m128i inward = _mm_srli_epi64(_mm_castpd_si128(_mm_xor_pd(error, s)), 63);
    __m128i step = _mm_sub_epi64(one, _mm_slli_epi64(inward, 1));
    return _mm_castsi128_pd(_mm_add_epi64(bits, _mm_and_si128(step, _mm_and_si128(inexact, even))));
}

#endif
