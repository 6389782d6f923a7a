/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_AUDIO_FFT_MVE_H
#define MYNA_AUDIO_FFT_MVE_H

#include "audio/fft.h"

#include <arm_mve.h>

/* 2 * x / w of two complex numbers x and w, rounded down, where |w| is 1 in Q31 */
static inline int32x4_t audio_turned(int32x4_t x, int32x4_t w) {
    int32x4_t product;
    __asm("vqdmladh.s32 %q0, %q1, %q2\n"
          "vqdmlsdhx.s32 %q0, %q1, %q2"
          : "=&w"(product)
          : "w"(x), "w"(w));
    return product;
}

#endif
