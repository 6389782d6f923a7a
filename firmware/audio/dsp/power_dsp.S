/* SPDX-License-Identifier: Apache-2.0 */
/* The powers of fft.c for cores with the DSP extension (fft_dsp.c). */
#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_FEATURE_MVE)

    .syntax unified
    .thumb
    .text

    /* low, high <- (re^2 + im^2) >> 6 */
    .macro power low, high, re, im
    smull   \low, \high, \re, \re
    smlal   \low, \high, \im, \im
    lsr     \low, \low, #6
    orr     \low, \low, \high, lsl #26
    lsr     \high, \high, #6
    .endm

    /* (first, last, twiddle): bins from the first and last point inwards, in place; the one in the
       middle is its own mirror image */
    .global myna_audio_pairs_of_bins
    .type   myna_audio_pairs_of_bins, %function
myna_audio_pairs_of_bins:
    push    {r4-r11, lr}
1:  ldrd    r4, r5, [r0] /* z */
    ldrd    r6, r7, [r1] /* its mirror image, m */
    ldrd    r8, r9, [r2], #8
    asr     r10, r4, #1 /* d */
    sub     r10, r10, r6, asr #1
    asr     r11, r5, #1 /* g */
    add     r11, r11, r7, asr #1
    asr     r4, r4, #2 /* e */
    add     r4, r4, r6, asr #2
    asr     r5, r5, #2 /* f */
    sub     r5, r5, r7, asr #2
    smull   r12, r6, r10, r8 /* u */
    smlal   r12, r6, r11, r9
    rsb     r10, r10, #0
    smull   r12, r7, r11, r8 /* t */
    smlal   r12, r7, r10, r9
    add     r8, r4, r7
    sub     r9, r5, r6
    sub     r4, r4, r7
    add     r5, r5, r6
    power   r6, r7, r4, r5
    power   r10, r11, r8, r9
    strd    r6, r7, [r1], #-8
    strd    r10, r11, [r0], #8
    cmp     r0, r1
    bls     1b
    pop     {r4-r11, pc}
    .size   myna_audio_pairs_of_bins, . - myna_audio_pairs_of_bins

#endif
