/* SPDX-License-Identifier: Apache-2.0 */
/* Reset: enable the FPU, fill .data and .bss, prepare the stack, call main. */
#include "boards/cortex_m/core.h"
#include "boards/port.h"
#include "boards/stack.h"

#include <string.h>

/* Placed by cortex_m.ld. */
extern uint32_t stack_start[];
extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

int main(void);
_Noreturn void reset_handler(void);

/* Makes an overflow fault at once: RAM ends at the stack, but not every bus reports a miss. ARMv8-M
   has a limit register; on ARMv7-M the MPU, where there is one, closes the 64 KB below. */
static void guard_stack(void) {
#if __ARM_ARCH >= 8
    __asm volatile("msr msplim, %0" ::"r"(stack_start));
#else
    CORE_MPU_RBAR = ((uint32_t)stack_start - 0x10000u) | CORE_MPU_RBAR_VALID;
    CORE_MPU_RASR = CORE_MPU_RASR_NO_ACCESS_64K;
    CORE_MPU_CTRL = CORE_MPU_CTRL_ENABLE_WITH_DEFAULT_MAP;
    core_barrier();
#endif
}

_Noreturn void reset_handler(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CORE_CPACR |= CORE_CPACR_FPU_MVE;
#endif
    CORE_CCR |= CORE_CCR_TRAP_DIVIDE_BY_ZERO;
#if __ARM_ARCH == 6 /* what emulates this core has one that does more */
    CORE_CCR |= CORE_CCR_TRAP_UNALIGNED;
#endif
    core_barrier();
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    myna_stack_paint();
    guard_stack();
    main();
    myna_port_fail("main returned");
}

_Noreturn void myna_port_reset(void) {
    core_barrier();
    CORE_AIRCR = CORE_AIRCR_SYSTEM_RESET;
    core_barrier();
    for (;;) {
    }
}
