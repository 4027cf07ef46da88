/* The meaning of each operation on eight lanes, for x86-64-v3 (AVX2, FMA). */
#ifndef CORE_LANES_V3_H
#define CORE_LANES_V3_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m256 vf;
typedef struct {
    __m256d lo, hi;
} vd;
typedef __m256i vi;
typedef struct {
    __m256i bits; /* 0 or -1 a lane */
} vm;
enum { LANES = 8 };

/* One row a meaning. */
/* clang-format off */

#define LANE static inline __attribute__((always_inline))
#define EACH_D1(f, a)    ((vd){f((a).lo), f((a).hi)})
#define EACH_D2(f, a, b) ((vd){f((a).lo, (b).lo), f((a).hi, (b).hi)})

LANE vf load_f(const void *p) { return _mm256_loadu_ps(p); }
LANE vd load_d(const void *p) { return (vd){_mm256_loadu_pd(p), _mm256_loadu_pd((const double *)p + 4)}; }
LANE vd load_uniform_d(const void *p) { return (vd){_mm256_load_pd(p), _mm256_load_pd(p)}; }
LANE vi load_i(const void *p) { return _mm256_loadu_si256(p); }
LANE vm load_m(const void *p) { return (vm){load_i(p)}; }
LANE void store_f(void *p, vf a) { _mm256_storeu_ps(p, a); }
LANE void store_d(void *p, vd a)
{
    _mm256_storeu_pd(p, a.lo);
    _mm256_storeu_pd((double *)p + 4, a.hi);
}
LANE void store_i(void *p, vi a) { _mm256_storeu_si256(p, a); }
LANE void store_m(void *p, vm a) { store_i(p, a.bits); }
LANE vi splat_i(int32_t a) { return _mm256_set1_epi32(a); }
LANE vi lane_numbers(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }

LANE vf f_add(vf a, vf b) { return _mm256_add_ps(a, b); }
LANE vf f_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
LANE vf f_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
LANE vf f_div(vf a, vf b) { return _mm256_div_ps(a, b); }
LANE vf f_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
LANE vf f_min(vf a, vf b) { return _mm256_min_ps(a, b); }
LANE vf f_max(vf a, vf b) { return _mm256_max_ps(a, b); }
LANE vf f_neg(vf a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
LANE vf f_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
LANE vf f_sqrt(vf a) { return _mm256_sqrt_ps(a); }
LANE vf f_floor(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANE vf f_rint(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANE vm f_lt(vf a, vf b) { return (vm){_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LT_OQ))}; }
LANE vm f_le(vf a, vf b) { return (vm){_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_LE_OQ))}; }
LANE vm f_eq(vf a, vf b) { return (vm){_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))}; }
LANE vf f_sel(vm a, vf b, vf c) { return _mm256_blendv_ps(c, b, _mm256_castsi256_ps(a.bits)); }

LANE vd d_add(vd a, vd b) { return EACH_D2(_mm256_add_pd, a, b); }
LANE vd d_sub(vd a, vd b) { return EACH_D2(_mm256_sub_pd, a, b); }
LANE vd d_mul(vd a, vd b) { return EACH_D2(_mm256_mul_pd, a, b); }
LANE vd d_div(vd a, vd b) { return EACH_D2(_mm256_div_pd, a, b); }
LANE vd d_fma(vd a, vd b, vd c)
{
    return (vd){_mm256_fmadd_pd(a.lo, b.lo, c.lo), _mm256_fmadd_pd(a.hi, b.hi, c.hi)};
}
LANE vd d_min(vd a, vd b) { return EACH_D2(_mm256_min_pd, a, b); }
LANE vd d_max(vd a, vd b) { return EACH_D2(_mm256_max_pd, a, b); }
LANE vd d_neg(vd a)
{
    __m256d sign = _mm256_set1_pd(-0.0);
    return (vd){_mm256_xor_pd(a.lo, sign), _mm256_xor_pd(a.hi, sign)};
}
LANE vd d_abs(vd a)
{
    __m256d sign = _mm256_set1_pd(-0.0);
    return (vd){_mm256_andnot_pd(sign, a.lo), _mm256_andnot_pd(sign, a.hi)};
}
LANE vd d_sqrt(vd a) { return EACH_D1(_mm256_sqrt_pd, a); }
LANE vd d_floor(vd a)
{
    return (vd){_mm256_round_pd(a.lo, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                _mm256_round_pd(a.hi, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
LANE vd d_rint(vd a)
{
    return (vd){_mm256_round_pd(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm256_round_pd(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/* Every second word of lo and hi, in the order of the lanes. */
LANE vi even_words(__m256d lo, __m256d hi)
{
    __m256 mixed = _mm256_shuffle_ps(_mm256_castpd_ps(lo), _mm256_castpd_ps(hi), _MM_SHUFFLE(2, 0, 2, 0));
    return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), _MM_SHUFFLE(3, 1, 2, 0));
}
LANE vi odd_words(__m256d lo, __m256d hi)
{
    __m256 mixed = _mm256_shuffle_ps(_mm256_castpd_ps(lo), _mm256_castpd_ps(hi), _MM_SHUFFLE(3, 1, 3, 1));
    return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), _MM_SHUFFLE(3, 1, 2, 0));
}
#define COMPARE_D(a, b, predicate) \
    ((vm){even_words(_mm256_cmp_pd((a).lo, (b).lo, predicate), _mm256_cmp_pd((a).hi, (b).hi, predicate))})
LANE vm d_lt(vd a, vd b) { return COMPARE_D(a, b, _CMP_LT_OQ); }
LANE vm d_le(vd a, vd b) { return COMPARE_D(a, b, _CMP_LE_OQ); }
LANE vm d_eq(vd a, vd b) { return COMPARE_D(a, b, _CMP_EQ_OQ); }
LANE vd d_sel(vm a, vd b, vd c)
{
    __m256d lo = _mm256_castsi256_pd(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(a.bits)));
    __m256d hi = _mm256_castsi256_pd(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(a.bits, 1)));
    return (vd){_mm256_blendv_pd(c.lo, b.lo, lo), _mm256_blendv_pd(c.hi, b.hi, hi)};
}

LANE vi i_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
LANE vi i_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
LANE vi i_mul(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
LANE vi i_and(vi a, vi b) { return _mm256_and_si256(a, b); }
LANE vi i_or(vi a, vi b) { return _mm256_or_si256(a, b); }
LANE vi i_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
LANE vi i_shl(vi a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_shr(vi a, int n) { return _mm256_srl_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_sar(vi a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vm i_lt(vi a, vi b) { return (vm){_mm256_cmpgt_epi32(b, a)}; }
LANE vm i_eq(vi a, vi b) { return (vm){_mm256_cmpeq_epi32(a, b)}; }
LANE vi i_sel(vm a, vi b, vi c) { return _mm256_blendv_epi8(c, b, a.bits); }

LANE vm m_and(vm a, vm b) { return (vm){_mm256_and_si256(a.bits, b.bits)}; }
LANE vm m_or(vm a, vm b) { return (vm){_mm256_or_si256(a.bits, b.bits)}; }
LANE vm m_not(vm a) { return (vm){_mm256_xor_si256(a.bits, _mm256_set1_epi32(-1))}; }

/* NaN made canonical. */
LANE vf f_canon(vf a)
{
    return _mm256_blendv_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
LANE vd d_canon(vd a)
{
    __m256d nan = _mm256_castsi256_pd(_mm256_set1_epi64x(0x7ff8000000000000));
    return (vd){_mm256_blendv_pd(a.lo, nan, _mm256_cmp_pd(a.lo, a.lo, _CMP_UNORD_Q)),
                _mm256_blendv_pd(a.hi, nan, _mm256_cmp_pd(a.hi, a.hi, _CMP_UNORD_Q))};
}

LANE vd d_from_f(vf a)
{
    return (vd){_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
}
LANE vf f_from_d(vd a) { return _mm256_set_m128(_mm256_cvtpd_ps(a.hi), _mm256_cvtpd_ps(a.lo)); }
LANE vf f_from_i(vi a) { return _mm256_cvtepi32_ps(a); }
LANE vd d_from_i(vi a)
{
    return (vd){_mm256_cvtepi32_pd(_mm256_castsi256_si128(a)), _mm256_cvtepi32_pd(_mm256_extracti128_si256(a, 1))};
}
LANE vi i_from_f(vf a) { return _mm256_cvttps_epi32(a); }
LANE vi i_from_d(vd a) { return _mm256_set_m128i(_mm256_cvttpd_epi32(a.hi), _mm256_cvttpd_epi32(a.lo)); }
LANE vi i_bits_f(vf a) { return _mm256_castps_si256(f_canon(a)); }
LANE vf f_from_bits(vi a) { return f_canon(_mm256_castsi256_ps(a)); }
LANE vi i_high_d(vd a)
{
    a = d_canon(a);
    return odd_words(a.lo, a.hi);
}
LANE vd d_from_high(vi a)
{
    __m256i lo = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(a));
    __m256i hi = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(a, 1));
    return d_canon((vd){_mm256_castsi256_pd(_mm256_slli_epi64(lo, 32)), _mm256_castsi256_pd(_mm256_slli_epi64(hi, 32))});
}

LANE vi gather_words(const void *table, vi index) { return _mm256_i32gather_epi32(table, index, 4); }

/* clang-format on */

#endif
