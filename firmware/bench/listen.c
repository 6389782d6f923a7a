/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second of sound and a second of silence as a board hears them that listens for a word: with
 * gate and detector. The sound is made outside the counted sections: frame by frame, with a mark on
 * either side.
 */
#include "audio/features.h"
#include "bench/mark.h"
#include "bench/sound.h"
#include "boards/port.h"
#include "config.h"
#include "runtime/listening.h"
#include "runtime/model.h"
#include "runtime/sound.h"
#include "runtime/templates.h"

#include <string.h>

enum { SETTLED = 10 * SAMPLES }; /* silence after which the gate is closed */

static uint32_t heard;

static void hear(const int16_t *pcm) {
    myna_sound_push(pcm, MYNA_AUDIO_HOP, heard);
    heard += MYNA_AUDIO_HOP;
    while (myna_listen_poll()) {
    }
}

/* the last second of so many samples is counted */
static void hear_for(uint32_t samples, bool silent) {
    int16_t pcm[MYNA_AUDIO_HOP] = {0};
    for (uint32_t first = 0u; first < samples; first += MYNA_AUDIO_HOP) {
        bool counted = first + SAMPLES >= samples;
        if (!silent)
            make_sound(pcm, first % SAMPLES, MYNA_AUDIO_HOP);
        if (counted)
            mark();
        hear(pcm);
        if (counted)
            mark();
    }
}

int main(void) {
    static const int8_t clip[MYNA_FEATURE_BYTES];
    myna_port_init();
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    myna_template_begin();
    myna_template_add(clip);
    if (!myna_template_end(0u, 1u))
        myna_port_fail("bench: no room for a word");
    myna_listen_begin(true, 0u);
    hear_for(5u * SAMPLES, false);
    if (!myna_listen_status().is_open)
        myna_port_fail("bench: the gate is closed while there is sound");
    hear_for(SETTLED, true);
    if (myna_listen_status().is_open)
        myna_port_fail("bench: the gate is open in silence");
    myna_port_fail(BENCH_DONE);
}
