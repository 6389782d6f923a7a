/* SPDX-License-Identifier: Apache-2.0 */
/* What this firmware has beside Myna: a UART, and memory that lasts. */
#ifndef BOARD_H
#define BOARD_H

#include "storage/nvm.h"

#include <stdint.h>

void board_init(void);
uint8_t board_get(void); /* waits for a byte */
void board_put(const char *bytes, uint32_t count);
extern const struct myna_nvm board_flash;

#endif
