/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/codeword.h"

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

void myna_codeword_loss(const struct codeword_loss *p, const int8_t *z, const int8_t *codeword,
                        int8_t *dz, int32_t *scale, int32_t *loss) {
    int32_t total = 0;
    for (uint32_t i = 0; i < p->size; i++) {
        int32_t shortfall = p->target - codeword[i] * (z[i] - p->zero);
        dz[i] = (int8_t)(shortfall > 0 ? -SIGN * codeword[i] : 0);
        total += shortfall > 0 ? shortfall : 0;
    }
    store_pair(scale, total > 0 ? p->scale : (struct fx_pair){0, 0});
    *loss = myna_fx_divide((int64_t)total * ONE_Q16, p->size * (uint32_t)p->target);
}
