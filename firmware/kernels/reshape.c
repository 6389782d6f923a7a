/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/reshape.h"

#include <string.h>

void myna_reshape_s8(const struct reshape *p, const int8_t *x, int8_t *y) {
    if (y != x)
        memcpy(y, x, p->size);
}
