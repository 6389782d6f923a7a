/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolutions that the Helium variant takes; each function returns whether it did. The
   others are left to depthwise.c: those of less than sixteen channels. */
#ifndef MYNA_DEPTHWISE_MVE_H
#define MYNA_DEPTHWISE_MVE_H

#include "kernels/depthwise.h"
#include "kernels/mve/helium_mve.h"
#include "kernels/sgd.h"

#if MYNA_MVE
bool myna_depthwise_lanes(const struct depthwise *p, const int8_t *x, const int8_t *w,
                          const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                          int8_t *y);
bool myna_depthwise_grad_lanes(const struct depthwise_grad_input *p, const int8_t *dy,
                               const int8_t *w, const int16_t *channel, struct fx_multiplier by,
                               int8_t *dx, int32_t *peak);
bool myna_depthwise_update_lanes(const struct depthwise_update *p, const int8_t *x,
                                 const int8_t *dy, const struct sgd *sgd, int8_t *w,
                                 int8_t *residual);
#endif

#endif
