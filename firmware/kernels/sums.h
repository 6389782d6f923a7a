/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the positions of a map, channel by channel */
#ifndef MYNA_SUMS_H
#define MYNA_SUMS_H

#include <stdint.h>

enum { SUM_CHANNELS = 4 }; /* at a time */

/* total[c] += sum of x[c], x[c + channels], … over positions, for c < count <= SUM_CHANNELS */
void myna_add_positions(const int8_t *x, uint32_t positions, uint32_t channels, uint32_t count,
                        int32_t total[SUM_CHANNELS]);

#endif
