/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rice.h"

static void put_bit(struct rice_writer *writer, uint32_t bit) {
    uint8_t *byte = &writer->data[writer->bits / 8u];
    uint32_t place = writer->bits % 8u;
    *byte = (uint8_t)((place == 0u ? 0u : *byte) | bit << place);
    writer->bits++;
}

void myna_rice_put_number(struct rice_writer *writer, uint32_t value, uint32_t width) {
    for (uint32_t i = 0u; i < width; i++) {
        put_bit(writer, value >> i & 1u);
    }
}

void myna_rice_put(struct rice_writer *writer, uint32_t value, uint32_t k) {
    for (uint32_t i = value >> k; i > 0u; i--) {
        put_bit(writer, 1u);
    }
    put_bit(writer, 0u);
    myna_rice_put_number(writer, value, k);
}

static uint32_t next_bit(struct rice_reader *reader) {
    uint32_t bit = (uint32_t)reader->data[reader->at / 8u] >> reader->at % 8u & 1u;
    reader->at++;
    return bit;
}

bool myna_rice_number(struct rice_reader *reader, uint32_t width, uint32_t *value) {
    if (width > reader->bits - reader->at) {
        return false;
    }
    *value = 0u;
    for (uint32_t i = 0u; i < width; i++) {
        *value |= next_bit(reader) << i;
    }
    return true;
}

bool myna_rice_get(struct rice_reader *reader, uint32_t k, uint32_t *value) {
    uint32_t quotient = 0u, most = (1u << (31u - k)) - 1u, low;
    for (;;) {
        if (reader->at == reader->bits) {
            return false;
        }
        if (next_bit(reader) == 0u) {
            break;
        }
        if (quotient == most) {
            return false;
        }
        quotient++;
    }
    if (!myna_rice_number(reader, k, &low)) {
        return false;
    }
    *value = quotient << k | low;
    return true;
}

bool myna_rice_is_at_end(struct rice_reader *reader) {
    if (reader->bits - reader->at >= 8u) {
        return false;
    }
    while (reader->at < reader->bits) {
        if (next_bit(reader) != 0u) {
            return false;
        }
    }
    return true;
}

void myna_rice_count(struct rice_counter *counter, uint32_t value) {
    counter->count++;
    for (uint32_t k = 0u; value > 0u; k++) {
        counter->quotients[k] += value;
        value >>= 1;
    }
}

uint32_t myna_rice_best(const struct rice_counter *counter, uint64_t *bits) {
    uint32_t best = 0u;
    uint64_t least = UINT64_MAX;
    for (uint32_t k = 0u; k <= RICE_MOST; k++) {
        uint64_t cost = (uint64_t)counter->count * (1u + k) + counter->quotients[k];
        if (cost < least) {
            best = k;
            least = cost;
        }
    }
    *bits += least;
    return best;
}
