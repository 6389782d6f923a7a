/* SPDX-License-Identifier: Apache-2.0 */
/* Correlation with a codeword and the hinge loss of outputs; specification:
 * toolchain/myna/ops/codeword.py */
#ifndef MYNA_CODEWORD_H
#define MYNA_CODEWORD_H

#include "kernels/fixed.h"

struct codeword_correlation {
    uint16_t size; /* at most 1024 */
    int16_t zero;
};

struct codeword_loss {
    uint16_t size; /* at most 1024 */
    int16_t zero;
    int16_t target; /* at most 127 */
    struct fx_pair scale;
};

/* z[n] codeword[n] -> correlation */
void myna_codeword_correlation_s8(const struct codeword_correlation *p, const int8_t *z,
                                  const int8_t *codeword, int32_t *correlation);

/* z[n] codeword[n] -> dz[n] scale[2] loss */
void myna_codeword_loss(const struct codeword_loss *p, const int8_t *z, const int8_t *codeword,
                        int8_t *dz, int32_t *scale, int32_t *loss);

#endif
