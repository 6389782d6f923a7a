/* SPDX-License-Identifier: Apache-2.0 */
/* How loud sound is, hop by hop, as it arrives. */
#ifndef MYNA_METER_H
#define MYNA_METER_H

#include <stdint.h>

/* Zeros at first. */
struct meter {
    int64_t squares; /* of the hop that has begun, */
    int32_t sum;     /* and of its samples */
    uint16_t samples;
    uint16_t clipped; /* samples at full scale, until somebody sets it to 0 */
    uint8_t level;    /* myna_endpoint_level of the latest whole hop */
};

void myna_meter_push(struct meter *meter, const int16_t *pcm, uint32_t count);

/* Forgets the hop that has begun. */
void myna_meter_reset(struct meter *meter);

#endif
