/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the server (linked with --wrap): for every frame of samples that arrives it answers
   with all that the front end computes on the way to the row of features. */
#include "audio/mel.h"
#include "boards/port.h"
#include "runtime/model.h"
#include "server/server.h"

#include <string.h>

void __wrap_myna_server_init(void);
bool __wrap_myna_server_poll(void);

static union {
    int16_t pcm[MYNA_AUDIO_FRAME];
    uint8_t bytes[MYNA_AUDIO_FRAME * 2];
} frame;
static size_t received;
static struct myna_audio_state state;
static uint8_t loudest[MYNA_AUDIO_POINTS]; /* weights */

static void answer(void) {
    const struct myna_audio_config *config = myna_model.audio;
    const uint8_t *weight = config->mel_weight;
    int8_t row[UINT8_MAX];
    uint64_t energy[MYNA_AUDIO_MAX_MELS + 1];
    bool ready;
    myna_audio_reset(&state);
    (void)!myna_audio_push(&state, config, frame.pcm, MYNA_AUDIO_FRAME, row, &ready);
    for (uint32_t m = 0; m < config->mels; m++) {
        const uint32_t count = (uint32_t)config->mel_count[m];
        energy[m] = myna_audio_mel(&state, (uint32_t)config->mel_first[m], count, weight);
        weight += count;
    }
    energy[config->mels] = myna_audio_mel(&state, 1u, MYNA_AUDIO_POINTS - 1u, loudest);
    myna_port_write((const uint8_t *)state.spectrum.power, sizeof state.spectrum.power);
    myna_port_write((const uint8_t *)energy, (config->mels + 1u) * sizeof *energy);
    myna_port_write((const uint8_t *)row, config->features);
}

void __wrap_myna_server_init(void) {
    memset(loudest, UINT8_MAX, sizeof loudest);
}

bool __wrap_myna_server_poll(void) {
    const size_t count = myna_port_read(&frame.bytes[received], sizeof frame.bytes - received);
    received += count;
    if (received == sizeof frame.bytes) {
        answer();
        received = 0u;
    }
    return count > 0u;
}
