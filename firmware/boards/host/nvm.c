/* SPDX-License-Identifier: Apache-2.0 */
/* The host board's flash is a file; what was written stays there even if the process is killed. */
#define _GNU_SOURCE
#include "boards/virtual/flash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_VARIABLE "MYNA_HOST_NVM"

static uint8_t *map_file(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *memory = MAP_FAILED;
    if (file >= 0 && ftruncate(file, FLASH_BYTES) == 0) {
        memory = mmap(NULL, FLASH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    if (memory == MAP_FAILED) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    (void)close(file);
    return memory;
}

uint8_t *myna_virtual_flash_memory(void) {
    static uint8_t *memory;
    const char *path = getenv(FILE_VARIABLE);
    if (memory == NULL && path != NULL) {
        memory = map_file(path);
    }
    return memory;
}
