/* SPDX-License-Identifier: Apache-2.0 */
/* The MPS2 AN386 as QEMU emulates it: reset, the CMSDK UART, polled, and RAM in place of flash. */
#include "board.h"

#include <stdbool.h>
#include <string.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPACR REGISTER(0xE000ED88u)
#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_CTRL REGISTER(0x40004008u)
#define UART_BAUDDIV REGISTER(0x40004010u)
#define FLASH ((uint8_t *)0x21000000u)

extern uint32_t stack_end[];
extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
int main(void);
_Noreturn void reset(void);

static void stop(void) {
    for (;;) {
    }
}

/* What newlib calls where an assert() of the library fails; -DNDEBUG would leave these out. */
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *text) {
    (void)file, (void)line, (void)function;
    board_put(text, (uint32_t)strlen(text));
    for (;;) {
    }
}

_Noreturn void reset(void) {
    CPACR |= 0xFu << 20; /* the compiler copies by registers of the FPU */
    __asm volatile("dsb\n isb");
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    main();
    for (;;) {
    }
}

struct vectors {
    uint32_t *stack;
    void (*handlers[15])(void);
};
extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    stack_end,
    {reset, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop, stop}};

void board_init(void) {
    UART_BAUDDIV = 16u;
    UART_CTRL = 3u; /* send, receive */
}

uint8_t board_get(void) {
    while ((UART_STATE & 2u) == 0u) {
    }
    return (uint8_t)UART_DATA;
}

void board_put(const char *bytes, uint32_t count) {
    for (uint32_t i = 0u; i < count; i++) {
        while ((UART_STATE & 1u) != 0u) {
        }
        UART_DATA = (uint8_t)bytes[i];
    }
}

static bool erase(uint32_t offset) {
    memset(FLASH + offset, 0xFF, 4096u);
    return true;
}

static bool program(uint32_t offset, const uint8_t *data, uint32_t count) {
    for (uint32_t i = 0u; i < count; i++) {
        FLASH[offset + i] &= data[i];
    }
    return true;
}

const struct myna_nvm board_flash = {FLASH, 256u * 1024u, 4096u, 4u, erase, program};
