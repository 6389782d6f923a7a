/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of block.c with the DSP extension: SMLAD adds two products at a time. In assembly,
 * because fourteen values are live in fourteen registers and the compiler spills around them.
 * Declared in block_dsp.h.
 *
 * r0 columns  r1 rows, or other columns  r3 counter  r8-r11 terms of a row each, or other column
 * r4-r7 sums of the first row or other column with both columns, then of the second
 */
#ifdef __ARM_FEATURE_DSP

    .syntax unified
    .thumb
    .text

    .macro multiply second, step /* four terms of two columns with what r8-r11 hold */
    ldrd    r12, lr, [r0, #\second]
    smlad   r5, r12, r8, r5
    smlad   r7, r12, r10, r7
    smlad   r5, lr, r9, r5
    smlad   r7, lr, r11, r7
    ldrd    r12, lr, [r0], #\step
    smlad   r4, r12, r8, r4
    smlad   r6, r12, r10, r6
    smlad   r4, lr, r9, r4
    smlad   r6, lr, r11, r6
    .endm

    .macro four_terms /* rows of int8, r2 apart */
    ldr     r10, [r1, r2]
    ldr     r8, [r1], #4
    sxtb16  r11, r10, ror #8
    sxtb16  r10, r10
    sxtb16  r9, r8, ror #8
    sxtb16  r8, r8
    multiply 8, 16
    .endm

    .macro four_wide_terms /* other columns of int16; all columns are 256 bytes */
    ldrd    r10, r11, [r1, #256]
    ldrd    r8, r9, [r1], #8
    multiply 256, 8
    .endm

    .macro sum body /* to r4-r7 over r3 times four terms, two times at a time */
    lsrs    r3, r3, #1
    bcc     2f
    \body
2:  cmp     r3, #0
    beq     4f
3:  \body
    \body
    subs    r3, r3, #1
    bne     3b
4:
    .endm

    .macro sum_block body /* then r8 is acc, r9 how many blocks, r10 what is next */
    movs    r4, #0
    movs    r5, #0
    movs    r6, #0
    movs    r7, #0
    sum     \body
    ldrd    r8, r9, [sp, #44]
    ldr     r10, [sp, #52]
    ldrd    r0, r3, [sp]
    .endm

    .macro next_block /* Z is set after the last one */
    add     r1, r1, r10
    subs    r9, r9, #1
    strd    r8, r9, [sp, #44]
    .endm

    /* (columns, rows, stride, fours, acc, pairs, next) */
    .global myna_block_pairs
    .type   myna_block_pairs, %function
myna_block_pairs:
    push    {r4-r11, lr}
    push    {r0, r3} /* then acc, pairs and next are at sp + 44, 48, 52 */
1:  sum_block four_terms
    stmia   r8!, {r4-r7}
    next_block
    bne     1b
    add     sp, sp, #8
    pop     {r4-r11, pc}
    .size   myna_block_pairs, . - myna_block_pairs

    .macro multiply_row sum /* four terms of a column, r8 and r9, with those of a row in r10 */
    sxtb16  r11, r10, ror #8
    sxtb16  r10, r10
    smlad   \sum, r8, r10, \sum
    smlad   \sum, r9, r11, \sum
    .endm

    .macro four_terms_of_four /* rows at r1, r2 apart; r12 is three times that */
    ldrd    r8, r9, [r0], #16
    ldr     r10, [r1, r2]
    multiply_row r5
    ldr     r10, [r1, r2, lsl #1]
    multiply_row r6
    ldr     r10, [r1, r12]
    multiply_row r7
    ldr     r10, [r1], #4
    multiply_row r4
    .endm

    /* (columns, rows, stride, fours, acc, quads, next): as above, but one column and four rows */
    .global myna_block_quads
    .type   myna_block_quads, %function
myna_block_quads:
    push    {r4-r11, lr}
    push    {r0, r3} /* then acc, quads and next are at sp + 44, 48, 52 */
    add     r12, r2, r2, lsl #1
1:  sum_block four_terms_of_four
    str     r4, [r8], #8
    str     r5, [r8], #8
    str     r6, [r8], #8
    str     r7, [r8], #8
    next_block
    bne     1b
    add     sp, sp, #8
    pop     {r4-r11, pc}
    .size   myna_block_quads, . - myna_block_quads

    /* (columns, others, pairs, fours, acc) */
    .global myna_block_wide_pairs
    .type   myna_block_wide_pairs, %function
myna_block_wide_pairs:
    push    {r4-r11, lr}
    push    {r0, r1, r2, r3} /* then acc is at sp + 52 */
1:  ldr     r8, [sp, #52]
    ldrd    r4, r5, [r8]
    ldrd    r6, r7, [r8, #32]
    sum     four_wide_terms
    ldr     r8, [sp, #52]
    ldm     sp, {r0, r1, r2, r3}
    strd    r6, r7, [r8, #32]
    strd    r4, r5, [r8], #8
    str     r8, [sp, #52]
    add     r0, r0, #512
    subs    r2, r2, #1
    str     r0, [sp]
    str     r2, [sp, #8]
    bne     1b
    add     sp, sp, #16
    pop     {r4-r11, pc}
    .size   myna_block_wide_pairs, . - myna_block_wide_pairs

    /* (columns, x, stride, count, add): two terms of four columns at a time */
    .global myna_block_lay_four
    .type   myna_block_lay_four, %function
myna_block_lay_four:
    push    {r4-r8, lr}
    ldr     r12, [sp, #24]
    adds    r3, r0, r3, lsl #1 /* the end of column 0 */
    b       2f
1:  ldr     r4, [r1] /* bytes of four columns */
    ldr     r5, [r1, r2]
    add     r1, r1, r2, lsl #1
    sxtab16 r6, r12, r4 /* columns 0 and 2 */
    sxtab16 r7, r12, r5
    sxtab16 r4, r12, r4, ror #8 /* 1 and 3 */
    sxtab16 r5, r12, r5, ror #8
    pkhtb   r8, r7, r6, asr #16
    pkhbt   r6, r6, r7, lsl #16
    pkhtb   lr, r5, r4, asr #16
    pkhbt   r4, r4, r5, lsl #16
    str     r8, [r0, #512]
    str     r4, [r0, #256]
    str     lr, [r0, #768]
    str     r6, [r0], #4
2:  cmp     r0, r3
    bne     1b
    pop     {r4-r8, pc}
    .size   myna_block_lay_four, . - myna_block_lay_four

#endif

    .section .note.GNU-stack, "", %progbits
