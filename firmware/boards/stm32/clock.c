/* SPDX-License-Identifier: Apache-2.0 */
/* 168 MHz by the PLL from the internal oscillator: no board needs a crystal for it. */
#include "boards/stm32/clock.h"

#define HSI 16000000u
#define PCLK2 84000000u
/* 16 MHz / 16 * 336 / 2 = 168 MHz; / 7 = 48 MHz for the random numbers */
#define PLL_FROM_HSI (16u | 336u << 6 | 0u << 16 | 7u << 24)

static bool comes(volatile uint32_t *at, uint32_t mask, uint32_t value) {
    for (uint32_t turn = 0u; turn < STM32_PATIENCE; turn++) {
        if ((*at & mask) == value) {
            return true;
        }
    }
    return false;
}

/* The flash is told of the wait states before the clock rises. */
uint32_t myna_stm32_clock_start(void) {
    FLASH_ACR = FLASH_ACR_5_WAITS | FLASH_ACR_PREFETCH | FLASH_ACR_ICACHE | FLASH_ACR_DCACHE;
    RCC_PLLCFGR = PLL_FROM_HSI;
    RCC_CR |= RCC_CR_PLLON;
    if (!comes(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY)) {
        return HSI;
    }
    RCC_CFGR = RCC_CFGR_APB1_BY_4 | RCC_CFGR_APB2_BY_2;
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    return comes(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL) ? PCLK2 : HSI;
}
