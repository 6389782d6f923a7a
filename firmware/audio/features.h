/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer front end: 16 kHz PCM in, int8 feature rows out, frame by frame.
 * toolchain/myna/audio/features.py specifies the arithmetic to the bit.
 */
#ifndef MYNA_AUDIO_FEATURES_H
#define MYNA_AUDIO_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MYNA_AUDIO_FRAME = 512,                   /* samples of a frame = length of the FFT */
    MYNA_AUDIO_HOP = 320,                     /* samples from frame to frame */
    MYNA_AUDIO_POINTS = MYNA_AUDIO_FRAME / 2, /* complex points of the FFT */
    MYNA_AUDIO_MAX_MELS = 64
};

/* Constant tables, rendered by toolchain/myna/audio/render.py into the model's folder. */
struct myna_audio_config {
    uint16_t frames;           /* rows of one clip's feature map */
    uint8_t mels;              /* triangles of the filter bank, at most MYNA_AUDIO_MAX_MELS */
    uint8_t coefficients;      /* rows of the DCT; 0 = log-mel features */
    uint8_t features;          /* int8 values per frame: coefficients, or mels */
    uint8_t floor_bits;        /* noise floor 2^floor_bits added to each mel energy */
    uint16_t log_add_count;    /* entries of log_add, at most 256 */
    const int16_t *window;     /* [MYNA_AUDIO_FRAME], Q15 */
    const int32_t *twiddle;    /* [MYNA_AUDIO_POINTS][2], cosine and sine, Q31 */
    const int16_t *log2;       /* [33], Q12 */
    const int16_t *mel_first;  /* [mels], first bin of each triangle */
    const int16_t *mel_count;  /* [mels], bins of each triangle */
    const uint8_t *mel_weight; /* the triangles, one after the other */
    const int16_t *dct;        /* [coefficients][mels], Q14 */
    const int32_t *offset;     /* [features], Q22 */
    const int32_t *multiplier; /* [features], Q36 */
    const uint8_t *log_add;    /* [log_add_count], see augment.h; NULL: sounds cannot be added */
};

struct myna_audio_complex {
    int32_t re, im;
};

/* The front end at work, about 3.2 KB; no clip is ever kept. */
struct myna_audio_state {
    int16_t frame[MYNA_AUDIO_FRAME]; /* aligned with the union, for loads of two samples */
    int16_t log_mel[MYNA_AUDIO_MAX_MELS];
    uint16_t fill; /* valid samples in `frame` */
    union {
        struct myna_audio_complex point[MYNA_AUDIO_POINTS];
        uint64_t power[MYNA_AUDIO_POINTS];
        uint32_t word[MYNA_AUDIO_POINTS][2]; /* of a power */
    } spectrum;
};

/* Forgets all samples: the next one pushed is the first of a clip. */
void myna_audio_reset(struct myna_audio_state *state);

/*
 * Takes samples (16 kHz) until a frame is complete or `count` of them are taken; returns how many.
 * *ready tells whether `row` was written: config->features values, one row of the model's features.
 * Call it again with the rest. The first row comes with sample MYNA_AUDIO_FRAME, each further one
 * MYNA_AUDIO_HOP samples later.
 */
__attribute__((warn_unused_result)) uint32_t myna_audio_push(struct myna_audio_state *state,
                                                             const struct myna_audio_config *config,
                                                             const int16_t *pcm, uint32_t count,
                                                             int8_t *row, bool *ready);

#ifdef __cplusplus
}
#endif

#endif
