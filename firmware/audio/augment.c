/* SPDX-License-Identifier: Apache-2.0 */
#include "audio/augment.h"

#include "kernels/fixed.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    SHIFT = 5,      /* frames, earlier or later */
    GAIN = 2,       /* octaves of power, 6.02 dB, softer or louder */
    NOISE_GAIN = 2, /* the same of the noise */
    NOISY = 2,      /* one map in so many gets noise */
    TIME_MASK = 6,  /* frames at most */
    BAND_MASK = 3   /* bands at most */
};

/* What each random number of a key decides. */
enum draw {
    DRAW_SHIFT,
    DRAW_GAIN,
    DRAW_NOISY,
    DRAW_NOISE_START,
    DRAW_NOISE_GAIN,
    DRAW_TIME_MASK,
    DRAW_BAND_MASK = DRAW_TIME_MASK + 2 /* a mask draws its width, then its start */
};

struct mask {
    uint32_t start, end;
};

/* Uniform in 0 ... count - 1. */
static uint32_t draw(uint32_t key, uint32_t index, uint32_t count) {
    return (uint32_t)(((uint64_t)fx_random32(key, index) * count) >> 32);
}

/* Uniform in -most ... most. */
static int32_t draw_signed(uint32_t key, uint32_t index, int32_t most) {
    return (int32_t)draw(key, index, 2u * (uint32_t)most + 1u) - most;
}

static struct mask draw_mask(uint32_t key, uint32_t index, uint32_t widest, uint32_t size) {
    const uint32_t width = draw(key, index, (widest < size ? widest : size) + 1u);
    const uint32_t start = draw(key, index + 1u, size - width + 1u);
    return (struct mask){start, start + width};
}

static bool masks(struct mask mask, uint32_t index) {
    return index >= mask.start && index < mask.end;
}

/* int8 steps of a level in octaves of power; below 2^12. */
static int32_t steps(const struct myna_audio_config *config, int32_t octaves) {
    return (octaves * config->multiplier[0] + (1 << 13)) >> 14;
}

/* The level of two sounds together. */
static int32_t log_add(const struct myna_audio_config *config, int32_t a, int32_t b) {
    const uint32_t difference = (uint32_t)fx_abs32(a - b);
    const int32_t more = difference < config->log_add_count ? config->log_add[difference] : 0;
    return fx_max32(a, b) + more;
}

/* Changes the levels of a map in place; noise may be NULL. */
static void vary_levels(const struct myna_audio_config *config, const int8_t *noise, uint32_t key,
                        int8_t *map) {
    const uint32_t frames = config->frames, bands = config->features;
    const int32_t gain = draw_signed(key, DRAW_GAIN, steps(config, GAIN));
    const int32_t noise_gain = draw_signed(key, DRAW_NOISE_GAIN, steps(config, NOISE_GAIN));
    const struct mask mask = draw_mask(key, DRAW_BAND_MASK, BAND_MASK, bands);
    const bool noisy = noise != NULL && draw(key, DRAW_NOISY, NOISY) == 0u;
    uint32_t other = draw(key, DRAW_NOISE_START, frames);
    for (uint32_t frame = 0u; frame < frames; frame++) {
        for (uint32_t band = 0u; band < bands; band++) {
            int8_t *value = &map[frame * bands + band];
            int32_t level = *value + gain;
            if (noisy) {
                level = log_add(config, level, noise[other * bands + band] + noise_gain);
            }
            *value = masks(mask, band) ? 0 : (int8_t)fx_clamp32(level, INT8_MIN, INT8_MAX);
        }
        other = other + 1u < frames ? other + 1u : 0u;
    }
}

void myna_audio_vary(const struct myna_audio_config *config, const int8_t *features,
                     const int8_t *noise, uint32_t key, int8_t *out) {
    const uint32_t frames = config->frames, bands = config->features;
    const int32_t shift = draw_signed(key, DRAW_SHIFT, SHIFT);
    const struct mask mask = draw_mask(key, DRAW_TIME_MASK, TIME_MASK, frames);
    for (uint32_t frame = 0u; frame < frames; frame++) {
        const int32_t from = fx_clamp32((int32_t)frame - shift, 0, (int32_t)frames - 1);
        memcpy(&out[frame * bands], &features[(uint32_t)from * bands], bands);
    }
    if (config->log_add != NULL) {
        vary_levels(config, noise, key, out);
    }
    memset(&out[mask.start * bands], 0, (size_t)(mask.end - mask.start) * bands);
}
