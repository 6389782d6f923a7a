/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of quad_dsp.h. Four channels of a pixel are two words: channels 0 and 2, and
 * 1 and 3, each a halfword. r4-r7 are the sums of channels 0-3.
 */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

    .syntax unified
    .thumb
    .text

    .macro multiply_four /* a pixel at r1 with four factors at r3 */
    ldrd    r8, r9, [r1], #8
    ldrd    r10, r11, [r3], #8
    smlabb  r4, r8, r10, r4
    smlabb  r5, r9, r11, r5
    smlatt  r6, r8, r10, r6
    smlatt  r7, r9, r11, r7
    .endm

    /* (job, x, acc, count): sums over a window at x, x + job->step, … */
    .global myna_quad_windows
    .type   myna_quad_windows, %function
myna_quad_windows:
    push    {r4-r11, lr}
    push    {r1, r2, r3}
1:  ldr     r3, [r0] /* factors */
    ldrd    r12, r2, [r0, #4] /* rows, columns */
    ldr     lr, [r0, #12] /* from the end of a row of the window to the next */
    add     r8, r0, #20
    ldm     r8, {r4-r7}
    cmp     r2, #3
    bne     3f
2:  multiply_four /* the commonest window, without an inner loop */
    multiply_four
    multiply_four
    add     r1, r1, lr
    subs    r12, r12, #1
    bne     2b
    b       5f
3:  ldr     r2, [r0, #8]
4:  multiply_four
    subs    r2, r2, #1
    bne     4b
    add     r1, r1, lr
    subs    r12, r12, #1
    bne     3b
5:  ldr     r12, [r0, #16] /* step */
    ldm     sp, {r1, r2, r3}
    add     r1, r1, r12
    stmia   r2!, {r4-r7}
    subs    r3, r3, #1
    stm     sp, {r1, r2, r3}
    bne     1b
    add     sp, sp, #12
    pop     {r4-r11, pc}
    .size   myna_quad_windows, . - myna_quad_windows

    /* (rows, x, columns, y, skip, acc): acc += sums of x times y, row by row; x skips in between */
    .global myna_quad_products
    .type   myna_quad_products, %function
myna_quad_products:
    push    {r4-r11, lr}
    ldrd    lr, r12, [sp, #36]
    ldm     r12, {r4-r7}
1:  lsrs    r12, r2, #1
    bcc     2f
    multiply_four
2:  cmp     r12, #0
    beq     4f
3:  multiply_four
    multiply_four
    subs    r12, r12, #1
    bne     3b
4:  add     r1, r1, lr
    subs    r0, r0, #1
    bne     1b
    ldr     r12, [sp, #40]
    stm     r12, {r4-r7}
    pop     {r4-r11, pc}
    .size   myna_quad_products, . - myna_quad_products

#endif

    .section .note.GNU-stack, "", %progbits
