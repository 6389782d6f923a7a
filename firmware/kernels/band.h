/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that arrive a few at a time; specification: toolchain/myna/ops/band.py */
#ifndef MYNA_BAND_H
#define MYNA_BAND_H

#include <stdint.h>

/* elements */
struct band {
    uint32_t size, kept;
};
struct take_rows {
    uint32_t begin, size;
};

/* y = kept | x; then the last of it are kept */
/* x[size] -> kept[kept] y[kept+size] */
void myna_band_s8(const struct band *p, const int8_t *x, int8_t *kept, int8_t *y);
/* x[size] -> kept[kept] y[kept+size] */
void myna_band_s16(const struct band *p, const int16_t *x, int16_t *kept, int16_t *y);
/* y is the first of kept | x; then the last of it are kept */
/* x[size] -> kept[kept] y[size] */
void myna_delay_s8(const struct band *p, const int8_t *x, int8_t *kept, int8_t *y);
/* x[size] -> kept[kept] y[size] */
void myna_delay_s16(const struct band *p, const int16_t *x, int16_t *kept, int16_t *y);
/* x[n] -> y[size] */
void myna_take_rows_s8(const struct take_rows *p, const int8_t *x, int8_t *y);
/* x[n] -> y[size] */
void myna_take_rows_s16(const struct take_rows *p, const int16_t *x, int16_t *y);

#endif
