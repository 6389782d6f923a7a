/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/fixed.h"

#if MYNA_DSP
#include "audio/fft.h"

/* stages_dsp.S */
void audio_first_stages(const int16_t *frame, const int16_t *window, struct audio_complex *point);
void audio_stages_4(struct audio_complex *point, const int32_t *twiddle);
void audio_stages_16(struct audio_complex *point, const int32_t *twiddle);
void audio_stages_64(struct audio_complex *point, const int32_t *twiddle);
/* power_dsp.S */
void audio_pairs_of_bins(struct audio_complex *first, struct audio_complex *last,
                         const int32_t *twiddle);

void audio_transform(struct audio_state *state, const struct audio_config *config) {
    struct audio_complex *point = state->spectrum.point;
    audio_first_stages(state->frame, config->window, point);
    audio_stages_4(point, config->twiddle);
    audio_stages_16(point, config->twiddle);
    audio_stages_64(point, config->twiddle);
}

void audio_powers(struct audio_state *state, const struct audio_config *config) {
    struct audio_complex *point = state->spectrum.point;
    state->spectrum.power[0] = audio_first_power(point[0], config->twiddle[0]);
    audio_pairs_of_bins(&point[1], &point[AUDIO_POINTS - 1], &config->twiddle[2]);
}

#endif
