/* SPDX-License-Identifier: Apache-2.0 */
/* Reset of a RISC-V core in machine mode: stack, traps, .data and .bss, main. */
#include "boards/port.h"
#include "boards/stack.h"

#include <string.h>

/* Placed by cortex_m.ld, whose layout suits any core. */
extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

int main(void);
void reset_handler(void);
_Noreturn void myna_start(void);
__attribute__((interrupt)) void myna_trap(void);

/* The first instructions of the image: where the machine begins. */
__attribute__((naked, section(".vectors"))) void reset_handler(void) {
    __asm volatile("la sp, stack_end\n\t"
                   "la t0, myna_trap\n\t"
                   "csrw mtvec, t0\n\t"
                   "j myna_start");
}

/* Interrupts stay masked: what comes here is a fault. */
__attribute__((interrupt, aligned(4))) void myna_trap(void) {
    myna_port_fail("trap");
}

_Noreturn void myna_start(void) {
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    myna_stack_paint();
    main();
    myna_port_fail("main returned");
}
