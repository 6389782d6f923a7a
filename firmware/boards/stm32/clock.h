/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_BOARDS_STM32_CLOCK_H
#define MYNA_BOARDS_STM32_CLOCK_H

#include "boards/stm32/stm32f4.h"

/* Starts the clock, and returns that of USART1's bus in Hz: 84 MHz, or 16 MHz if the PLL does not
   start. */
uint32_t myna_stm32_clock_start(void);

#endif
