/* SPDX-License-Identifier: Apache-2.0 */
/* Two elements of a stream at a time with the DSP extension (Cortex-M4, M7). */
#ifndef MYNA_PAIRS_DSP_H
#define MYNA_PAIRS_DSP_H

#include "kernels/coupling.h"
#include "kernels/fixed.h"
#include "kernels/requantize.h"

#if MYNA_DSP
/* myna_requantize_s16_s8 and myna_couple_s16 on as many elements as they return: none of what would
 * need more */
uint32_t myna_requantize_s16_s8_pairs(const struct requantize *p, const int16_t *x, int8_t *y);
uint32_t myna_couple_pairs(const struct coupling *p, const int16_t *x, const int8_t *branch,
                           int32_t *wrapped, int16_t *y);
#endif

#endif
