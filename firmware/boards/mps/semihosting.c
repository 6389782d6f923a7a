/* SPDX-License-Identifier: Apache-2.0 */
/* What the emulator does for the board (Arm semihosting, version 2): it prints a message on its
   error stream and exits, and reads random numbers of the machine that it runs on. */
#include "boards/port.h"

#define SYS_OPEN 0x01u
#define SYS_CLOSE 0x02u
#define SYS_WRITE0 0x04u
#define SYS_READ 0x06u
#define SYS_EXIT 0x18u
#define STOPPED_BY_ERROR 0x20023u
#define BINARY_READ 1u

static uint32_t semihost(uint32_t operation, uint32_t argument) {
    register uint32_t r0 __asm("r0") = operation;
    register uint32_t r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

_Noreturn void myna_port_fail(const char *message) {
    static const char newline[] = "\n";
    (void)semihost(SYS_WRITE0, (uint32_t)message);
    (void)semihost(SYS_WRITE0, (uint32_t)newline);
    for (;;) {
        (void)semihost(SYS_EXIT, STOPPED_BY_ERROR);
    }
}

bool myna_port_random(void *bytes, size_t count) {
    static const char source[] = "/dev/urandom";
    const uint32_t open[] = {(uint32_t)source, BINARY_READ, sizeof source - 1u};
    uint32_t handle = semihost(SYS_OPEN, (uint32_t)open);
    if (handle == UINT32_MAX) {
        return false;
    }
    const uint32_t read[] = {handle, (uint32_t)bytes, count};
    uint32_t missing = semihost(SYS_READ, (uint32_t)read);
    (void)semihost(SYS_CLOSE, (uint32_t)&handle);
    return missing == 0u;
}
