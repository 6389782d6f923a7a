/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fft.c computes, for cores with the DSP extension (fft_dsp.c): two stages in one pass over
 * the points, a, b, c, d <- r2-r9. As t comes before a is halved, a + t and a - t are
 * a <- t + (a >> 1) and b <- a - 2t.
 */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

    .syntax unified
    .thumb
    .text

    /* with w = r10, r11; r1, r12 are lost */
    .macro butterfly a_re, a_im, b_re, b_im
    smull   r12, r1, \b_re, r10
    smlal   r12, r1, \b_im, r11
    rsb     \b_re, \b_re, #0
    smull   r12, \b_im, \b_im, r10
    smlal   r12, \b_im, \b_re, r11
    add     \a_re, r1, \a_re, asr #1
    sub     \b_re, \a_re, r1, lsl #1
    add     \a_im, \b_im, \a_im, asr #1
    sub     \b_im, \a_im, \b_im, lsl #1
    .endm

    /* of one part, with w = 1, of which Q31 (r12) has but nearly */
    .macro butterfly_of_one a, b
    smmul   \b, \b, r12
    add     \a, \b, \a, asr #1
    sub     \b, \a, \b, lsl #1
    .endm

    /* samples 2n and 2n + 1, n words from r0, by the window at r1 */
    .macro windowed re, im, bytes, increment=0
    .if \increment
    ldr     r11, [r0], #\increment
    ldr     \im, [r1], #\increment
    .else
    ldr     r11, [r0, #\bytes]
    ldr     \im, [r1, #\bytes]
    .endif
    smulbb  \re, r11, \im
    smultt  \im, r11, \im
    .endm

    /* (frame, window, point): window, bit-reversed order and the first two stages, points 4k to
       4k + 3 at a time: samples n, n + 128, n + 64, n + 192, where n is k with its bits reversed */
    .global myna_audio_first_stages
    .type   myna_audio_first_stages, %function
myna_audio_first_stages:
    push    {r4-r11, lr}
    sub     sp, sp, #4
    str     r2, [sp]
    mov     lr, #0
    mvn     r12, #0x80000000
1:  windowed r8, r9, 768
    windowed r6, r7, 256
    windowed r4, r5, 512
    windowed r2, r3, 0, 4
    butterfly_of_one r2, r4
    butterfly_of_one r3, r5
    butterfly_of_one r6, r8
    butterfly_of_one r7, r9
    butterfly_of_one r2, r6
    butterfly_of_one r3, r7
    asr     r11, r5, #1 /* b and d: w is -i */
    smmls   r5, r8, r12, r11
    smmul   r8, r9, r12
    rsb     r9, r5, r11, lsl #1
    add     r4, r8, r4, asr #1
    sub     r8, r4, r8, lsl #1
    ldr     r10, [sp]
    rbit    r11, lr
    add     r10, r10, r11, lsr #21
    stm     r10, {r2-r9}
    add     lr, lr, #1
    cmp     lr, #64
    bne     1b
    add     sp, sp, #4
    pop     {r4-r11, pc}
    .size   myna_audio_first_stages, . - myna_audio_first_stages

    /* (point, twiddle) the stages that join parts of `half` points to parts of 4 * half; `bias`
       brings all four parts within reach of LDRD */
    .macro  two_stages name, half, bias
    .global \name
    .type   \name, %function
\name:
    push    {r4-r11, lr}
    sub     sp, sp, #40
    add     r0, r0, #\bias
    add     r2, r1, #512
    add     r3, r1, #2048
1:  ldrd    r4, r5, [r1], #2048 / \half /* of the first stage, then of the second */
    ldrd    r6, r7, [r2, #-512]
    ldrd    r8, r9, [r2, #512]
    add     r2, r2, #1024 / \half
    add     r10, r0, #8
    stm     sp, {r4-r10}
    add     r12, sp, #28
    stm     r12, {r1-r3}
    mov     lr, #64 / \half
2:  ldrd    r2, r3, [r0, #-\bias]
    ldrd    r4, r5, [r0, #\half * 8 - \bias]
    ldrd    r6, r7, [r0, #\half * 16 - \bias]
    ldrd    r8, r9, [r0, #\half * 24 - \bias]
    ldrd    r10, r11, [sp]
    butterfly r2, r3, r4, r5
    butterfly r6, r7, r8, r9
    ldrd    r10, r11, [sp, #8]
    butterfly r2, r3, r6, r7
    ldrd    r10, r11, [sp, #16]
    butterfly r4, r5, r8, r9
    strd    r4, r5, [r0, #\half * 8 - \bias]
    strd    r6, r7, [r0, #\half * 16 - \bias]
    strd    r8, r9, [r0, #\half * 24 - \bias]
    strd    r2, r3, [r0, #-\bias]
    add     r0, r0, #\half * 32
    subs    lr, lr, #1
    bne     2b
    add     r12, sp, #24
    ldm     r12, {r0-r3}
    cmp     r1, r3
    bne     1b
    add     sp, sp, #40
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    two_stages myna_audio_stages_4, 4, 0
    two_stages myna_audio_stages_16, 16, 0
    two_stages myna_audio_stages_64, 64, 768

#endif
