/* SPDX-License-Identifier: Apache-2.0 */
/* In which order training sees the clips; twin of toolchain/myna/learn/schedule.py. */
#ifndef MYNA_SCHEDULE_H
#define MYNA_SCHEDULE_H

#include <stdint.h>

/* Puts the items into the order of one epoch. */
void myna_schedule_shuffle(uint16_t *items, uint32_t count, uint32_t seed, uint32_t epoch);

/*
 * The item whose turn is at `step`: every epoch of `count` steps visits all items once, in an
 * order drawn from (seed, epoch). Shuffles `items`, which come in ascending order; count > 0.
 */
uint16_t myna_schedule_pick(uint16_t *items, uint32_t count, uint32_t seed, uint32_t step);

#endif
