/* The meaning of each operation on sixteen lanes, for x86-64-v4 (AVX-512 F, VL, DQ, BW). */
#ifndef CORE_LANES_V4_H
#define CORE_LANES_V4_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m512 vf;
typedef struct {
    __m512d lo, hi;
} vd;
typedef __m512i vi;
typedef struct {
    __mmask16 bits;
} vm;
enum { LANES = 16 };

/* One row a meaning. */
/* clang-format off */

#define LANE static inline __attribute__((always_inline))
#define EACH_D1(f, a)    ((vd){f((a).lo), f((a).hi)})
#define EACH_D2(f, a, b) ((vd){f((a).lo, (b).lo), f((a).hi, (b).hi)})

LANE vf load_f(const void *p) { return _mm512_loadu_ps(p); }
LANE vd load_d(const void *p) { return (vd){_mm512_loadu_pd(p), _mm512_loadu_pd((const double *)p + 8)}; }
LANE vd load_uniform_d(const void *p) { return (vd){_mm512_load_pd(p), _mm512_load_pd(p)}; }
LANE vi load_i(const void *p) { return _mm512_loadu_si512(p); }
LANE vm load_m(const void *p) { return (vm){_mm512_movepi32_mask(load_i(p))}; }
LANE void store_f(void *p, vf a) { _mm512_storeu_ps(p, a); }
LANE void store_d(void *p, vd a)
{
    _mm512_storeu_pd(p, a.lo);
    _mm512_storeu_pd((double *)p + 8, a.hi);
}
LANE void store_i(void *p, vi a) { _mm512_storeu_si512(p, a); }
LANE void store_m(void *p, vm a) { store_i(p, _mm512_movm_epi32(a.bits)); }
LANE vi splat_i(int32_t a) { return _mm512_set1_epi32(a); }
LANE vi lane_numbers(void) { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

LANE vf f_add(vf a, vf b) { return _mm512_add_ps(a, b); }
LANE vf f_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
LANE vf f_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
LANE vf f_div(vf a, vf b) { return _mm512_div_ps(a, b); }
LANE vf f_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
LANE vf f_min(vf a, vf b) { return _mm512_min_ps(a, b); }
LANE vf f_max(vf a, vf b) { return _mm512_max_ps(a, b); }
LANE vf f_neg(vf a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
LANE vf f_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
LANE vf f_sqrt(vf a) { return _mm512_sqrt_ps(a); }
LANE vf f_floor(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANE vf f_rint(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANE vm f_lt(vf a, vf b) { return (vm){_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)}; }
LANE vm f_le(vf a, vf b) { return (vm){_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ)}; }
LANE vm f_eq(vf a, vf b) { return (vm){_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)}; }
LANE vf f_sel(vm a, vf b, vf c) { return _mm512_mask_blend_ps(a.bits, c, b); }

LANE vd d_add(vd a, vd b) { return EACH_D2(_mm512_add_pd, a, b); }
LANE vd d_sub(vd a, vd b) { return EACH_D2(_mm512_sub_pd, a, b); }
LANE vd d_mul(vd a, vd b) { return EACH_D2(_mm512_mul_pd, a, b); }
LANE vd d_div(vd a, vd b) { return EACH_D2(_mm512_div_pd, a, b); }
LANE vd d_fma(vd a, vd b, vd c)
{
    return (vd){_mm512_fmadd_pd(a.lo, b.lo, c.lo), _mm512_fmadd_pd(a.hi, b.hi, c.hi)};
}
LANE vd d_min(vd a, vd b) { return EACH_D2(_mm512_min_pd, a, b); }
LANE vd d_max(vd a, vd b) { return EACH_D2(_mm512_max_pd, a, b); }
LANE vd d_neg(vd a)
{
    __m512d sign = _mm512_set1_pd(-0.0);
    return (vd){_mm512_xor_pd(a.lo, sign), _mm512_xor_pd(a.hi, sign)};
}
LANE vd d_abs(vd a)
{
    __m512d sign = _mm512_set1_pd(-0.0);
    return (vd){_mm512_andnot_pd(sign, a.lo), _mm512_andnot_pd(sign, a.hi)};
}
LANE vd d_sqrt(vd a) { return EACH_D1(_mm512_sqrt_pd, a); }
LANE vd d_floor(vd a)
{
    return (vd){_mm512_roundscale_pd(a.lo, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                _mm512_roundscale_pd(a.hi, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
LANE vd d_rint(vd a)
{
    return (vd){_mm512_roundscale_pd(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm512_roundscale_pd(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
#define COMPARE_D(a, b, predicate)                                          \
    ((vm){(__mmask16)(_mm512_cmp_pd_mask((a).lo, (b).lo, predicate) |       \
                      _mm512_cmp_pd_mask((a).hi, (b).hi, predicate) << 8)})
LANE vm d_lt(vd a, vd b) { return COMPARE_D(a, b, _CMP_LT_OQ); }
LANE vm d_le(vd a, vd b) { return COMPARE_D(a, b, _CMP_LE_OQ); }
LANE vm d_eq(vd a, vd b) { return COMPARE_D(a, b, _CMP_EQ_OQ); }
LANE vd d_sel(vm a, vd b, vd c)
{
    return (vd){_mm512_mask_blend_pd((__mmask8)a.bits, c.lo, b.lo),
                _mm512_mask_blend_pd((__mmask8)(a.bits >> 8), c.hi, b.hi)};
}

LANE vi i_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
LANE vi i_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
LANE vi i_mul(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
LANE vi i_and(vi a, vi b) { return _mm512_and_si512(a, b); }
LANE vi i_or(vi a, vi b) { return _mm512_or_si512(a, b); }
LANE vi i_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
LANE vi i_shl(vi a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_shr(vi a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_sar(vi a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vm i_lt(vi a, vi b) { return (vm){_mm512_cmplt_epi32_mask(a, b)}; }
LANE vm i_eq(vi a, vi b) { return (vm){_mm512_cmpeq_epi32_mask(a, b)}; }
LANE vi i_sel(vm a, vi b, vi c) { return _mm512_mask_blend_epi32(a.bits, c, b); }

LANE vm m_and(vm a, vm b) { return (vm){_kand_mask16(a.bits, b.bits)}; }
LANE vm m_or(vm a, vm b) { return (vm){_kor_mask16(a.bits, b.bits)}; }
LANE vm m_not(vm a) { return (vm){_knot_mask16(a.bits)}; }

/* NaN made canonical. */
LANE vf f_canon(vf a)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a,
                                _mm512_castsi512_ps(_mm512_set1_epi32(0x7fc00000)));
}
LANE vd d_canon(vd a)
{
    __m512d nan = _mm512_castsi512_pd(_mm512_set1_epi64(0x7ff8000000000000));
    return (vd){_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.lo, a.lo, _CMP_UNORD_Q), a.lo, nan),
                _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.hi, a.hi, _CMP_UNORD_Q), a.hi, nan)};
}

LANE vd d_from_f(vf a)
{
    return (vd){_mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1))};
}
LANE vf f_from_d(vd a)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a.lo)), _mm512_cvtpd_ps(a.hi), 1);
}
LANE vf f_from_i(vi a) { return _mm512_cvtepi32_ps(a); }
LANE vd d_from_i(vi a)
{
    return (vd){_mm512_cvtepi32_pd(_mm512_castsi512_si256(a)), _mm512_cvtepi32_pd(_mm512_extracti32x8_epi32(a, 1))};
}
LANE vi i_from_f(vf a) { return _mm512_cvttps_epi32(a); }
LANE vi i_from_d(vd a)
{
    return _mm512_inserti32x8(_mm512_castsi256_si512(_mm512_cvttpd_epi32(a.lo)), _mm512_cvttpd_epi32(a.hi), 1);
}
LANE vi i_bits_f(vf a) { return _mm512_castps_si512(f_canon(a)); }
LANE vf f_from_bits(vi a) { return f_canon(_mm512_castsi512_ps(a)); }
LANE __m256i high_words(__m512d a) { return _mm512_cvtepi64_epi32(_mm512_srli_epi64(_mm512_castpd_si512(a), 32)); }
LANE vi i_high_d(vd a)
{
    a = d_canon(a);
    return _mm512_inserti32x8(_mm512_castsi256_si512(high_words(a.lo)), high_words(a.hi), 1);
}
LANE __m512d from_high_words(__m256i a)
{
    return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_cvtepu32_epi64(a), 32));
}
LANE vd d_from_high(vi a)
{
    return d_canon((vd){from_high_words(_mm512_castsi512_si256(a)), from_high_words(_mm512_extracti32x8_epi32(a, 1))});
}

LANE vi gather_words(const void *table, vi index) { return _mm512_i32gather_epi32(index, table, 4); }

/* clang-format on */

#endif
