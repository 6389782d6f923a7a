/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/mve/helium_mve.h"

#if MYNA_MVE

/* Two columns of a block at a time. VMLADAVA adds to even registers only: those below r12 hold 3 x
   2 accumulators, three odd ones the rows of a. Load and multiply differ with the type of b. */
#define STEP(LOAD_A, LOAD_B0, LOAD_B1, MULTIPLY)                                            \
    LOAD_A("q0", "r1")                                                                      \
    LOAD_B0 MULTIPLY("r0", "q0") LOAD_A("q1", "r3") MULTIPLY("r4", "q1") LOAD_A("q2", "r5") \
        MULTIPLY("r8", "q2") LOAD_B1 MULTIPLY("r2", "q0") MULTIPLY("r6", "q1")              \
            MULTIPLY("r10", "q2")

#define BEGIN                          \
    "ldrd r1, r3, %[a]\n"              \
    "ldr r5, %[a2]\n"                  \
    "ldrd r0, r2, [%[acc]]\n"          \
    "ldrd r4, r6, [%[acc], %[row1]]\n" \
    "ldrd r8, r10, [%[acc], %[row2]]\n"
#define END                             \
    "strd r8, r10, [%[acc], %[row2]]\n" \
    "strd r4, r6, [%[acc], %[row1]]\n"  \
    "strd r0, r2, [%[acc]], #8"
#define INPUTS(columns)                                                                        \
    [a] "m"(rows[0]), [a2] "m"(rows[2]), [row1] "i"((columns) * 4), [row2] "i"((columns) * 8), \
        "m"(rows)
#define CLOBBERS \
    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r8", "r10", "lr", "q0", "q1", "q2", "q3", "memory"

#define LOAD_S8(q, from) "vldrb.8 " q ", [" from "], #16\n"
#define MULTIPLY_S8(acc, q) "vmladava.s8 " acc ", " q ", q3\n"
#define STEP_S8 STEP(LOAD_S8, LOAD_S8("q3", "%[b0]"), LOAD_S8("q3", "%[b1]"), MULTIPLY_S8)

#define LOAD_S16(q, from) "vldrb.s16 " q ", [" from "], #8\n"
#define LOAD_B_S16 "vldrh.16 q3, [%[b]], #16\n"
#define MULTIPLY_S16(acc, q) "vmladava.s16 " acc ", " q ", q3\n"
#define STEP_S16 STEP(LOAD_S16, LOAD_B_S16, LOAD_B_S16, MULTIPLY_S16)

static void pairs_s8(const int8_t *const a[TALL], const int8_t *b, int32_t stride, int32_t size,
                     int32_t count, int32_t *acc) {
    const int8_t *const rows[] = {a[0], a[1], a[2]}; /* in reach of the stack pointer */
    uintptr_t b0 = (uintptr_t)b, b1 = b0 + (uintptr_t)stride;
    const uintptr_t step = (uintptr_t)(2 * stride - ((size + 15) & ~15));
    const int32_t *end = acc + count;
    do {
        __asm volatile(BEGIN "ldr lr, %[size]\n"
                             "dlstp.8 lr, lr\n"
                             "1:\n" STEP_S8 "letp lr, 1b\n" END
                       : [acc] "+&r"(acc), [b0] "+&r"(b0), [b1] "+&r"(b1)
                       : [size] "m"(size), INPUTS(WIDE)
                       : CLOBBERS);
        b0 += step, b1 += step;
    } while (acc < end);
}

void myna_dots_s8(const int8_t *const a[TALL], const int8_t *b, int32_t stride, int32_t size,
                  int32_t count, int32_t acc[TALL][WIDE]) {
    const int32_t even = count & ~1;
    if (even > 0)
        pairs_s8(a, b, stride, size, even, acc[0]);
    if (even < count)
        pairs_s8(a, b + even * stride, 0, size, 1, acc[0] + even);
}

/* Its loop is unrolled; the elements that are left over are tail-predicated. */
void myna_dots_s8_s16(const int8_t *const a[TALL], const int16_t *b, int32_t size, int32_t count,
                      int32_t block[TALL][NARROW]) {
    const int8_t *const rows[] = {a[0], a[1], a[2]};
    const int32_t turns = size >> 5, rest = size & 31;
    int32_t *acc = block[0], *end = acc + count;
    do {
        __asm volatile(BEGIN "wls lr, %[turns], 2f\n"
                             "1: .rept 4\n" STEP_S16 ".endr\n"
                             "le lr, 1b\n"
                             "2: ldr lr, %[rest]\n"
                             "wlstp.16 lr, lr, 4f\n"
                             "3:\n" STEP_S16 "letp lr, 3b\n"
                             "4:\n" END
                       : [acc] "+&r"(acc), [b] "+&r"(b)
                       : [turns] "r"(turns), [rest] "m"(rest), INPUTS(NARROW)
                       : CLOBBERS);
    } while (acc < end);
}

#endif
