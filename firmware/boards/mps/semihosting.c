/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator prints the message on its error stream and exits (Arm semihosting, version 2). */
#include "boards/port.h"

#define SYS_WRITE0 0x04u
#define SYS_EXIT 0x18u
#define STOPPED_BY_ERROR 0x20023u

static void semihost(uint32_t operation, uint32_t argument) {
    register uint32_t r0 __asm("r0") = operation;
    register uint32_t r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

_Noreturn void myna_port_fail(const char *message) {
    static const char newline[] = "\n";
    semihost(SYS_WRITE0, (uint32_t)message);
    semihost(SYS_WRITE0, (uint32_t)newline);
    for (;;) {
        semihost(SYS_EXIT, STOPPED_BY_ERROR);
    }
}
