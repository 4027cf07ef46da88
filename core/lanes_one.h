/* The meaning of each operation on one lane: the lowest lane of an SSE register, the others are not looked at.
 * Made of the packed instructions, so that nothing can differ from the wide lanes. Without FMA in the target,
 * lanes_odd.h (f32) and libm's fma (f64) stand in: the same rounding, once. */
#ifndef CORE_LANES_ONE_H
#define CORE_LANES_ONE_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/lanes_odd.h"

typedef __m128 vf;
typedef __m128d vd;
typedef __m128i vi;
typedef struct {
    __m128i bits; /* 0 or -1 */
} vm;
enum { LANES = 1 };

/* One row a meaning. */
/* clang-format off */

#define LANE static inline __attribute__((always_inline))

LANE vf load_f(const void *p) { return _mm_load_ss(p); }
LANE vd load_d(const void *p) { return _mm_load_sd(p); }
LANE vi load_i(const void *p) { return _mm_castps_si128(_mm_load_ss(p)); }
LANE vm load_m(const void *p) { return (vm){load_i(p)}; }
LANE void store_f(void *p, vf a) { _mm_store_ss(p, a); }
LANE void store_d(void *p, vd a) { _mm_store_sd(p, a); }
LANE void store_i(void *p, vi a) { _mm_store_ss(p, _mm_castsi128_ps(a)); }
LANE void store_m(void *p, vm a) { store_i(p, a.bits); }

LANE vf f_add(vf a, vf b) { return _mm_add_ps(a, b); }
LANE vf f_sub(vf a, vf b) { return _mm_sub_ps(a, b); }
LANE vf f_mul(vf a, vf b) { return _mm_mul_ps(a, b); }
LANE vf f_div(vf a, vf b) { return _mm_div_ps(a, b); }
LANE vf f_fma(vf a, vf b, vf c)
{
#ifdef __FMA__
    return _mm_fmadd_ps(a, b, c);
#else
    return _mm_cvtpd_ps(fma_to_odd(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c)));
#endif
}
LANE vf f_min(vf a, vf b) { return _mm_min_ps(a, b); }
LANE vf f_max(vf a, vf b) { return _mm_max_ps(a, b); }
LANE vf f_neg(vf a) { return _mm_xor_ps(a, _mm_set1_ps(-0.0f)); }
LANE vf f_abs(vf a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
LANE vf f_sqrt(vf a) { return _mm_sqrt_ps(a); }
LANE vf f_floor(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANE vf f_rint(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANE vm f_lt(vf a, vf b) { return (vm){_mm_castps_si128(_mm_cmplt_ps(a, b))}; }
LANE vm f_le(vf a, vf b) { return (vm){_mm_castps_si128(_mm_cmple_ps(a, b))}; }
LANE vm f_eq(vf a, vf b) { return (vm){_mm_castps_si128(_mm_cmpeq_ps(a, b))}; }
LANE vf f_sel(vm a, vf b, vf c) { return _mm_blendv_ps(c, b, _mm_castsi128_ps(a.bits)); }

LANE vd d_add(vd a, vd b) { return _mm_add_pd(a, b); }
LANE vd d_sub(vd a, vd b) { return _mm_sub_pd(a, b); }
LANE vd d_mul(vd a, vd b) { return _mm_mul_pd(a, b); }
LANE vd d_div(vd a, vd b) { return _mm_div_pd(a, b); }
LANE vd d_fma(vd a, vd b, vd c)
{
#ifdef __FMA__
    return _mm_fmadd_pd(a, b, c);
#else
    return _mm_set_sd(fma(_mm_cvtsd_f64(a), _mm_cvtsd_f64(b), _mm_cvtsd_f64(c)));
#endif
}
LANE vd d_min(vd a, vd b) { return _mm_min_pd(a, b); }
LANE vd d_max(vd a, vd b) { return _mm_max_pd(a, b); }
LANE vd d_neg(vd a) { return _mm_xor_pd(a, _mm_set1_pd(-0.0)); }
LANE vd d_abs(vd a) { return _mm_andnot_pd(_mm_set1_pd(-0.0), a); }
LANE vd d_sqrt(vd a) { return _mm_sqrt_pd(a); }
LANE vd d_floor(vd a) { return _mm_round_pd(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
LANE vd d_rint(vd a) { return _mm_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LANE vm d_lt(vd a, vd b) { return (vm){_mm_castpd_si128(_mm_cmplt_pd(a, b))}; }
LANE vm d_le(vd a, vd b) { return (vm){_mm_castpd_si128(_mm_cmple_pd(a, b))}; }
LANE vm d_eq(vd a, vd b) { return (vm){_mm_castpd_si128(_mm_cmpeq_pd(a, b))}; }
LANE vd d_sel(vm a, vd b, vd c)
{
    return _mm_blendv_pd(c, b, _mm_castsi128_pd(_mm_shuffle_epi32(a.bits, 0)));
}

LANE vi i_add(vi a, vi b) { return _mm_add_epi32(a, b); }
LANE vi i_sub(vi a, vi b) { return _mm_sub_epi32(a, b); }
LANE vi i_mul(vi a, vi b) { return _mm_mullo_epi32(a, b); }
LANE vi i_and(vi a, vi b) { return _mm_and_si128(a, b); }
LANE vi i_or(vi a, vi b) { return _mm_or_si128(a, b); }
LANE vi i_xor(vi a, vi b) { return _mm_xor_si128(a, b); }
LANE vi i_shl(vi a, int n) { return _mm_sll_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_shr(vi a, int n) { return _mm_srl_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vi i_sar(vi a, int n) { return _mm_sra_epi32(a, _mm_cvtsi32_si128(n)); }
LANE vm i_lt(vi a, vi b) { return (vm){_mm_cmplt_epi32(a, b)}; }
LANE vm i_eq(vi a, vi b) { return (vm){_mm_cmpeq_epi32(a, b)}; }
LANE vi i_sel(vm a, vi b, vi c) { return _mm_blendv_epi8(c, b, a.bits); }

LANE vm m_and(vm a, vm b) { return (vm){_mm_and_si128(a.bits, b.bits)}; }
LANE vm m_or(vm a, vm b) { return (vm){_mm_or_si128(a.bits, b.bits)}; }
LANE vm m_not(vm a) { return (vm){_mm_xor_si128(a.bits, _mm_set1_epi32(-1))}; }

/* NaN made canonical. */
LANE vf f_canon(vf a)
{
    return _mm_blendv_ps(a, _mm_castsi128_ps(_mm_set1_epi32(0x7fc00000)), _mm_cmpunord_ps(a, a));
}
LANE vd d_canon(vd a)
{
    return _mm_blendv_pd(a, _mm_castsi128_pd(_mm_set1_epi64x(0x7ff8000000000000)), _mm_cmpunord_pd(a, a));
}

LANE vd d_from_f(vf a) { return _mm_cvtps_pd(a); }
LANE vf f_from_d(vd a) { return _mm_cvtpd_ps(a); }
LANE vf f_from_i(vi a) { return _mm_cvtepi32_ps(a); }
LANE vd d_from_i(vi a) { return _mm_cvtepi32_pd(a); }
LANE vi i_from_f(vf a) { return _mm_cvttps_epi32(a); }
LANE vi i_from_d(vd a) { return _mm_cvttpd_epi32(a); }
LANE vi i_bits_f(vf a) { return _mm_castps_si128(f_canon(a)); }
LANE vf f_from_bits(vi a) { return f_canon(_mm_castsi128_ps(a)); }
LANE vi i_high_d(vd a) { return _mm_srli_epi64(_mm_castpd_si128(d_canon(a)), 32); }
LANE vd d_from_high(vi a) { return d_canon(_mm_castsi128_pd(_mm_slli_epi64(a, 32))); }

/* clang-format on */

#endif
