/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/codec.h"

#include "runtime/crc32.h"
#include "runtime/model.h"
#include "runtime/rice.h"
#include "runtime/vector.h"

#include <string.h>

#define VERSION 2u
#define HEADER 5u                 /* version u8, CRC-32 of base and codes u32 */
#define STEPS (27u << RICE_WIDTH) /* 27 shifts; the leading one and 5 bits are shifted */
#define EMPTY 31u                 /* in place of a shift: the tensor is as in the base */
#define SMALL_SHARE 4u /* an element that is no weight counts as so many: few are left out long */

static uint32_t checksum(const uint8_t *base, const uint8_t *data, uint32_t bytes) {
    uint32_t crc = myna_crc32_update(0u, base, myna_model.state_bytes);
    return myna_crc32_update(crc, data + HEADER, bytes - HEADER);
}

/* A tensor and how it is quantized: step 0 … STEPS - 1, from fine to coarse; STEPS: to nothing. */
struct quantized {
    const struct myna_part *part;
    const uint8_t *base, *state;
    uint32_t step;
};

static int32_t wanted(const struct quantized *tensor, uint32_t index) {
    return myna_vector_get(tensor->part, tensor->state, index) -
           myna_vector_get(tensor->part, tensor->base, index);
}

static uint32_t size_of(uint32_t step) {
    const uint32_t leading = 1u << RICE_WIDTH;
    return (leading + step % leading) << (step >> RICE_WIDTH) >> RICE_WIDTH;
}

/* A value divided by the step's size, rounded up from two thirds. */
static uint32_t magnitude(uint32_t step, int32_t value) {
    uint32_t size = value < 0 ? 0u - (uint32_t)value : (uint32_t)value, unit = size_of(step);
    return step == STEPS ? 0u : (size + unit / 3u) / unit;
}

/* Counters of zeros in a row and of magnitudes less one. */
struct census {
    struct rice_counter zeros, magnitudes;
};

/* How many bits the code takes. */
static uint64_t examine(const struct quantized *tensor, struct census *census) {
    uint32_t zeros = 0u;
    memset(census, 0, sizeof *census);
    for (uint32_t i = 0u; i < tensor->part->count; i++) {
        uint32_t size = magnitude(tensor->step, wanted(tensor, i));
        if (size == 0u) {
            zeros++;
            continue;
        }
        myna_rice_count(&census->zeros, zeros);
        myna_rice_count(&census->magnitudes, size - 1u);
        zeros = 0u;
    }
    uint64_t bits = RICE_WIDTH;
    if (census->magnitudes.count > 0u) {
        if (zeros > 0u) {
            myna_rice_count(&census->zeros, zeros);
        }
        bits = 4u * RICE_WIDTH + census->magnitudes.count;
        (void)myna_rice_best(&census->zeros, &bits);
        (void)myna_rice_best(&census->magnitudes, &bits);
    }
    return bits;
}

/* Chooses the step at which a bisection for one that fits ends. */
static void choose(struct quantized *tensor, uint64_t bits, struct census *census) {
    uint32_t low = 0u, high = STEPS;
    while (low < high) {
        tensor->step = (low + high) / 2u;
        if (examine(tensor, census) <= bits) {
            high = tensor->step;
        } else {
            low = tensor->step + 1u;
        }
    }
    tensor->step = high;
    (void)examine(tensor, census);
}

/* Writes the code, and leaves in `rest` the base and what is not sent. */
static void write_tensor(struct rice_writer *writer, const struct quantized *tensor,
                         const struct census *census, uint8_t *rest) {
    uint64_t bits = 0u;
    uint32_t unit = size_of(tensor->step), zeros = 0u;
    uint32_t k_zeros = myna_rice_best(&census->zeros, &bits);
    uint32_t k_magnitudes = myna_rice_best(&census->magnitudes, &bits);
    bool is_empty = census->magnitudes.count == 0u;
    myna_rice_put_number(writer, is_empty ? EMPTY : tensor->step >> RICE_WIDTH, RICE_WIDTH);
    if (!is_empty) {
        myna_rice_put_number(writer, tensor->step, RICE_WIDTH);
        myna_rice_put_number(writer, k_zeros, RICE_WIDTH);
        myna_rice_put_number(writer, k_magnitudes, RICE_WIDTH);
    }
    for (uint32_t i = 0u; i < tensor->part->count; i++) {
        int32_t value = wanted(tensor, i);
        uint32_t size = magnitude(tensor->step, value);
        int64_t sent = (int64_t)size * unit;
        int64_t kept = myna_vector_get(tensor->part, tensor->state, i) - (value < 0 ? -sent : sent);
        myna_vector_put(tensor->part, rest, i, kept);
        zeros++;
        if (size > 0u) {
            myna_rice_put(writer, zeros - 1u, k_zeros);
            myna_rice_put_number(writer, value < 0, 1u);
            myna_rice_put(writer, size - 1u, k_magnitudes);
            zeros = 0u;
        }
    }
    if (!is_empty && zeros > 0u) {
        myna_rice_put(writer, zeros, k_zeros);
    }
}

/* What a tensor weighs when bits are shared out: nothing if it is private. */
static uint32_t weight(const struct myna_part *part, struct private_tensors private, uint32_t i) {
    uint32_t count = part->form == MYNA_MASTER ? part->count : SMALL_SHARE * part->count;
    return myna_is_private(private, i) ? 0u : count;
}

uint32_t myna_codec_least(void) {
    uint32_t bits = 8u * HEADER;
    for (uint32_t i = 0u; i < myna_model.part_count; i++) {
        bits += myna_model.parts[i].form != MYNA_SETTING ? RICE_WIDTH : 0u;
    }
    return (bits + 7u) / 8u;
}

uint32_t myna_codec_encode(uint8_t *data, uint32_t budget, struct private_tensors private,
                           const uint8_t *base, uint8_t *state) {
    struct rice_writer writer = {data + HEADER, 0u};
    uint64_t elements = 0u, left = 8u * ((uint64_t)budget - HEADER);
    for (uint32_t i = 0u, tensors = 0u; i < myna_model.part_count; i++) {
        if (myna_model.parts[i].form != MYNA_SETTING) {
            elements += weight(&myna_model.parts[i], private, tensors++);
            left -= RICE_WIDTH;
        }
    }
    for (uint32_t i = 0u, tensors = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        struct quantized tensor = {part, base, state, STEPS};
        struct census census = {0};
        if (part->form == MYNA_SETTING) {
            memcpy(state + part->offset, base + part->offset, part->count);
            continue;
        }
        uint32_t before = writer.bits, share = weight(part, private, tensors++);
        if (share > 0u) {
            choose(&tensor, RICE_WIDTH + left * share / elements, &census);
        }
        write_tensor(&writer, &tensor, &census, state);
        left -= writer.bits - before - RICE_WIDTH;
        elements -= share;
    }
    uint32_t bytes = HEADER + (writer.bits + 7u) / 8u;
    uint32_t crc = checksum(base, data, bytes);
    data[0] = VERSION;
    memcpy(data + 1, &crc, sizeof crc);
    return bytes;
}

static void add(const struct myna_part *part, uint8_t *block, uint32_t index, int64_t difference) {
    myna_vector_put(part, block, index, myna_vector_get(part, block, index) + difference);
}

/* As if zero had been added to every element: what the integers do not hold is dropped. */
static void normalize(uint8_t *block) {
    for (uint32_t i = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        for (uint32_t j = 0u; part->form != MYNA_SETTING && j < part->count; j++) {
            add(part, block, j, 0);
        }
    }
}

/* Reads one tensor, and adds it to blocks; false if it is damaged. */
static bool read_tensor(struct rice_reader *reader, const struct myna_part *part,
                        uint8_t *const *blocks, uint32_t count) {
    uint32_t shift, mantissa, k_zeros, k_magnitudes, at, sign, size;
    if (!myna_rice_number(reader, RICE_WIDTH, &shift)) {
        return false;
    }
    if (shift == EMPTY) {
        return true;
    }
    if (!myna_rice_number(reader, RICE_WIDTH, &mantissa) ||
        !myna_rice_number(reader, RICE_WIDTH, &k_zeros) ||
        !myna_rice_number(reader, RICE_WIDTH, &k_magnitudes) || shift >= STEPS >> RICE_WIDTH ||
        k_zeros > RICE_MOST || k_magnitudes > RICE_MOST || !myna_rice_get(reader, k_zeros, &at)) {
        return false;
    }
    const uint32_t unit = size_of((shift << RICE_WIDTH) + mantissa);
    while (at < part->count) {
        uint32_t zeros = 0u;
        if (!myna_rice_number(reader, 1u, &sign) || !myna_rice_get(reader, k_magnitudes, &size) ||
            size >= (uint32_t)INT32_MAX / unit) {
            return false;
        }
        int64_t difference = ((int64_t)size + 1) * unit;
        for (uint32_t i = 0u; i < count; i++) {
            add(part, blocks[i], at, sign != 0u ? -difference : difference);
        }
        at++;
        if (at < part->count && !myna_rice_get(reader, k_zeros, &zeros)) {
            return false;
        }
        at += zeros;
    }
    return at == part->count;
}

static bool read_all(const uint8_t *data, uint32_t bytes, uint8_t *const *blocks, uint32_t count) {
    struct rice_reader reader = {data + HEADER, 8u * (bytes - HEADER), 0u};
    for (uint32_t i = 0u; i < myna_model.part_count; i++) {
        const struct myna_part *part = &myna_model.parts[i];
        if (part->form != MYNA_SETTING && !read_tensor(&reader, part, blocks, count)) {
            return false;
        }
    }
    return myna_rice_is_at_end(&reader);
}

enum codec_outcome myna_codec_apply(const uint8_t *data, uint32_t bytes, uint8_t *const *blocks,
                                    uint32_t count) {
    uint32_t crc;
    if (bytes < HEADER) {
        return CODEC_OTHER;
    }
    memcpy(&crc, data + 1, sizeof crc);
    if (data[0] != VERSION || crc != checksum(blocks[0], data, bytes)) {
        return CODEC_OTHER;
    }
    if (!read_all(data, bytes, NULL, 0u)) {
        return CODEC_DAMAGED;
    }
    for (uint32_t i = 0u; i < count; i++) {
        normalize(blocks[i]);
    }
    return read_all(data, bytes, blocks, count) ? CODEC_OK : CODEC_DAMAGED;
}
