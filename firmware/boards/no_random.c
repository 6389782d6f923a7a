/* SPDX-License-Identifier: Apache-2.0 */
/* For boards without a source of random numbers. */
#include "boards/port.h"

bool myna_port_random(void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return false;
}
