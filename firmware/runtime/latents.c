/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/latents.h"

#include "kernels/fixed.h"
#include "runtime/clips.h"
#include "runtime/crc32.h"
#include "runtime/model.h"
#include "runtime/progress.h"
#include "runtime/vary.h"

#include <stddef.h>
#include <string.h>

#define TAG_KEEP 0x4B454550u /* "KEEP": no tensor draws with this tag */

_Static_assert(MYNA_KEPT_LATENTS <= 16, "struct clip has a bit for each");

#if MYNA_KEPT_LATENTS > 0
static int8_t latents[MYNA_MAX_CLIPS][MYNA_KEPT_LATENTS][MYNA_LATENT_BYTES]; /* itself first */
static uint32_t seed;                                                        /* of the variations */
const uint32_t myna_latents_bytes = sizeof latents;

/* Lets the model make one of them from its features. */
static void make(uint32_t slot, uint32_t number) {
    struct clip *clip = myna_clips_at(slot);
    const struct message_learn varied = {.vary = number > 0u};
    uint32_t crc = myna_crc32_update(0u, clip->features, sizeof clip->features);
    uint32_t key = fx_random32(fx_key(seed, crc, TAG_KEEP), number - 1u);
    myna_vary_feed(&varied, clip->features, clip->label, key);
    myna_model.encode();
    memcpy(latents[slot][number], myna_model.latent, MYNA_LATENT_BYTES);
    clip->latents = (uint16_t)(clip->latents | 1u << number);
}

static void feed(uint32_t slot, uint32_t number) {
    if (seed != (uint32_t)*myna_model.seed) {
        myna_clips_forget_variations();
        seed = (uint32_t)*myna_model.seed;
    }
    if (((uint32_t)myna_clips_at(slot)->latents >> number & 1u) == 0u) {
        make(slot, number);
    }
    memcpy(myna_model.latent, latents[slot][number], MYNA_LATENT_BYTES);
}
#else
const uint32_t myna_latents_bytes = 0u;

static void feed(uint32_t slot, uint32_t number) {
    (void)number;
    memcpy(myna_model.features, myna_clips_at(slot)->features, MYNA_FEATURE_BYTES);
    myna_model.encode();
}
#endif

void myna_latents_feed(uint32_t slot) {
    feed(slot, 0u);
}

void myna_latents_feed_varied(const struct message_learn *options, uint32_t slot, uint32_t number,
                              uint32_t key) {
    const struct clip *clip = myna_clips_at(slot);
    if (!myna_vary_is_asked(options, clip->label)) {
        feed(slot, 0u);
    } else if (MYNA_VARIATIONS > 0) {
        feed(slot, 1u + number);
    } else {
        myna_vary_feed(options, clip->features, clip->label, key);
        myna_model.encode();
    }
}

void myna_latents_make(uint32_t label) {
    const uint32_t kept = !MYNA_FRONT_END || label == myna_model.silence ? 1u : MYNA_KEPT_LATENTS;
    for (uint32_t slot = 0u; slot < MYNA_MAX_CLIPS && MYNA_KEPT_LATENTS > 0; slot++) {
        const struct clip *clip = myna_clips_stored(slot);
        for (uint32_t n = 0u; n < kept && clip != NULL && clip->label == label; n++) {
            feed(slot, n);
            myna_progress(slot);
        }
    }
}
