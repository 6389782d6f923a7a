/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pad.h"

#include <string.h>

/* where a row of the inner map begins in the outer one */
static uint32_t inside(const struct pad *p, uint32_t row) {
    return ((row + p->top) * p->map.out_w + p->left) * p->map.out_c;
}

void myna_pad_s8(const struct pad *p, const int8_t *x, int8_t *y) {
    const struct map *m = &p->map;
    const uint32_t size = (uint32_t)m->in_w * m->in_c;
    memset(y, p->zero, (uint32_t)m->out_h * m->out_w * m->out_c);
    for (uint32_t row = 0; row < m->in_h; row++)
        memcpy(y + inside(p, row), x + row * size, size);
}

void myna_crop_s8(const struct pad *p, const int8_t *x, int8_t *y) {
    const uint32_t size = (uint32_t)p->map.in_w * p->map.in_c;
    for (uint32_t row = 0; row < p->map.in_h; row++)
        memcpy(y + row * size, x + inside(p, row), size);
}
