/* SPDX-License-Identifier: Apache-2.0 */
/* The host board: the whole firmware as a Linux process, its port a pseudo-terminal whose path it
   prints on standard output. */
#define _GNU_SOURCE
#include "boards/port.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Carries the open pseudo-terminal over a reset, so that the client's connection survives. */
#define TERMINAL_VARIABLE "MYNA_HOST_TERMINAL"
#define WRITE_TIMEOUT_MS 1000

const char myna_port_name[] = MYNA_BOARD;

static int terminal;

static _Noreturn void stop(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

/* Holds the client's end open too, or reads fail whenever no client is attached. */
static int open_terminal(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        stop("pseudo-terminal");
    }
    const char *path = ptsname(master);
    int slave = path != NULL ? open(path, O_RDWR | O_NOCTTY) : -1;
    struct termios raw;
    if (slave < 0 || tcgetattr(slave, &raw) != 0) {
        stop("pseudo-terminal");
    }
    cfmakeraw(&raw);
    if (tcsetattr(slave, TCSANOW, &raw) != 0) {
        stop("pseudo-terminal");
    }
    printf("port: %s\n", path);
    fflush(stdout);
    return master;
}

void myna_port_init(void) {
    const char *inherited = getenv(TERMINAL_VARIABLE);
    terminal = inherited != NULL ? atoi(inherited) : open_terminal();
}

size_t myna_port_read(uint8_t *bytes, size_t capacity) {
    ssize_t count = read(terminal, bytes, capacity);
    return count > 0 ? (size_t)count : 0u;
}

/* Gives up when nobody reads, as a UART does not wait for its listener. */
void myna_port_write(const uint8_t *bytes, size_t count) {
    struct pollfd writable = {.fd = terminal, .events = POLLOUT, .revents = 0};
    while (count > 0u && poll(&writable, 1, WRITE_TIMEOUT_MS) > 0) {
        ssize_t written = write(terminal, bytes, count);
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
}

void myna_port_idle(void) {
    struct pollfd readable = {.fd = terminal, .events = POLLIN, .revents = 0};
    (void)poll(&readable, 1, -1);
}

size_t myna_port_rx_window(void) {
    return MYNA_PORT_RX_WINDOW;
}

_Noreturn void myna_port_reset(void) {
    char descriptor[12];
    (void)snprintf(descriptor, sizeof descriptor, "%d", terminal);
    if (setenv(TERMINAL_VARIABLE, descriptor, 1) == 0) {
        (void)execl("/proc/self/exe", myna_port_name, (char *)NULL);
    }
    stop("reset");
}

_Noreturn void myna_port_fail(const char *message) {
    (void)fprintf(stderr, "%s\n", message);
    exit(EXIT_FAILURE);
}

uint32_t myna_port_stack_size(void) {
    return 0u;
}
uint32_t myna_port_stack_high_water(void) {
    return 0u;
}
