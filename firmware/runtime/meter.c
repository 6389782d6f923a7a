/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/meter.h"

#include "audio/endpoint.h"
#include "kernels/fixed.h"

/* of samples of one hop */
static void add(struct meter *meter, const int16_t *pcm, uint32_t count) {
    int64_t squares = meter->squares;
    int32_t sum = meter->sum;
    uint32_t clipped = meter->clipped;
#pragma GCC unroll 4
    for (const int16_t *end = pcm + count; pcm < end; pcm++) {
        squares += (int64_t)*pcm * *pcm;
        sum += *pcm;
        clipped += (uint16_t)(*pcm - INT16_MAX) <= 2u; /* 32767, -32768, -32767 */
    }
    meter->squares = squares;
    meter->sum = sum;
    meter->clipped = (uint16_t)clipped;
    meter->samples = (uint16_t)(meter->samples + count);
}

void myna_meter_push(struct meter *meter, const int16_t *pcm, uint32_t count) {
    while (count > 0u) {
        uint32_t some = fx_minu32(count, (uint32_t)MYNA_AUDIO_HOP - meter->samples);
        add(meter, pcm, some);
        if (meter->samples == MYNA_AUDIO_HOP) {
            meter->level = myna_endpoint_level((uint64_t)meter->squares, meter->sum);
            myna_meter_reset(meter);
        }
        pcm += some;
        count -= some;
    }
}

void myna_meter_reset(struct meter *meter) {
    meter->squares = 0;
    meter->sum = 0;
    meter->samples = 0u;
}
