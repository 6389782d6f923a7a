/* SPDX-License-Identifier: Apache-2.0 */
/* A failure is printed by the emulator, which exits (RISC-V Semihosting Specification, 0.4). */
#include "boards/port.h"

#define SYS_WRITE0 0x04u
#define SYS_EXIT 0x18u
#define STOPPED_BY_ERROR 0x20023u

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text);

/* These three instructions, uncompressed and on one page, are the call. */
__attribute__((noinline, aligned(16))) static void semihost(uint32_t operation, uint32_t argument) {
    register uint32_t a0 __asm("a0") = operation;
    register uint32_t a1 __asm("a1") = argument;
    __asm volatile(".option push\n\t"
                   ".option norvc\n\t"
                   "slli x0, x0, 0x1f\n\t"
                   "ebreak\n\t"
                   "srai x0, x0, 7\n\t"
                   ".option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
}

_Noreturn void myna_port_fail(const char *message) {
    semihost(SYS_WRITE0, (uint32_t)message);
    semihost(SYS_WRITE0, (uint32_t)"\n");
    for (;;) {
        semihost(SYS_EXIT, STOPPED_BY_ERROR);
    }
}

_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text) {
    (void)file, (void)line, (void)function;
    myna_port_fail(text);
}
