/* SPDX-License-Identifier: Apache-2.0 */
/* Additive coupling modulo 2^16 and its inverse; specification: toolchain/myna/ops/coupling.py */
#ifndef MYNA_COUPLING_H
#define MYNA_COUPLING_H

#include "kernels/fixed.h"

struct coupling {
    uint32_t size;
    int32_t mantissa, shift, branch_zero;
};

/* y may be x */
/* x[n] branch[n] -> wraps y[n] */
void myna_couple_s16(const struct coupling *p, const int16_t *x, const int8_t *branch,
                     int32_t *wraps, int16_t *y);
/* x may be y */
/* y[n] branch[n] -> x[n] */
void myna_uncouple_s16(const struct coupling *p, const int16_t *y, const int8_t *branch,
                       int16_t *x);

#endif
