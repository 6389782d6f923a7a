/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of the chip's own source, which needs the PLL's 48 MHz. */
#include "boards/port.h"
#include "boards/stm32/stm32f4.h"

#include <string.h>

static bool draw(uint32_t *word) {
    for (uint32_t turn = 0u; turn < STM32_PATIENCE; turn++) {
        const uint32_t status = RNG_SR;
        if ((status & RNG_SR_ERRORS) != 0u) {
            return false;
        }
        if ((status & RNG_SR_READY) != 0u) {
            *word = RNG_DR;
            return true;
        }
    }
    return false;
}

/* The first number after it is switched on is not used, as the manual asks. */
bool myna_port_random(void *bytes, size_t count) {
    uint32_t word;
    RCC_AHB2ENR |= RCC_RNG;
    RNG_CR = RNG_CR_ENABLE;
    bool good = draw(&word);
    for (size_t done = 0u; good && done < count; done += sizeof word) {
        good = draw(&word);
        memcpy((uint8_t *)bytes + done, &word,
               count - done < sizeof word ? count - done : sizeof word);
    }
    RNG_CR = 0u;
    return good;
}
