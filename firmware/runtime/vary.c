/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/vary.h"

#include "audio/augment.h"
#include "runtime/clips.h"
#include "runtime/model.h"

#include <stddef.h>
#include <string.h>

/* One of the stored clips without speech; NULL if there is none. */
static const int8_t *choose_noise(uint32_t key) {
    uint16_t noises[MYNA_MAX_CLIPS];
    uint32_t found = 0u;
    for (uint16_t slot = 0u; slot < MYNA_MAX_CLIPS; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        if (clip != NULL && clip->label == myna_model.silence) {
            noises[found++] = slot;
        }
    }
    return found > 0u ? myna_clips_stored(noises[vary_draw(key, DRAW_NOISE, found)])->features
                      : NULL;
}

bool myna_vary_is_asked(const struct message_learn *options, uint32_t label) {
    return MYNA_FRONT_END && options->vary != 0u && label != myna_model.silence;
}

void myna_vary_feed(const struct message_learn *options, const int8_t *features, uint32_t label,
                    uint32_t key) {
    if (myna_vary_is_asked(options, label)) {
        myna_audio_vary(myna_model.audio, features, choose_noise(key), key, myna_model.features);
    } else {
        memcpy(myna_model.features, features, MYNA_FEATURE_BYTES);
    }
}
