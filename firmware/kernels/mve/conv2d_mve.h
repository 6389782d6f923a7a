/* SPDX-License-Identifier: Apache-2.0 */
/* What a vector variant takes of an input gradient; conv2d.c does the rest. */
#ifndef MYNA_CONV2D_MVE_H
#define MYNA_CONV2D_MVE_H

#include "kernels/conv2d.h"
#include "kernels/mve/helium_mve.h"

#if MYNA_MVE
/* A pointwise one; false, and nothing done, where dy has more channels than there is scratch for */
bool myna_pointwise_grad_input(const struct map *m, const int8_t *dy, const int8_t *w,
                               const int16_t *channel, struct fx_multiplier by, int8_t *dx,
                               int32_t *peak);
#endif

#endif
