/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs what `myna bench` counts, once, and stops. Each mark closes a section; the emulator's
 * plugin (toolchain/myna/bench/counter.c) writes down its counters there, bench/count.py knows
 * the order: features of one second | set-up | inference, node by node | set-up | training step,
 * node by node. A model without a front end gets noise for features, and nothing is counted of it.
 */
#include "audio/features.h"
#include "bench/mark.h"
#include "bench/sound.h"
#include "boards/port.h"
#include "config.h" /* of the generated model */
#include "runtime/model.h"

#include <string.h>

static struct myna_audio_state audio;

static bool visit(uint16_t node) {
    (void)node;
    mark();
    return true;
}

/* The sound is made outside the counted sections: frame by frame, with a mark on either side. */
static void count_features(void) {
    if (!MYNA_FRONT_END) {
        for (uint32_t i = 0u; i < MYNA_FEATURE_BYTES; i++)
            myna_model.features[i] = (int8_t)(uint8_t)fx_random32(1u, i);
        return;
    }
    const struct myna_audio_config *config = myna_model.audio;
    int16_t pcm[MYNA_AUDIO_HOP];
    int8_t *row = myna_model.features, *end = row + config->frames * config->features;
    myna_audio_reset(&audio);
    for (uint32_t first = 0u; first < SAMPLES; first += MYNA_AUDIO_HOP) {
        make_sound(pcm, first, MYNA_AUDIO_HOP);
        mark();
        for (uint32_t taken = 0u; taken < MYNA_AUDIO_HOP;) {
            bool ready;
            taken +=
                myna_audio_push(&audio, config, pcm + taken, MYNA_AUDIO_HOP - taken, row, &ready);
            if (ready && row + config->features < end)
                row += config->features;
        }
        mark();
    }
}

/* a class that the model does not expect: a gradient of zero would take short cuts */
static int32_t surprise(void) {
    int32_t best = 0;
    for (int32_t i = 1; i < *myna_model.classes; i++)
        if (myna_model.logits[i] > myna_model.logits[best])
            best = i;
    return (best + 1) % *myna_model.classes;
}

int main(void) {
    myna_port_init();
    memcpy(myna_model.state, myna_model.state_init, myna_model.state_bytes);
    count_features();
    mark();
    myna_model.infer(visit);
    *myna_model.label = surprise();
    mark();
    myna_model.train_step(visit);
    myna_port_fail(BENCH_DONE);
}
