/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/codeword.h"

#include <string.h>

#include "kernels/pairs.h"

#define ONE_Q16 65536
#define SIGN 127

void myna_codeword_correlation_s8(const struct codeword_correlation *p, const int8_t *z,
                                  const int8_t *codeword, int32_t *correlation) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < p->size; i++)
        sum += codeword[i] * (z[i] - p->zero);
    *correlation = sum;
}

void myna_codeword_loss(const struct codeword_loss *p, const int32_t *correlation,
                        const int8_t *codeword, int8_t *dz, int32_t *scale, int32_t *loss) {
    int32_t shortfall = p->target - *correlation;
    if (shortfall <= 0) {
        memset(dz, 0, p->size);
        store_pair(scale, (struct fx_pair){0, 0});
        *loss = 0;
        return;
    }
    for (uint32_t i = 0; i < p->size; i++)
        dz[i] = (int8_t)(-SIGN * codeword[i]);
    store_pair(scale, p->scale);
    *loss = myna_fx_divide((int64_t)shortfall * ONE_Q16, (uint32_t)p->target);
}
