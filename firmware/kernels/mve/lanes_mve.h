/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise sums of sixteen channels at a time with Helium. Widening products come as even and odd
   channels; so does what they meet here, and narrowing puts them in order again. */
#ifndef MYNA_LANES_MVE_H
#define MYNA_LANES_MVE_H

#include <arm_mve.h>
#include <stdint.h>

enum { LANES = 16 };

/* even and odd channels of the lower eight, then of the upper eight */
struct lanes {
    int32x4_t part[4];
};

static inline struct lanes load_lanes(const int32_t *from) {
    const int32x4x2_t low = vld2q_s32(from), high = vld2q_s32(from + 8);
    return (struct lanes){{low.val[0], low.val[1], high.val[0], high.val[1]}};
}

static const int32_t no_lanes[LANES];

/* a walk over two maps in step: strides between columns, and from one row's end to the next row */
struct walk {
    const int8_t *x, *w;
    int32_t rows, cols, x_col, w_col, x_row, w_row;
};

#define HALF(offset, even, odd)         \
    "vldrb.s16 q4, [%[x]" offset "]\n"  \
    "vldrb.s16 q5, [%[w]" offset "]\n"  \
    "vsub.i16 q4, q4, %[zero]\n"        \
    "vmullb.s16 q6, q4, q5\n"           \
    "vmullt.s16 q4, q4, q5\n"           \
    "vadd.i32 " even ", " even ", q6\n" \
    "vadd.i32 " odd ", " odd ", q4\n"

/* start + sum over the walk of (x - zero) * w; nothing is added where rows or cols is 0 */
static inline struct lanes products(struct walk k, int32_t zero, const int32_t *start) {
    register int32x4_t a __asm("q0"), b __asm("q1"), c __asm("q2"), d __asm("q3");
    __asm volatile("vld20.32 {q0, q1}, [%[start]]\n"
                   "vld21.32 {q0, q1}, [%[start]]!\n"
                   "vld20.32 {q2, q3}, [%[start]]\n"
                   "vld21.32 {q2, q3}, [%[start]]"
                   : "=w"(a), "=w"(b), "=w"(c), "=w"(d), [start] "+&r"(start)
                   :
                   : "memory");
    __asm volatile("1: wls lr, %[cols], 3f\n"
                   "2:\n" HALF("", "q0", "q1") HALF(", #8", "q2", "q3") "add %[x], %[x_col]\n"
                                                                        "add %[w], %[w_col]\n"
                                                                        "le lr, 2b\n"
                                                                        "add %[x], %[x_row]\n"
                                                                        "add %[w], %[w_row]\n"
                                                                        "subs %[rows], #1\n"
                                                                        "bgt 1b\n"
                                                                        "3:"
                   : "+w"(a), "+w"(b), "+w"(c),
                     "+w"(d), [x] "+&l"(k.x), [w] "+&l"(k.w), [rows] "+&r"(k.rows)
                   : [cols] "r"(k.cols), [x_col] "r"(k.x_col), [w_col] "r"(k.w_col),
                     [x_row] "r"(k.x_row), [w_row] "r"(k.w_row), [zero] "r"(zero)
                   : "q4", "q5", "q6", "lr", "cc", "memory");
    return (struct lanes){{a, b, c, d}};
}

#endif
