/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference on sound as it comes: each step computes what is new, and no row twice. There is one
 * if the model was built with --streaming; twin of toolchain/myna/learn/stream.py.
 */
#ifndef MYNA_STREAM_H
#define MYNA_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the generated code of a model offers. It shares nothing with the model but its weights. */
struct myna_streaming {
    int8_t *rows;         /* of features, the input of a step */
    uint16_t row_bytes;   /* of each */
    uint16_t period;      /* how many they are */
    uint16_t warm_up;     /* steps without logits, until all that counts has arrived */
    uint16_t delay;       /* rows that arrive after the window whose logits a step makes */
    void (*step)(void);   /* rows -> logits, kept */
    const int8_t *logits; /* valid until the next row arrives */
    void *kept;           /* from step to step; zeros at first */
    uint32_t kept_bytes;
};

extern const struct myna_streaming myna_streaming;

/* Forgets all sound. So does whoever trains layers below the head: what they made is kept. */
void myna_stream_reset(void);

/* Takes samples (16 kHz) until there are new logits or `count` are taken; returns how many. Call it
   again with the rest. Of a model with a front end only. */
__attribute__((warn_unused_result)) uint32_t myna_stream_push(const int16_t *pcm, uint32_t count,
                                                              bool *due);

/* Takes a row of features; returns whether there are new logits. */
__attribute__((warn_unused_result)) bool myna_stream_row(const int8_t *row);

#ifdef __cplusplus
}
#endif

#endif
