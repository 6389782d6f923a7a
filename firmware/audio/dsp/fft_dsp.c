/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fixed.h"

#if MYNA_DSP
#include "audio/fft.h"

/* stages_dsp.S */
void myna_audio_first_stages(const int16_t *frame, const int16_t *window,
                             struct myna_audio_complex *point);
void myna_audio_stages_4(struct myna_audio_complex *point, const int32_t *twiddle);
void myna_audio_stages_16(struct myna_audio_complex *point, const int32_t *twiddle);
void myna_audio_stages_64(struct myna_audio_complex *point, const int32_t *twiddle);
/* power_dsp.S */
void myna_audio_pairs_of_bins(struct myna_audio_complex *first, struct myna_audio_complex *last,
                              const int32_t *twiddle);

void myna_audio_transform(struct myna_audio_state *state, const struct myna_audio_config *config) {
    struct myna_audio_complex *point = state->spectrum.point;
    myna_audio_first_stages(state->frame, config->window, point);
    myna_audio_stages_4(point, config->twiddle);
    myna_audio_stages_16(point, config->twiddle);
    myna_audio_stages_64(point, config->twiddle);
}

void myna_audio_powers(struct myna_audio_state *state, const struct myna_audio_config *config) {
    struct myna_audio_complex *point = state->spectrum.point;
    state->spectrum.power[0] = audio_first_power(point[0], config->twiddle[0]);
    myna_audio_pairs_of_bins(&point[1], &point[MYNA_AUDIO_POINTS - 1], &config->twiddle[2]);
}

#endif
