/* SPDX-License-Identifier: Apache-2.0 */
/* The port over the 16550 UART of QEMU's machine `virt`. What the UART has no room for waits
   outside, so nothing is lost while the core computes. */
#include "boards/port.h"

#define BYTE(address) (*(volatile uint8_t *)(address))
#define WORD(address) (*(volatile uint32_t *)(address))
#define UART_DATA BYTE(0x10000000u)
#define UART_IER BYTE(0x10000001u)
#define UART_FCR BYTE(0x10000002u)
#define UART_LSR BYTE(0x10000005u)
#define PLIC_PRIORITY WORD(0x0C000000u + 4u * UART_LINE)
#define PLIC_ENABLE WORD(0x0C002000u)
#define PLIC_CLAIM WORD(0x0C200004u)
#define TEST_DEVICE WORD(0x00100000u)

#define UART_LINE 10u
#define LSR_READY 1u
#define LSR_SENT 0x20u
#define FCR_FIFOS 1u
#define IER_RECEIVED 1u
#define MIE_EXTERNAL 0x800u
#define TEST_RESET 0x7777u

const char myna_port_name[] = MYNA_BOARD;

void myna_port_init(void) {
    UART_FCR = FCR_FIFOS;
    UART_IER = IER_RECEIVED;
    PLIC_PRIORITY = 1u;
    PLIC_ENABLE = 1u << UART_LINE;
    __asm volatile("csrs mie, %0" ::"r"(MIE_EXTERNAL));
}

static bool is_ready(void) {
    return (UART_LSR & LSR_READY) != 0u;
}

size_t myna_port_read(uint8_t *bytes, size_t capacity) {
    size_t count = 0u;
    while (count < capacity && is_ready()) {
        bytes[count++] = UART_DATA;
    }
    return count;
}

void myna_port_write(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while ((UART_LSR & LSR_SENT) == 0u) {
        }
        UART_DATA = bytes[i];
    }
}

/* Interrupts stay masked; one that is pending ends the wait all the same. */
void myna_port_idle(void) {
    if (!is_ready()) {
        __asm volatile("wfi" ::: "memory");
        PLIC_CLAIM = PLIC_CLAIM; /* claimed, and at once completed */
    }
}

size_t myna_port_rx_window(void) {
    return MYNA_PORT_RX_WINDOW;
}

_Noreturn void myna_port_reset(void) {
    TEST_DEVICE = TEST_RESET;
    for (;;) {
    }
}
