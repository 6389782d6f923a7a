/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cores of 32 bits without vectors take of a depthwise convolution: four channels of an output
 * at a time, in registers, where they are aligned; returns how many channels. depthwise.c does the
 * rest.
 */
#ifndef MYNA_DEPTHWISE_SCALAR_H
#define MYNA_DEPTHWISE_SCALAR_H

#include "kernels/depthwise.h"

#if MYNA_SCALAR
int32_t myna_depthwise_fours(const struct depthwise *p, const int8_t *x, const int8_t *w,
                             const int32_t *bias, const int32_t *mantissa, const int32_t *shift,
                             int8_t *y);
#endif

#endif
