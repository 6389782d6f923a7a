/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variations of a feature map: another moment, level, noise, and gaps.
 * toolchain/myna/audio/augment.py specifies the arithmetic to the bit.
 */
#ifndef MYNA_AUDIO_AUGMENT_H
#define MYNA_AUDIO_AUGMENT_H

#include "audio/features.h"

#include <stdint.h>

/*
 * Writes to `out` the variation number `key` of the map `features`, mixed in about half of the
 * cases with the map `noise` (or NULL). All maps are [config->frames][config->features]; `out`
 * overlaps neither of the others. Without config->log_add only time is varied.
 */
void myna_audio_vary(const struct myna_audio_config *config, const int8_t *features,
                     const int8_t *noise, uint32_t key, int8_t *out);

#endif
