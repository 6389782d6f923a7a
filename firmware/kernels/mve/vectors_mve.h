/* SPDX-License-Identifier: Apache-2.0 */
/* What the Helium variant takes of elementwise ops: the first elements, as many as fill vectors;
   each function returns how many. */
#ifndef MYNA_VECTORS_MVE_H
#define MYNA_VECTORS_MVE_H

#include "kernels/coupling.h"
#include "kernels/gradient.h"
#include "kernels/requantize.h"

#if MYNA_MVE
uint32_t myna_requantize_s16_s8_vectors(const struct requantize *p, const int16_t *x, int8_t *y);
uint32_t myna_requantize_s8_s16_vectors(const struct requantize *p, const int8_t *x, int16_t *y);
uint32_t myna_requantize_s8_s8_vectors(const struct requantize *p, const int8_t *x, int8_t *y);

/* adds to *wraps */
uint32_t myna_couple_vectors(const struct coupling *p, const int16_t *x, const int8_t *branch,
                             int32_t *wraps, int16_t *y);
uint32_t myna_uncouple_vectors(const struct coupling *p, const int16_t *y, const int8_t *branch,
                               int16_t *x);

uint32_t myna_clamp_grad_vectors(const struct clamp_grad *p, const int8_t *dy, const int8_t *y,
                                 int8_t *dx);
/* (scale_down(a << left_a, by_a) + scale_down(b << left_b, by_b) + 128) >> 8, the shifts of both
   more than 32 */
uint32_t myna_grad_add_vectors(uint32_t size, const int8_t *a, int32_t left_a,
                               struct fx_multiplier by_a, const int8_t *b, int32_t left_b,
                               struct fx_multiplier by_b, int8_t *sum, int32_t *peak);
#endif

#endif
