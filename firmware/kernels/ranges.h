/* SPDX-License-Identifier: Apache-2.0 */
/* Scales of gradients at run time; specification: toolchain/myna/ops/ranges.py */
#ifndef MYNA_RANGES_H
#define MYNA_RANGES_H

#include "kernels/fixed.h"

struct probe_scale {
    struct fx_pair factor_a, factor_b;
};
struct range_update {
    int32_t keep, gain; /* Q16 */
};

/* a[2] b[2] -> scale[2] */
void myna_probe_scale(const struct probe_scale *p, const int32_t *a, const int32_t *b,
                      int32_t *scale);
/* probe[2] peak -> scale[2] */
void myna_dynamic_scale(const int32_t *probe, const int32_t *peak, int32_t *scale);
/* range[2] base[2] -> scale[2] */
void myna_hindsight_scale(const int32_t *range, const int32_t *base, int32_t *scale);
/* base[2] peak -> range[2] */
void myna_range_update(const struct range_update *p, const int32_t *base, const int32_t *peak,
                       int32_t *range);

#endif
