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
#define CORE_MPU_CTRL CORE_REGISTER(0xE000ED94u)
#define CORE_MPU_RBAR CORE_REGISTER(0xE000ED9Cu)
#define CORE_MPU_RASR CORE_REGISTER(0xE000EDA0u)

#define CORE_AIRCR_SYSTEM_RESET 0x05FA0004u
#define CORE_CCR_TRAP_DIVIDE_BY_ZERO (1u << 4)
#define CORE_CCR_TRAP_UNALIGNED (1u << 3)
/* The MPU or the stack limit stopped a push (MSTKERR, STKOF). */
#define CORE_CFSR_STACK_OVERFLOW ((1u << 4) | (1u << 20))
#define CORE_CPACR_FPU_MVE (0xFu << 20)
#define CORE_MPU_CTRL_ENABLE_WITH_DEFAULT_MAP 5u
#define CORE_MPU_RBAR_VALID (1u << 4)
#define CORE_MPU_RASR_NO_ACCESS_64K ((1u << 28) | (15u << 1) | 1u)

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
