/* SPDX-License-Identifier: Apache-2.0 */
/* The vector table: of the interrupts that of the UART is in use. */
#include <stdint.h>

extern uint32_t stack_end[];
void reset_handler(void);
void hard_fault_handler(void);
void uart_rx_handler(void);

struct vectors {
    uint32_t *stack;
    void (*handlers[15u + UART_RX_LINE + 1u])(void);
};

/* handlers[n] is exception n + 1; every other fault escalates to HardFault. */
extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    .stack = stack_end,
    .handlers = {[0] = reset_handler,
                 [1] = hard_fault_handler,
                 [2] = hard_fault_handler,
                 [15 + UART_RX_LINE] = uart_rx_handler},
};
