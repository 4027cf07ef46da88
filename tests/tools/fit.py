#!/usr/bin/env python3
"""Polynomial coefficients of core/nodes/math_*.c.

Each row is a function g on an interval, the powers of the polynomial and how an error is weighed. Remez exchange on a dense
Chebyshev grid with mpmath at 50 digits; then the coefficients are rounded to f32 (or f64) one by one, lowest power first,
and the rest is fitted again, so that the rounding of one is made up for by the others. Prints C arrays, lowest power first, with the
greatest weighed error.

    python3 tests/tools/fit.py [name...]
"""
import struct
import sys

from mpmath import mp, mpf, matrix, lu_solve, cos, pi, log, exp, sin, tan, atan, asin, sqrt, sinh, tanh, asinh, cbrt, expm1

mp.dps = 50


def to_f32(v):
    return mpf(struct.unpack("f", struct.pack("f", float(v)))[0])


def to_f64(v):
    return mpf(float(v))


def remez(target, weight, a, b, powers):
    """Minimax sum(c[k] x^powers[k]) against the sampled target; returns (coefficients, error)."""
    n = len(powers)
    size = 60 * (n + 1)
    xs = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / (size - 1)) for i in range(size)]
    ts = [target(x) for x in xs]
    ws = [weight(x) for x in xs]
    basis = [[x ** p for p in powers] for x in xs]
    at = [round(i * (size - 1) / n) for i in range(n + 1)]
    for _ in range(40):
        m = matrix(n + 1, n + 1)
        r = matrix(n + 1, 1)
        for row, i in enumerate(at):
            for k in range(n):
                m[row, k] = basis[i][k] * ws[i]
            m[row, n] = (-1) ** row
            r[row] = ts[i] * ws[i]
        s = lu_solve(m, r)
        c = [s[k] for k in range(n)]
        err = [(sum(ck * bk for ck, bk in zip(c, basis[i])) - ts[i]) * ws[i] for i in range(size)]
        peaks = []  # the greatest error of every run of one sign
        for i in range(size):
            if peaks and (err[i] > 0) == (err[peaks[-1]] > 0):
                if abs(err[i]) > abs(err[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(err[peaks[0]]) < abs(err[peaks[-1]]) else -1)
        worst = max(abs(e) for e in err)
        if len(peaks) < n + 1 or peaks == at or worst < abs(s[n]) * mpf("1.001"):
            return c, worst
        at = peaks
    return c, worst


def fit(g, weight, a, b, powers, rounded, fixed=None):
    a, b = mpf(a), mpf(b)
    fixed = dict(fixed or {})
    free = [p for p in powers if p not in fixed]
    last, best = None, None
    while free:
        def rest(x):
            return g(x) - sum(c * x ** p for p, c in fixed.items())
        c, worst = remez(rest, weight, a, b, free)
        if best is not None and worst > 2 * best + mpf(2) ** -27:  # high powers alone vanish at 0: no further refit
            fixed.update((p, rounded(last[p])) for p in free)
            break
        best = worst if best is None else best
        last = dict(zip(free, c))
        fixed[free[0]] = rounded(c[0])
        free = free[1:]
    xs = [a + (b - a) * (i + mpf("0.5")) / 2000 for i in range(2000)]
    worst = max(abs((sum(c * x ** p for p, c in fixed.items()) - g(x)) * weight(x)) for x in xs)
    return [fixed[p] for p in powers], worst


def series(f, x, limit):
    """f(x) away from 0, its limit at 0."""
    return limit if abs(x) < mpf(10) ** -20 else f(x)


HALF = mpf(1) / 2
LN2 = log(mpf(2))
ROOTS = (sqrt(HALF) - 1, sqrt(mpf(2)) - 1)
one = lambda x: mpf(1)


def odd(f, slope=1):
    """f(x)/x as a function of x squared."""
    return lambda z: series(lambda z: f(sqrt(z)) / sqrt(z), z, mpf(slope))


def inverse(g):
    return lambda z: 1 / g(z)


def job(g, a, b, count, rounded=to_f32, fixed=None, weight=None):
    return lambda: fit(g, weight or inverse(g), a, b, list(range(count)), rounded, fixed)


def tail(f, c1, c3):
    """(f(x) - c1 x)/x^3 in z = x squared, weighed for the relative error of f."""
    g = lambda z: series(lambda z: (f(sqrt(z)) - c1 * sqrt(z)) / (z * sqrt(z)), z, c3) if z > mpf(10) ** -12 else mpf(c3)
    w = lambda z: z / odd(f, c1)(z)
    return g, w


def quick(f, c1, c3, a, b, count, rounded=to_f32):
    g, w = tail(f, mpf(c1), mpf(c3))
    return lambda: fit(g, w, a, b, list(range(count)), rounded)


def log_over(base):
    return lambda f: series(lambda f: log(1 + f) / f / log(mpf(base)), f, 1 / log(mpf(base)))


def log2_tail(z):  # (2/ln2) (atanh(s) - s)/s^3
    s = sqrt(z)
    if z < mpf(10) ** -10:
        return 2 / LN2 * (mpf(1) / 3 + z / 5)
    return 2 / LN2 * ((log(1 + s) - log(1 - s)) / 2 - s) / (s * z)


def atanh_tail(z):
    return log2_tail(z) * LN2


JOBS = {
    # sin(r)/r in r^2, |r| <= pi/2
    "sin": job(odd(sin), 0, (pi / 2) ** 2 * mpf("1.0001"), 5, fixed={0: mpf(1)}),
    "tan": quick(tan, 1, mpf(1) / 3, 0, mpf("0.79") ** 2, 6),
    # 2^f, exp(r): 0 <= f < 1
    "exp2": job(lambda f: mpf(2) ** f, 0, 1, 7, fixed={0: mpf(1)}),
    "exp": job(exp, mpf("-0.0001"), LN2 * mpf("1.0001"), 7, fixed={0: mpf(1)}),
    # (exp(r) - 1)/r, |r| <= ln2/2
    "expm1": job(lambda r: series(lambda r: expm1(r) / r, r, mpf(1)), -LN2 / 2 * mpf("1.001"), LN2 / 2 * mpf("1.001"), 7,
                 fixed={0: mpf(1), 1: HALF}),
    "ln": job(log_over(exp(mpf(1))), *ROOTS, 10, fixed={0: mpf(1), 1: -HALF}),
    "log2": job(log_over(2), *ROOTS, 10),
    "log10": job(log_over(10), *ROOTS, 10),
    "pow_log2": job(log2_tail, 0, mpf("0.17158") ** 2, 4, weight=one),
    "cbrt": job(cbrt, 1, 8, 5),
    "asin": quick(asin, 1, mpf(1) / 6, 0, mpf("0.2501"), 5),
    "atan": quick(atan, 1, -mpf(1) / 3, 0, 1, 8),
    "sinh": quick(sinh, 1, mpf(1) / 6, 0, 1, 4),
    "tanh": quick(tanh, 1, -mpf(1) / 3, 0, mpf("0.36"), 5),
    "asinh": quick(asinh, 1, -mpf(1) / 6, 0, mpf("0.25"), 6),
    "sin_f64": quick(sin, 1, -mpf(1) / 6, 0, (pi / 2) ** 2 * mpf("1.0001"), 7, to_f64),
    "tan_f64": quick(tan, 1, mpf(1) / 3, 0, mpf("0.7855") ** 2, 11, to_f64),
    "exp_f64": job(exp, -LN2 / 2 * mpf("1.0001"), LN2 / 2 * mpf("1.0001"), 11, to_f64, fixed={0: mpf(1), 1: mpf(1)}),
    "ln_f64": job(atanh_tail, 0, mpf("0.17158") ** 2, 7, to_f64, weight=lambda z: z),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or JOBS:
        c, worst = JOBS[name]()
        print(f"/* {name}: {float(worst):.2g} */")
        print("{" + ", ".join(repr(float(v)) for v in c) + "}", flush=True)
