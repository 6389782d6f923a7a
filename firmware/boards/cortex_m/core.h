/* SPDX-License-Identifier: Apache-2.0 */
/* The few registers and instructions of the Cortex-M core that the boards use (ARMv7-M ARM, B3). */
#ifndef MYNA_BOARDS_CORE_H
#define MYNA_BOARDS_CORE_H

#include <stdint.h>

#define CORE_REGISTER(address) (*(volatile uint32_t *)(address))

#define CORE_AIRCR CORE_REGISTER(0xE000ED0Cu)
#define CORE_CCR CORE_REGISTER(0xE000ED14u)
#define CORE_CFSR CORE_REGISTER(0xE000ED28u)
#define CORE_HFSR CORE_REGISTER(0xE000ED2Cu)
#define CORE_BFAR CORE_REGISTER(0xE000ED38u)
#define CORE_CPACR CORE_REGISTER(0xE000ED88u)

#define CORE_AIRCR_SYSTEM_RESET 0x05FA0004u
#define CORE_CCR_TRAP_DIVIDE_BY_ZERO (1u << 4)
#define CORE_CPACR_FPU_MVE (0xFu << 20)

static inline void core_barrier(void) {
    __asm volatile("dsb\n\tisb" ::: "memory");
}
static inline void core_wait_for_interrupt(void) {
    __asm volatile("dsb\n\twfi" ::: "memory");
}
static inline void core_disable_interrupts(void) {
    __asm volatile("cpsid i" ::: "memory");
}
static inline void core_enable_interrupts(void) {
    __asm volatile("cpsie i" ::: "memory");
}
static inline void core_enable_line(uint32_t line) {
    CORE_REGISTER(0xE000E100u + 4u * (line / 32u)) = 1u << (line % 32u);
}

#endif
