/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mve/helium_mve.h"

#if MYNA_MVE
#include "kernels/mve/fixed_mve.h"

int32_t myna_sum_s8(const int8_t *x, int32_t count) {
    int32_t sum = 0;
    __asm volatile("wlstp.8 lr, %[count], 2f\n"
                   "1: vldrb.8 q0, [%[x]], #16\n"
                   "vaddva.s8 %[sum], q0\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [sum] "+&Te"(sum), [x] "+&r"(x)
                   : [count] "r"(count)
                   : "lr", "q0", "memory");
    return sum;
}

void myna_gather_s8(int8_t *to, const int8_t *from, int32_t stride, int32_t count) {
    if (stride > UINT16_MAX / 7) { /* beyond the reach of a vector's offsets */
        for (int32_t i = 0; i < count; i++)
            to[i] = from[i * stride];
        return;
    }
    const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)stride);
    __asm volatile("wlstp.16 lr, %[count], 2f\n"
                   "1: vldrb.u16 q0, [%[from], %q[offsets]]\n"
                   "adds %[from], %[step]\n"
                   "vstrb.16 q0, [%[to]], #8\n"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+&l"(to), [from] "+&l"(from)
                   : [count] "r"(count), [offsets] "w"(offsets), [step] "l"(8 * stride)
                   : "lr", "q0", "cc", "memory");
}

void myna_add_s32(int32_t *x, int32_t value, int32_t count) {
    for (; count > 0; count -= 4, x += 4)
        vstrwq_s32(x, vaddq_n_s32(vldrwq_s32(x), value));
}

void myna_layer_row(const struct layer *p, int32_t count, const int32_t *acc,
                    const int32_t *mantissa, const int32_t *shift, int8_t *y) {
    const int32x4_t low = vdupq_n_s32(p->low), high = vdupq_n_s32(p->high);
    const struct layer own = *p; /* which stores to y cannot change */
    for (int32_t n = count >> 2; n > 0; n--) {
        int32x4_t x = vldrwq_s32(acc);
        x = mve_requantize_down(x, vldrwq_s32(mantissa), vldrwq_s32(shift));
        x = vaddq_n_s32(x, own.y_zero);
        vstrbq_s32(y, vminq_s32(vmaxq_s32(x, low), high));
        acc += 4, mantissa += 4, shift += 4, y += 4;
    }
    for (int32_t i = 0; i < (count & 3); i++) {
        int32_t x = layer_scale(&own, acc[i], mantissa[i], shift[i]);
        y[i] = (int8_t)fx_clamp32(x, own.low, own.high);
    }
}

/* a quarter of myna_gradient_rows' work on a row */
#define SCALE(q)                             \
    "vstrw.32 %q[zero], [%[acc]], #16\n"     \
    "vmulh.s32 " q ", " q ", %q[mantissa]\n" \
    "vrshl.s32 " q ", %[shift]\n"            \
    "vmaxav.s32 %[top], " q "\n"

void myna_gradient_rows(struct fx_multiplier by, int32_t rows, int32_t count, int32_t *acc,
                        int8_t *dx, int32_t stride, int32_t *peak) {
    by = without_left(by);
    if (by.shift <= 32) { /* more than one high product */
        struct gradient_range range = {*peak, fx_min32(*peak, 127)};
        for (int32_t row = 0; row < rows; row++)
            for (int32_t i = 0; i < count; i++) {
                dx[row * stride + i] = requantize_gradient(acc[row * NARROW + i], by, &range);
                acc[row * NARROW + i] = 0;
            }
        *peak = range.peak;
        return;
    }
    __asm volatile("vmsr p0, %[inside]\n"
                   "dls lr, %[rows]\n"
                   "1: vld40.32 {q0, q1, q2, q3}, [%[acc]]\n" /* every fourth column, as */
                   "vld41.32 {q0, q1, q2, q3}, [%[acc]]\n"    /* narrowing twice wants them */
                   "vld42.32 {q0, q1, q2, q3}, [%[acc]]\n"
                   "vld43.32 {q0, q1, q2, q3}, [%[acc]]\n" SCALE("q0") SCALE("q1") SCALE("q2")
                       SCALE("q3") "vqmovnb.s32 q0, q0\n"
                                   "vqmovnt.s32 q0, q2\n"
                                   "vqmovnb.s32 q1, q1\n"
                                   "vqmovnt.s32 q1, q3\n"
                                   "vqmovnb.s16 q0, q0\n"
                                   "vqmovnt.s16 q0, q1\n"
                                   "vmax.s8 q0, q0, %q[low]\n"
                                   "vpst\n"
                                   "vstrbt.8 q0, [%[dx]]\n"
                                   "add %[dx], %[stride]\n"
                                   "le lr, 1b"
                   : [acc] "+&r"(acc), [dx] "+&r"(dx), [top] "+&r"(*peak)
                   : [inside] "r"(vctp8q((uint32_t)count)), [rows] "r"(rows), [stride] "r"(stride),
                     [shift] "r"(32 - by.shift), [mantissa] "w"(vdupq_n_s32(by.mantissa)),
                     [zero] "w"(vdupq_n_s32(0)), [low] "w"(vdupq_n_s8(-127))
                   : "q0", "q1", "q2", "q3", "lr", "memory");
}

#endif
