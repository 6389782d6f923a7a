/* SPDX-License-Identifier: Apache-2.0 */
/* Faults and failed assertions end in myna_port_fail with a line that names the place. */
#include "boards/cortex_m/core.h"
#include "boards/port.h"

#include <string.h>

/* Registers that the core pushes on exception entry (ARMv7-M ARM, B1.5.6). */
struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

extern uint32_t stack_start[], stack_end[];

void hard_fault_handler(void);
_Noreturn void myna_report_fault(const struct exception_frame *frame);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text);

#define MESSAGE_SIZE 160u

static void append(char *message, const char *text) {
    size_t used = strlen(message);
    while (*text != '\0' && used < MESSAGE_SIZE - 1u) {
        message[used++] = *text++;
    }
    message[used] = '\0';
}

static void append_hex(char *message, const char *label, uint32_t value) {
    char digits[] = "00000000";
    for (int i = 7; i >= 0; i--, value >>= 4) {
        digits[i] = "0123456789abcdef"[value & 15u];
    }
    append(message, label);
    append(message, digits);
}

_Noreturn void myna_report_fault(const struct exception_frame *frame) {
    char message[MESSAGE_SIZE] = "HardFault";
    if ((CORE_CFSR & CORE_CFSR_STACK_OVERFLOW) != 0u) {
        append(message, " (stack overflow)");
    }
    if ((const uint32_t *)frame >= stack_start && (const uint32_t *)(frame + 1) <= stack_end) {
        append_hex(message, " pc=0x", frame->pc);
        append_hex(message, " lr=0x", frame->lr);
    }
    append_hex(message, " cfsr=0x", CORE_CFSR);
    append_hex(message, " hfsr=0x", CORE_HFSR);
    append_hex(message, " bfar=0x", CORE_BFAR);
    myna_port_fail(message);
}

/* On the first 512 bytes of data, which nobody needs any more: after an overflow there is no stack
   left to report on. */
__attribute__((naked)) void hard_fault_handler(void) {
    __asm volatile("mrs r0, msp\n\t"
#if __ARM_ARCH >= 8
                   "movs r1, #0\n\t"
                   "msr msplim, r1\n\t"
#endif
                   "ldr r1, =bss_start + 512\n\t"
                   "mov sp, r1\n\t"
                   "b myna_report_fault\n\t"
                   ".ltorg");
}

/* Called by newlib's assert(). */
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text) {
    char digits[] = "00000";
    for (int i = 4; i >= 0; i--, line /= 10) {
        digits[i] = (char)('0' + line % 10);
    }
    char message[MESSAGE_SIZE] = "";
    append(message, file);
    append(message, ":");
    append(message, digits);
    append(message, " ");
    append(message, function);
    append(message, ": assertion failed: ");
    append(message, text);
    myna_port_fail(message);
}
