/* SPDX-License-Identifier: Apache-2.0 */
/* How deep the stack got, of boards without an operating system. */
#include "boards/stack.h"

#include "boards/port.h"

#define STACK_PAINT 0xC5C5C5C5u

/* Placed by cortex_m.ld. */
extern uint32_t stack_start[], stack_end[];

/* Volatile, or the compiler makes it a memset whose own frame would be painted over. */
void myna_stack_paint(void) {
    const volatile uint32_t *end = (const volatile uint32_t *)__builtin_frame_address(0) - 16;
    for (volatile uint32_t *word = stack_start; word < end; word++) {
        *word = STACK_PAINT;
    }
}

uint32_t myna_port_stack_size(void) {
    return (uint32_t)(stack_end - stack_start) * 4u;
}

uint32_t myna_port_stack_high_water(void) {
    const volatile uint32_t *word = stack_start;
    while (word < stack_end && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)(stack_end - word) * 4u;
}
