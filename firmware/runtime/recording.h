/* SPDX-License-Identifier: Apache-2.0 */
/* A recording while it arrives. The model rests then, so it lies in the model's arena. */
#ifndef MYNA_RECORDING_H
#define MYNA_RECORDING_H

#include "audio/endpoint.h"
#include "audio/features.h"
#include "config.h" /* of the generated model */

#define MYNA_ROW_BYTES (MYNA_FEATURE_BYTES / MYNA_FRAMES)

_Static_assert(!MYNA_FRONT_END || MYNA_FRAMES <= ENDPOINT_FRAMES, "a clip fits a recording");

struct myna_recording {
    struct myna_audio_state audio;
    struct endpoint endpoint;
    uint32_t filled; /* bytes of features */
    int8_t features[ENDPOINT_FRAMES * MYNA_ROW_BYTES];
};

#endif
