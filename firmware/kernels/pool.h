/* SPDX-License-Identifier: Apache-2.0 */
/* Average pooling by tiles and its gradient; specification: toolchain/myna/ops/pool.py */
#ifndef MYNA_POOL_H
#define MYNA_POOL_H

#include "kernels/window.h"

struct average_pool {
    struct map map;
    uint16_t pool_h, pool_w;
};

void average_pool_s8(const struct average_pool *p, const int8_t *x, int8_t *y);
void average_pool_s8_grad(const struct average_pool *p, const int8_t *dy, int8_t *dx);

#endif
