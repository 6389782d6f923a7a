/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a SIMD variant takes of a depthwise convolution: the first channels; each function returns
 * how many. depthwise.c does the rest.
 */
#ifndef MYNA_DEPTHWISE_DSP_H
#define MYNA_DEPTHWISE_DSP_H

#include "kernels/depthwise.h"
#include "kernels/pairs.h"
#include "kernels/sgd.h"

#if MYNA_DSP
int32_t myna_depthwise_quads(const struct depthwise *p, const int8_t *x, const int8_t *w,
                             const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                             int8_t *y);
int32_t myna_depthwise_grad_quads(const struct depthwise_grad_input *p, const int8_t *dy,
                                  const int8_t *w, const int16_t *channel, struct fx_multiplier by,
                                  int8_t *dx, struct gradient_range *range);
int32_t myna_depthwise_update_quads(const struct depthwise_update *p, const int8_t *x,
                                    const int8_t *dy, const struct sgd *sgd, int8_t *w,
                                    int8_t *residual);
#endif

#endif
