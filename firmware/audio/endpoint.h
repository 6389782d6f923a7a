/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the word is in a recording, and whether it is fit to learn from.
 * toolchain/myna/audio/endpoint.py specifies the arithmetic to the bit.
 */
#ifndef MYNA_AUDIO_ENDPOINT_H
#define MYNA_AUDIO_ENDPOINT_H

#include "audio/features.h"

#include <stdint.h>

enum {
    ENDPOINT_SECOND = 50,                              /* hops of a second */
    ENDPOINT_HOPS = 4 * ENDPOINT_SECOND,               /* of the longest recording */
    ENDPOINT_SAMPLES = ENDPOINT_HOPS * MYNA_AUDIO_HOP, /* of it */
    ENDPOINT_FAINT = 48,                               /* level: no floor is lower */
    ENDPOINT_MARGIN = 24,                              /* from the floor to what stands out: 9 dB */
    ENDPOINT_FRAMES =
        (ENDPOINT_SAMPLES - MYNA_AUDIO_FRAME) / MYNA_AUDIO_HOP + 1 /* whole frames of it */
};

enum endpoint_verdict {
    ENDPOINT_OK,
    ENDPOINT_SILENT,
    ENDPOINT_CLIPPED,
    ENDPOINT_NO_WORD,
    ENDPOINT_TWO_WORDS,
    ENDPOINT_CUT_OFF
};

/* What is measured of a recording while it arrives. */
struct endpoint {
    uint64_t squares;     /* sum over all samples */
    uint64_t hop_squares; /* sum over the hop that has begun */
    int32_t hop_sum;
    uint32_t samples;
    uint32_t clipped; /* samples at full scale */
    uint16_t peak;    /* largest magnitude */
    uint16_t hops;
    uint8_t level[ENDPOINT_HOPS];
};

/* The hops of the word; where none was found, all of them. */
struct endpoint_word {
    uint16_t verdict; /* enum endpoint_verdict */
    uint16_t start;
    uint16_t length;
};

/* The level of a hop by its samples' sum and sum of squares: log2(variance + 1) in eighths. */
uint8_t myna_endpoint_level(uint64_t squares, int32_t sum);

/* Forgets everything: the next sample is a recording's first. */
void myna_endpoint_reset(struct endpoint *endpoint);

/* Takes samples; a recording has at most ENDPOINT_SAMPLES. */
void myna_endpoint_push(struct endpoint *endpoint, const int16_t *pcm, uint32_t count);

/* Finds the word in what was pushed. */
void myna_endpoint_find(const struct endpoint *endpoint, struct endpoint_word *word);

/* The first of the `frames` frames that are the clip: the word in its middle. */
uint32_t myna_endpoint_first_frame(const struct endpoint *endpoint,
                                   const struct endpoint_word *word, uint32_t frames);

#endif
