/* Robert Penner's easing functions of x in 0..1 (Programming Macromedia Flash MX, 2002, chapter 7), from 0 to 1. `back`
 * overshoots by 1.70158 (a tenth), `elastic` rings with period 0.3 (inout 0.45). Beyond 0..1 they go on as their
 * formulas do. */
#include "core/nodes/math_parts.h"

#define EASE(name, doc, formula)                                                                                       \
    {                                                                                                                  \
        "ease_" name " : x", doc, NODE_COMPONENTS, formula, NULL, NULL                                                 \
    }
#define HEAVY(name, doc, formula)                                                                                      \
    {                                                                                                                  \
        "ease_" name " : x", doc, NODE_COMPONENTS | NODE_FUNCTION, formula, NULL, NULL                                 \
    }
#define IN "Eases in from rest: "
#define OUT "Eases out into rest: "
#define BOTH "Eases in, then out: "
/* The bounce itself, of the variable named v. */
#define BOUNCE                                                                                                         \
    "(v < 1/2.75 ? 7.5625*v*v : v < 2/2.75 ? 7.5625*(v - 1.5/2.75)*(v - 1.5/2.75) + 0.75 : "                           \
    "v < 2.5/2.75 ? 7.5625*(v - 2.25/2.75)*(v - 2.25/2.75) + 0.9375 : 7.5625*(v - 2.625/2.75)*(v - 2.625/2.75) + "     \
    "0.984375)"

const struct node_row math_ease_rows[] = {
    EASE("linear", "No easing: x.", "x"),
    EASE("quad_in", IN "x^2.", "x*x"),
    EASE("quad_out", OUT "1 - (1 - x)^2.", "x*(2 - x)"),
    EASE("quad_inout", BOTH "squares.", "x < 0.5 ? 2*x*x : 1 - 2*(1 - x)*(1 - x)"),
    EASE("cubic_in", IN "x^3.", "x*x*x"),
    EASE("cubic_out", OUT "1 - (1 - x)^3.", "let r = 1 - x; 1 - r*r*r"),
    EASE("cubic_inout", BOTH "cubes.", "let r = 1 - x; x < 0.5 ? 4*x*x*x : 1 - 4*r*r*r"),
    EASE("quart_in", IN "x^4.", "let q = x*x; q*q"),
    EASE("quart_out", OUT "1 - (1 - x)^4.", "let q = (1 - x)*(1 - x); 1 - q*q"),
    EASE("quart_inout", BOTH "fourth powers.", "let r = x < 0.5 ? x : 1 - x; let v = 8*r*r*r*r; x < 0.5 ? v : 1 - v"),
    EASE("quint_in", IN "x^5.", "let q = x*x; q*q*x"),
    EASE("quint_out", OUT "1 - (1 - x)^5.", "let r = 1 - x; let q = r*r; 1 - q*q*r"),
    EASE("quint_inout", BOTH "fifth powers.", "let r = x < 0.5 ? x : 1 - x; let v = 16*r*r*r*r*r; x < 0.5 ? v : 1 - v"),
    HEAVY("sine_in", IN "a quarter of a cosine.", "let s = sin(pi/4*x); 2*s*s"),
    HEAVY("sine_out", OUT "a quarter of a sine.", "sin(pi/2*x)"),
    HEAVY("sine_inout", BOTH "half a cosine.", "let s = sin(pi/2*x); s*s"),
    HEAVY("expo_in", IN "2^(10x - 10), 0 at 0.", "x == 0 ? 0 : exp2(10*x - 10)"),
    HEAVY("expo_out", OUT "1 - 2^(-10x), 1 at 1.", "x == 1 ? 1 : 1 - exp2(-10*x)"),
    HEAVY("expo_inout", BOTH "exponentials, 0 at 0 and 1 at 1.",
          "let v = exp2(x < 0.5 ? 20*x - 10 : 10 - 20*x)/2; x == 0 ? 0 : x == 1 ? 1 : x < 0.5 ? v : 1 - v"),
    EASE("circ_in", IN "a quarter of a circle.", "let q = x*x; q/(1 + sqrt(1 - q))"),
    EASE("circ_out", OUT "a quarter of a circle.", "sqrt(x*(2 - x))"),
    EASE("circ_inout", BOTH "quarters of circles.",
         "let r = x < 0.5 ? 2*x : 2 - 2*x; let v = r*r/(1 + sqrt(1 - r*r))/2; x < 0.5 ? v : 1 - v"),
    EASE("back_in", IN "goes below 0 first.", "x*x*(2.70158*x - 1.70158)"),
    EASE("back_out", OUT "overshoots 1.", "let r = x - 1; 1 + r*r*(2.70158*r + 1.70158)"),
    EASE("back_inout", BOTH "goes below 0 and overshoots 1.",
         "let r = 2*x - (x < 0.5 ? 0 : 2); x < 0.5 ? r*r*(3.5949095*r - 2.5949095)/2 : r*r*(3.5949095*r + 2.5949095)/2 "
         "+ 1"),
    HEAVY("elastic_in", IN "a growing ring.", "x == 0 ? 0 : x == 1 ? 1 : -exp2(10*x - 10)*sin((10*x - 10.75)*(tau/3))"),
    HEAVY("elastic_out", OUT "a decaying ring.",
          "x == 0 ? 0 : x == 1 ? 1 : exp2(-10*x)*sin((10*x - 0.75)*(tau/3)) + 1"),
    HEAVY("elastic_inout", BOTH "rings.",
          "let s = sin((20*x - 11.125)*(tau/4.5)); let v = exp2(x < 0.5 ? 20*x - 10 : 10 - 20*x)*s/2; "
          "x == 0 ? 0 : x == 1 ? 1 : x < 0.5 ? -v : v + 1"),
    EASE("bounce_in", IN "bounces.", "let v = 1 - x; 1 - " BOUNCE),
    EASE("bounce_out", OUT "bounces.", "let v = x; " BOUNCE),
    EASE("bounce_inout", BOTH "bounces.",
         "let v = x < 0.5 ? 1 - 2*x : 2*x - 1; let r = " BOUNCE "; x < 0.5 ? (1 - r)/2 : (1 + r)/2"),
    {0},
};
