/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference on sound as it comes: each step computes what is new, and no row twice. There is one
 * if the model was built with --streaming; twin of toolchain/myna/learn/stream.py.
 */
#ifndef MYNA_STREAM_H
#define MYNA_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct myna_template_draft; /* runtime/templates.h */

#ifdef __cplusplus
extern "C" {
#endif

/* What the generated code of a model offers. It shares nothing with the model but its weights. */
struct myna_streaming {
    int8_t *rows;            /* of features, the input of a step */
    uint16_t row_bytes;      /* of each */
    uint16_t period;         /* how many they are */
    uint16_t warm_up;        /* steps without logits, until all that counts has arrived */
    uint16_t delay;          /* rows that arrive after the window whose logits a step makes */
    void (*step)(void);      /* rows -> logits, kept */
    const int8_t *logits;    /* valid until the next row arrives */
    const int8_t *embedding; /* the head's input, valid as long; NULL: there is no head */
    void *kept;              /* from step to step; zeros at first */
    uint32_t kept_bytes;
    const int8_t *foils; /* [foil_count][embedding_size]: directions of any speech */
    uint16_t foil_count;
    struct myna_template_draft *draft; /* in the arena, while the model rests; NULL: no templates */
};

extern const struct myna_streaming myna_streaming;

/* Forgets all sound. So does whoever trains layers below the head: what they made is kept. */
void myna_stream_reset(void);

/* Forgets the rows. */
void myna_stream_reset_rows(void);

/* Takes samples (16 kHz) until there are new logits or `count` are taken; returns how many. Call it
   again with the rest. Of a model with a front end only. */
__attribute__((warn_unused_result)) uint32_t myna_stream_push(const int16_t *pcm, uint32_t count,
                                                              bool *due);

/* Takes a row of features; returns whether there are new logits. */
__attribute__((warn_unused_result)) bool myna_stream_row(const int8_t *row);

/* The embedding that the latest logits were made of, without its zero point. */
void myna_stream_embedding(int16_t *embedding);

/* Copies all that was made of rows, MYNA_STREAM_COPY bytes, and puts it back. */
void myna_stream_save(uint8_t *copy);
void myna_stream_restore(const uint8_t *copy);

#ifdef __cplusplus
}
#endif

#endif
