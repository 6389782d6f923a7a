/* SPDX-License-Identifier: Apache-2.0 */
/* Bits, and Rice codes of integers among them; twin of toolchain/myna/learn/rice.py */
#ifndef MYNA_RICE_H
#define MYNA_RICE_H

#include <stdbool.h>
#include <stdint.h>

#define RICE_WIDTH 5u /* bits of a parameter */
#define RICE_MOST 30u /* the largest parameter: values are below 2^31 */

/* Bits fill bytes from the lowest up; what is behind the last one is zero. */
struct rice_writer {
    uint8_t *data;
    uint32_t bits;
};

/* The `width` low bits of a number, which has no more. */
void myna_rice_put_number(struct rice_writer *writer, uint32_t value, uint32_t width);
void myna_rice_put(struct rice_writer *writer, uint32_t value, uint32_t k);

struct rice_reader {
    const uint8_t *data;
    uint32_t bits; /* that there are */
    uint32_t at;   /* that were taken */
};

/* False where the bits end too early, or a value is not below 2^31. */
__attribute__((warn_unused_result)) bool myna_rice_number(struct rice_reader *reader,
                                                          uint32_t width, uint32_t *value);
__attribute__((warn_unused_result)) bool myna_rice_get(struct rice_reader *reader, uint32_t k,
                                                       uint32_t *value);
/* Whether nothing is left but the zeros that fill the last byte. */
bool myna_rice_is_at_end(struct rice_reader *reader);

/* How many bits values take, for each parameter; all zero at first. */
struct rice_counter {
    uint32_t count;
    uint64_t quotients[RICE_MOST + 1u];
};

void myna_rice_count(struct rice_counter *counter, uint32_t value);
/* The parameter whose codes are shortest, the smallest of equals; adds what they take to `bits`. */
uint32_t myna_rice_best(const struct rice_counter *counter, uint64_t *bits);

#endif
