/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/gate.h"

#include "audio/endpoint.h"
#include "kernels/fixed.h"

#define CLIMB 16u /* hops after which the floor rises by a step: 1.2 dB a second */

/* Down at once, up slowly: speech pauses, noise does not. */
static void follow(struct gate *gate, uint8_t level) {
    if (gate->floor == 0u || level <= gate->floor) {
        gate->floor = level;
        gate->climbing = 0u;
    } else if (++gate->climbing == CLIMB) {
        gate->floor++;
        gate->climbing = 0u;
    }
}

bool myna_gate_push(struct gate *gate, uint8_t level, uint16_t hangover) {
    int32_t loud = fx_max32(level, ENDPOINT_FAINT);
    follow(gate, (uint8_t)loud);
    gate->quiet = loud >= gate->floor + ENDPOINT_MARGIN
                      ? 0u
                      : (uint16_t)fx_minu32(gate->quiet + 1u, (uint32_t)hangover + 1u);
    return gate->quiet <= hangover;
}
