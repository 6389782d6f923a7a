/* SPDX-License-Identifier: Apache-2.0 */
/* Margins around a map and their removal; specification: toolchain/myna/ops/pad.py */
#ifndef MYNA_PAD_H
#define MYNA_PAD_H

#include "kernels/window.h"

struct pad {
    struct map map; /* "in" is without the margins, "out" with them */
    uint16_t top, left;
    int8_t zero;
};

/* x[h,w,c] -> y[oh,ow,c] */
void myna_pad_s8(const struct pad *p, const int8_t *x, int8_t *y);
/* x[h,w,c] -> y[oh,ow,c] */
void myna_crop_s8(const struct pad *p, const int8_t *x, int8_t *y);

#endif
