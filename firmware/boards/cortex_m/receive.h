/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_BOARDS_RECEIVE_H
#define MYNA_BOARDS_RECEIVE_H

#include "boards/cortex_m/ring.h"

/* The interrupt of a board's UART puts bytes here. */
extern struct ring myna_received;

#endif
