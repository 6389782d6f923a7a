/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/concat.h"

#include <string.h>

void myna_concat_s8(const struct concat *p, const int8_t *a, const int8_t *b, int8_t *y) {
    for (uint32_t row = 0; row < p->rows; row++) {
        memcpy(y, a + row * p->size_a, p->size_a);
        memcpy(y + p->size_a, b + row * p->size_b, p->size_b);
        y += p->size_a + p->size_b;
    }
}

void myna_slice_s8(const struct slice *p, const int8_t *x, int8_t *y) {
    for (uint32_t row = 0; row < p->rows; row++)
        memcpy(y + row * p->size, x + row * p->width + p->begin, p->size);
}
