/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted on. */
#ifndef MYNA_BENCH_SOUND_H
#define MYNA_BENCH_SOUND_H

#include "kernels/fixed.h"

enum { SAMPLES = 16000 }; /* one second */

/* noise that swells, so that every magnitude occurs */
static inline void make_sound(int16_t *pcm, uint32_t first, uint32_t count) {
    for (uint32_t i = 0u; i < count; i++) {
        int32_t noise = (int16_t)(uint16_t)fx_random32(1u, first + i);
        pcm[i] = (int16_t)(noise * (int32_t)((first + i) >> 4) / 1024);
    }
}

#endif
