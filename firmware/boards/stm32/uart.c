/* SPDX-License-Identifier: Apache-2.0 */
/* The port over USART1, PA9 and PA10, 115,200 baud. Bytes are received by interrupt. */
#include "boards/cortex_m/receive.h"
#include "boards/port.h"
#include "boards/stm32/clock.h"

#define BAUD 115200u
#define PINS_MODE (0xFu << 18) /* PA9, PA10: two bits each */
#define PINS_ALTERNATE (0xAu << 18)
#define PINS_FUNCTION (0xFFu << 4) /* four bits each */
#define PINS_USART (0x77u << 4)    /* AF7 */

const char myna_port_name[] = MYNA_BOARD;

void uart_rx_handler(void);

void myna_port_init(void) {
    const uint32_t clock = myna_stm32_clock_start();
    RCC_AHB1ENR |= RCC_GPIOA;
    RCC_APB2ENR |= RCC_USART1;
    GPIOA_MODER = (GPIOA_MODER & ~PINS_MODE) | PINS_ALTERNATE;
    GPIOA_AFRH = (GPIOA_AFRH & ~PINS_FUNCTION) | PINS_USART;
    USART_BRR = (clock + BAUD / 2u) / BAUD; /* sixteen samples a bit: whole and sixteenths */
    USART_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_RXNEIE;
    core_enable_line(UART_RX_LINE);
}

/* Reading SR, then DR takes the byte and clears an overrun, too, which would interrupt for ever.
   A damaged byte is taken: the frame's CRC tells. */
void uart_rx_handler(void) {
    uint32_t status = USART_SR;
    while ((status & (USART_SR_RXNE | USART_SR_ORE)) != 0u) {
        uint8_t byte = (uint8_t)USART_DR;
        if ((status & USART_SR_RXNE) != 0u) {
            ring_put(&myna_received, byte);
        }
        status = USART_SR;
    }
}

void myna_port_write(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while ((USART_SR & USART_SR_TXE) == 0u) {
        }
        USART_DR = bytes[i];
    }
}
