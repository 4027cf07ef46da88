/* The meaning of each operation on four lanes, for any x86-64 with SSE4.2. There is no fused multiply-add: f32 takes
 * lanes_odd.h, f64 libm's fma for each lane. */
#ifndef CORE_LANES_BASE_H
#define CORE_LANES_BASE_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/lanes_odd.h"

typedef __m128 vf;
typedef struct {
    __m128d lo, hi;
} vd;
typedef __m128i vi;
typedef struct {
    __m128i bits; /* 0 or -1 a lane */
} vm;
enum { LANES = 4 };

/* One row a meaning. */
/* clang-format off */

#define LANE static inline __attribute__((always_inline))
#define EACH_D1(f, a)    ((vd){f((a).lo), f((a).hi)})
#define EACH_D2(f, a, b) ((vd){f((a).lo, (b).lo), f((a).hi, (b).hi)})

LANE vf load_f(const void *p) { return _mm_loadu_ps(p); }
LANE vd load_d(const void *p) { return (vd){_mm_loadu_pd(p), _mm_loadu_pd((const double *)p + 2)}; }
LANE vd load_uniform_d(const void *p) { return (vd){_mm_load_pd(p), _mm_load_pd(p)}; }
LANE vi load_i(const void *p) { return _mm_loadu_si128(p); }
LANE vm load_m(const void *p) { return (vm){load_i(p)}; }
LANE void store_f(void *p, vf a) { _mm_storeu_ps(p, a); }
LANE void store_d(void *p, vd a)
{
    _mm_storeu_pd(p, a.lo);
    _mm_storeu_pd((double *)p + 2, a.hi);
}
LANE void store_i(void *p, vi a) { _mm_storeu_si128(p, a); }
LANE void store_m(void *p, vm a) { store_i(p, a.bits); }
LANE vi splat_i(int32_t a) { return _mm_set1_epi32(a); }
LANE vi lane_numbers(void) { return _mm_setr_epi32(0, 1, 2, 3); }

LANE vf f_add(vf a, vf b) { return _mm_add_ps(a, b); }
LANE vf f_sub(vf a, vf b) { return _mm_sub_ps(a, b); }
LANE vf f_mul(vf a, vf b) { return _mm_mul_ps(a, b); }
LANE vf f_div(vf a, vf b) { return _mm_div_ps(a, b); }
LANE vf f_fma(vf a, vf b, vf c)
{
    __m128d lo = fma_to_odd(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c));
    __m128d hi = fma_to_odd(_mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)),
                            _mm_cvtps_pd(_mm_movehl_ps(c, c)));
    return _mm_movelh_ps(_mm_cvtpd_ps(lo), _mm_cvtpd_ps(hi));
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

LANE vd d_add(vd a, vd b) { return EACH_D2(_mm_add_pd, a, b); }
LANE vd d_sub(vd a, vd b) { return EACH_D2(_mm_sub_pd, a, b); }
LANE vd d_mul(vd a, vd b) { return EACH_D2(_mm_mul_pd, a, b); }
LANE vd d_div(vd a, vd b) { return EACH_D2(_mm_div_pd, a, b); }
LANE vd d_fma(vd a, vd b, vd c)
{
    double x[4], y[4], z[4];
    store_d(x, a);
    store_d(y, b);
    store_d(z, c);
    for (int k = 0; k < 4; k++)
        x[k] = fma(x[k], y[k], z[k]);
    return load_d(x);
}
LANE vd d_min(vd a, vd b) { return EACH_D2(_mm_min_pd, a, b); }
LANE vd d_max(vd a, vd b) { return EACH_D2(_mm_max_pd, a, b); }
LANE vd d_neg(vd a)
{
    __m128d sign = _mm_set1_pd(-0.0);
    return (vd){_mm_xor_pd(a.lo, sign), _mm_xor_pd(a.hi, sign)};
}
LANE vd d_abs(vd a)
{
    __m128d sign = _mm_set1_pd(-0.0);
    return (vd){_mm_andnot_pd(sign, a.lo), _mm_andnot_pd(sign, a.hi)};
}
LANE vd d_sqrt(vd a) { return EACH_D1(_mm_sqrt_pd, a); }
LANE vd d_floor(vd a)
{
    return (vd){_mm_round_pd(a.lo, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                _mm_round_pd(a.hi, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
LANE vd d_rint(vd a)
{
    return (vd){_mm_round_pd(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                _mm_round_pd(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
LANE vi even_words(__m128d lo, __m128d hi)
{
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(lo), _mm_castpd_ps(hi), _MM_SHUFFLE(2, 0, 2, 0)));
}
LANE vm d_lt(vd a, vd b) { return (vm){even_words(_mm_cmplt_pd(a.lo, b.lo), _mm_cmplt_pd(a.hi, b.hi))}; }
LANE vm d_le(vd a, vd b) { return (vm){even_words(_mm_cmple_pd(a.lo, b.lo), _mm_cmple_pd(a.hi, b.hi))}; }
LANE vm d_eq(vd a, vd b) { return (vm){even_words(_mm_cmpeq_pd(a.lo, b.lo), _mm_cmpeq_pd(a.hi, b.hi))}; }
LANE vd d_sel(vm a, vd b, vd c)
{
    __m128d lo = _mm_castsi128_pd(_mm_unpacklo_epi32(a.bits, a.bits));
    __m128d hi = _mm_castsi128_pd(_mm_unpackhi_epi32(a.bits, a.bits));
    return (vd){_mm_blendv_pd(c.lo, b.lo, lo), _mm_blendv_pd(c.hi, b.hi, hi)};
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
    __m128d nan = _mm_castsi128_pd(_mm_set1_epi64x(0x7ff8000000000000));
    return (vd){_mm_blendv_pd(a.lo, nan, _mm_cmpunord_pd(a.lo, a.lo)),
                _mm_blendv_pd(a.hi, nan, _mm_cmpunord_pd(a.hi, a.hi))};
}

LANE vd d_from_f(vf a) { return (vd){_mm_cvtps_pd(a), _mm_cvtps_pd(_mm_movehl_ps(a, a))}; }
LANE vf f_from_d(vd a) { return _mm_movelh_ps(_mm_cvtpd_ps(a.lo), _mm_cvtpd_ps(a.hi)); }
LANE vf f_from_i(vi a) { return _mm_cvtepi32_ps(a); }
LANE vd d_from_i(vi a) { return (vd){_mm_cvtepi32_pd(a), _mm_cvtepi32_pd(_mm_unpackhi_epi64(a, a))}; }
LANE vi i_from_f(vf a) { return _mm_cvttps_epi32(a); }
LANE vi i_from_d(vd a) { return _mm_unpacklo_epi64(_mm_cvttpd_epi32(a.lo), _mm_cvttpd_epi32(a.hi)); }
LANE vi i_bits_f(vf a) { return _mm_castps_si128(f_canon(a)); }
LANE vf f_from_bits(vi a) { return f_canon(_mm_castsi128_ps(a)); }
LANE vi i_high_d(vd a)
{
    a = d_canon(a);
    return _mm_castps_si128(_mm_shuffle_ps(_mm_castpd_ps(a.lo), _mm_castpd_ps(a.hi), _MM_SHUFFLE(3, 1, 3, 1)));
}
LANE vd d_from_high(vi a)
{
    __m128i zero = _mm_setzero_si128();
    return d_canon((vd){_mm_castsi128_pd(_mm_unpacklo_epi32(zero, a)), _mm_castsi128_pd(_mm_unpackhi_epi32(zero, a))});
}

LANE vi gather_words(const void *table, vi index)
{
    const int32_t *words = table;
    return _mm_setr_epi32(words[_mm_extract_epi32(index, 0)], words[_mm_extract_epi32(index, 1)],
                          words[_mm_extract_epi32(index, 2)], words[_mm_extract_epi32(index, 3)]);
}

/* clang-format on */

#endif
