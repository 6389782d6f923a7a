/* SPDX-License-Identifier: Apache-2.0 */
/* Voice activity, by the level of sound alone; twin of toolchain/myna/learn/gate.py */
#ifndef MYNA_GATE_H
#define MYNA_GATE_H

#include <stdbool.h>
#include <stdint.h>

/* Open at first, when nothing is known of the room. */
struct gate {
    uint16_t quiet;   /* hops since one stood out from the noise */
    uint8_t floor;    /* level of the noise; 0: nothing was heard yet */
    uint8_t climbing; /* hops above the floor since it last rose */
};

/* Takes the level of a hop (myna_endpoint_level); whether there may be speech: one of the latest
   `hangover` hops stood out. */
__attribute__((warn_unused_result)) bool myna_gate_push(struct gate *gate, uint8_t level,
                                                        uint16_t hangover);

#endif
