/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/band.h"

#include "kernels/fixed.h"

#include <string.h>

void myna_band_s8(const struct band *p, const int8_t *x, int8_t *kept, int8_t *y) {
    memcpy(y, kept, p->kept);
    memcpy(y + p->kept, x, p->size);
    memcpy(kept, y + p->size, p->kept);
}

void myna_band_s16(const struct band *p, const int16_t *x, int16_t *kept, int16_t *y) {
    memcpy(y, kept, p->kept * sizeof *y);
    memcpy(y + p->kept, x, p->size * sizeof *y);
    memcpy(kept, y + p->size, p->kept * sizeof *y);
}

void myna_delay_s8(const struct band *p, const int8_t *x, int8_t *kept, int8_t *y) {
    const uint32_t some = fx_minu32(p->size, p->kept), rest = p->kept - some;
    memcpy(y, kept, some);
    memcpy(y + some, x, p->size - some);
    memmove(kept, kept + some, rest);
    memcpy(kept + rest, x + p->size - some, some);
}

void myna_delay_s16(const struct band *p, const int16_t *x, int16_t *kept, int16_t *y) {
    const uint32_t some = fx_minu32(p->size, p->kept), rest = p->kept - some;
    memcpy(y, kept, some * sizeof *y);
    memcpy(y + some, x, (p->size - some) * sizeof *y);
    memmove(kept, kept + some, rest * sizeof *y);
    memcpy(kept + rest, x + p->size - some, some * sizeof *y);
}

void myna_take_rows_s8(const struct take_rows *p, const int8_t *x, int8_t *y) {
    memcpy(y, x + p->begin, p->size);
}

void myna_take_rows_s16(const struct take_rows *p, const int16_t *x, int16_t *y) {
    memcpy(y, x + p->begin, p->size * sizeof *y);
}
