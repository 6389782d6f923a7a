/* SPDX-License-Identifier: Apache-2.0 */
/* The operating system's random numbers. */
#define _GNU_SOURCE
#include "boards/port.h"

#include <sys/random.h>

bool myna_port_random(void *bytes, size_t count) {
    return getrandom(bytes, count, 0u) == (ssize_t)count;
}
