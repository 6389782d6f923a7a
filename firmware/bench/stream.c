/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference on one second of sound as it comes, after as much as it needs to warm up. The sound is
 * made outside the counted sections: frame by frame, with a mark on either side. At last a mark for
 * each time that there were new logits.
 */
#include "runtime/stream.h"
#include "audio/features.h"
#include "bench/mark.h"
#include "bench/sound.h"
#include "boards/port.h"
#include "runtime/model.h"

#include <string.h>

/* one hop; returns how often there were new logits */
static uint32_t take(const int16_t *pcm) {
    uint32_t found = 0u;
    for (uint32_t taken = 0u; taken < MYNA_AUDIO_HOP;) {
        bool due;
        taken += myna_stream_push(pcm + taken, MYNA_AUDIO_HOP - taken, &due);
        found += due;
    }
    return found;
}

int main(void) {
    int16_t pcm[MYNA_AUDIO_HOP];
    uint32_t found = 0u, warm = (uint32_t)myna_streaming.warm_up * myna_streaming.period + 1u;
    myna_port_init();
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_stream_reset();
    for (uint32_t hop = 0u; hop < warm; hop++) {
        make_sound(pcm, hop * MYNA_AUDIO_HOP % SAMPLES, MYNA_AUDIO_HOP);
        found += take(pcm);
    }
    if (found > 0u)
        myna_port_fail("bench: logits before all that counts has arrived");
    for (uint32_t first = 0u; first < SAMPLES; first += MYNA_AUDIO_HOP) {
        make_sound(pcm, first, MYNA_AUDIO_HOP);
        mark();
        found += take(pcm);
        mark();
    }
    for (; found > 0u; found--)
        mark();
    myna_port_fail(BENCH_DONE);
}
