/* SPDX-License-Identifier: Apache-2.0 */
/* What features say of a voice; specification: toolchain/myna/ops/voice_statistics.py */
#ifndef MYNA_VOICE_STATISTICS_H
#define MYNA_VOICE_STATISTICS_H

#include <stdint.h>

struct voice_statistics {
    uint8_t frames, bands;
};

/* x[frames,bands,1] -> y[bands+bands] */
void myna_voice_statistics_s8(const struct voice_statistics *p, const int8_t *x, int8_t *y);

#endif
