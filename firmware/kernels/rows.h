/* SPDX-License-Identifier: Apache-2.0 */
/* Layers computed row by row; specification: toolchain/myna/ops/rows.py */
#ifndef MYNA_ROWS_H
#define MYNA_ROWS_H

#include "kernels/conv2d.h"
#include "kernels/coupling.h"
#include "kernels/depthwise.h"
#include "kernels/requantize.h"

#define ROWS_MAX 64 /* stages */

enum rows_kind {
    ROWS_INPUT,
    ROWS_CONV2D,
    ROWS_DEPTHWISE,
    ROWS_WIDEN,  /* int8 -> int16 */
    ROWS_NARROW, /* int16 -> int8 */
    ROWS_COUPLE,
    ROWS_MEAN
};

/* What makes the rows of one map. Row r is kept at element `at` + r % slots * size. */
struct rows_stage {
    uint8_t kind;
    uint8_t x, branch; /* the stages whose rows it reads */
    uint8_t stride;    /* row r needs the rows of x up to r * stride + reach */
    uint8_t reach;
    uint16_t height; /* rows; of a mean, those of x */
    uint16_t slots;  /* 0: no row is kept, each is made when it is read */
    uint16_t size;   /* elements of a row */
    uint16_t count;  /* elements of a mean's window */
    uint32_t at;
    uint32_t w, q; /* where its weights, and its biases, mantissas and shifts begin */
    union {
        struct conv2d conv2d; /* maps of one row */
        struct depthwise depthwise;
        struct requantize requantize;
        struct coupling coupling;
    } as;
};
struct rows {
    uint16_t count; /* stages; the first one is the input */
    uint16_t rows;  /* to be made by all of them */
    uint32_t narrow, wide, sums;
    uint32_t window_at; /* where the rows that a window sees are gathered */
    struct rows_stage stages[ROWS_MAX];
};

/* the workspaces `narrow`, `wide` and `sums` hold zeros afterwards */
/* x[h,w,c] w[weights] q[words] -> wraps y[means] narrow[n8] wide[n16] sums[n32] */
void myna_rows_s8(const struct rows *p, const int8_t *x, const int8_t *w, const int32_t *q,
                  int32_t *wraps, int8_t *y, int8_t *narrow, int16_t *wide, int32_t *sums);

#endif
