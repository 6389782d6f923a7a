/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_AUDIO_FFT_H
#define MYNA_AUDIO_FFT_H

#include "features.h"

/*
 * Windowed power spectrum of one real frame of AUDIO_FRAME samples.
 * Writes state->spectrum.power[0 .. AUDIO_POINTS - 1] from state->frame.
 */
void audio_power_spectrum(struct audio_state *state, const struct audio_config *config);

#endif
