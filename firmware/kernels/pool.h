/* SPDX-License-Identifier: Apache-2.0 */
/* Average pooling by tiles and its gradient; specification: toolchain/myna/ops/pool.py */
#ifndef MYNA_POOL_H
#define MYNA_POOL_H

#include "kernels/window.h"

struct average_pool {
    struct map map;
    uint16_t pool_h, pool_w;
};

/* halves away from zero */
static inline int8_t rounded_mean(int32_t total, int32_t count) {
    return (int8_t)(total > 0 ? (total + count / 2) / count : (total - count / 2) / count);
}

void average_pool_s8(const struct average_pool *p, const int8_t *x, int8_t *y);
void average_pool_s8_grad(const struct average_pool *p, const int8_t *dy, int8_t *dx);

#endif
