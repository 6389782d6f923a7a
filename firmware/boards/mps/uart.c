/* SPDX-License-Identifier: Apache-2.0 */
/* The port over the CMSDK APB UART of the MPS2 and MPS3 machines (ARM DDI 0479, 4.3). */
#include "boards/cortex_m/core.h"
#include "boards/cortex_m/receive.h"
#include "boards/port.h"

#define UART_DATA CORE_REGISTER(MPS_UART + 0x0u)
#define UART_STATE CORE_REGISTER(MPS_UART + 0x4u)
#define UART_CTRL CORE_REGISTER(MPS_UART + 0x8u)
#define UART_INTCLEAR CORE_REGISTER(MPS_UART + 0xCu)
#define UART_BAUDDIV CORE_REGISTER(MPS_UART + 0x10u)

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_TX_RX_RXIRQ 0xBu
#define INT_RX 2u
#define BAUDDIV_FASTEST 16u

const char myna_port_name[] = MYNA_BOARD;

void uart_rx_handler(void);

void myna_port_init(void) {
    UART_BAUDDIV = BAUDDIV_FASTEST;
    UART_CTRL = CTRL_TX_RX_RXIRQ;
    core_enable_line(UART_RX_LINE);
}

void uart_rx_handler(void) {
    UART_INTCLEAR = INT_RX;
    while ((UART_STATE & STATE_RX_FULL) != 0u) {
        ring_put(&myna_received, (uint8_t)UART_DATA);
    }
}

void myna_port_write(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while ((UART_STATE & STATE_TX_FULL) != 0u) {
        }
        UART_DATA = bytes[i];
    }
}
