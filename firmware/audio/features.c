/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/features.h"

#include "audio/fft.h"
#include "audio/mel.h"

#include <stddef.h>
#include <string.h>

/* log2(value) - floor_bits in Q8, for 2^floor_bits <= value < 2^61. */
static int16_t log2_q8(uint64_t value, const int16_t *table, int32_t floor_bits) {
    const int32_t zeros = __builtin_clzll(value);
    const uint32_t mantissa = (uint32_t)((value << zeros) >> 32);
    const uint32_t index = (mantissa >> 26) & 31;
    const int32_t rest = (int32_t)((mantissa >> 16) & 1023);
    const int32_t log = table[index] + (((table[index + 1] - table[index]) * rest) >> 10);
    return (int16_t)((63 - zeros - floor_bits) * 256 + ((log + 8) >> 4));
}

static void log_mel(struct myna_audio_state *state, const struct myna_audio_config *config) {
    const uint8_t *weight = config->mel_weight;
    for (size_t m = 0; m < config->mels; m++) {
        const uint32_t first = (uint32_t)config->mel_first[m];
        const uint32_t count = (uint32_t)config->mel_count[m];
        const uint64_t energy = myna_audio_mel(state, first, count, weight);
        weight += count;
        state->log_mel[m] =
            log2_q8(energy + ((uint64_t)1 << config->floor_bits), config->log2, config->floor_bits);
    }
}

/* Row c of the DCT, Q22, below 2^31; without DCT the energy itself. */
static int32_t coefficient(const struct myna_audio_state *state,
                           const struct myna_audio_config *config, size_t c) {
    if (config->coefficients == 0) {
        return (int32_t)state->log_mel[c] * (1 << 14);
    }
    return myna_audio_dot(state->log_mel, &config->dct[c * config->mels], config->mels);
}

static void extract_row(struct myna_audio_state *state, const struct myna_audio_config *config,
                        int8_t *row) {
    myna_audio_transform(state, config);
    myna_audio_powers(state, config);
    log_mel(state, config);
    for (size_t c = 0; c < config->features; c++) {
        const int64_t centred = (int64_t)coefficient(state, config, c) - config->offset[c];
        const int64_t value = (centred * config->multiplier[c] + ((int64_t)1 << 35)) >> 36;
        row[c] = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    }
}

void myna_audio_reset(struct myna_audio_state *state) {
    state->fill = 0;
}

uint32_t myna_audio_push(struct myna_audio_state *state, const struct myna_audio_config *config,
                         const int16_t *pcm, uint32_t count, int8_t *row, bool *ready) {
    const uint32_t missing = (uint32_t)MYNA_AUDIO_FRAME - state->fill;
    const uint32_t taken = count < missing ? count : missing;
    memcpy(&state->frame[state->fill], pcm, taken * sizeof *pcm);
    state->fill = (uint16_t)(state->fill + taken);
    *ready = state->fill == MYNA_AUDIO_FRAME;
    if (*ready) {
        extract_row(state, config, row);
        state->fill = MYNA_AUDIO_FRAME - MYNA_AUDIO_HOP;
        memmove(state->frame, &state->frame[MYNA_AUDIO_HOP], state->fill * sizeof *state->frame);
    }
    return taken;
}
