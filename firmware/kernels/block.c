/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/block.h"

/* acc[r][c] += sums over terms k … size - 1 */
static void add_terms(const struct block_columns *columns, const int8_t *rows, uint32_t stride,
                      uint32_t size, uint32_t count, uint32_t k, int32_t (*acc)[2]) {
    for (uint32_t r = 0u; r < count; r++, rows += stride)
        for (uint32_t i = k; i < size; i++) {
            acc[r][0] += columns->value[block_place(0u, i)] * rows[i];
            acc[r][1] += columns->value[block_place(1u, i)] * rows[i];
        }
}

#ifdef __ARM_FEATURE_DSP
void myna_block_rows(const struct block_columns *columns, const int8_t *rows, uint32_t stride,
                     uint32_t size, uint32_t count, int32_t (*acc)[2]) {
    uint32_t pairs = count / 2u, fours = size / 4u;
    if (pairs > 0u)
        myna_block_pairs(columns->value, rows, stride, fours, acc[0], pairs,
                         2u * stride - 4u * fours);
    if ((count & 1u) != 0u) { /* the last row as a pair with itself */
        int32_t twice[2][2];
        myna_block_pairs(columns->value, rows + (count - 1u) * stride, 0u, fours, twice[0], 1u, 0u);
        memcpy(acc[count - 1u], twice[0], sizeof twice[0]);
    }
    if (4u * fours < size)
        add_terms(columns, rows, stride, size, count, 4u * fours, acc);
}

void myna_block_rows_of_one(const struct block_columns *columns, const int8_t *rows,
                            uint32_t stride, uint32_t size, uint32_t count, int32_t (*acc)[2]) {
    uint32_t fours = size / 4u, rest = count % 4u, even = count - rest;
    if (even > 0u)
        myna_block_quads(columns->value, rows, stride, fours, acc[0], even / 4u,
                         4u * stride - 4u * fours);
    if (4u * fours < size)
        add_terms(columns, rows, stride, size, even, 4u * fours, acc);
    if (rest > 0u)
        myna_block_rows(columns, rows + even * stride, stride, size, rest, acc + even);
}

void myna_block_wide(const int16_t (*columns)[WIDE_TERMS], const int16_t (*others)[WIDE_TERMS],
                     uint32_t pairs, uint32_t fours, int32_t (*acc)[WIDE_COLUMNS]) {
    myna_block_wide_pairs(columns[0], others[0], pairs, fours, acc[0]);
}
#else
/* acc[r][c] of the rows 0 and 1, `stride` apart */
static void two_rows(const int16_t *column, const int8_t *row, uint32_t stride, uint32_t size,
                     int32_t (*acc)[2]) {
    int32_t a = 0, b = 0, c = 0, d = 0;
#pragma GCC unroll 4
    for (const int8_t *end = row + size; row < end; row++, column++) {
        int32_t x = column[0], y = column[BLOCK_TERMS], v = row[0], w = row[stride];
        a += x * v;
        b += y * v;
        c += x * w;
        d += y * w;
    }
    acc[0][0] = a, acc[0][1] = b, acc[1][0] = c, acc[1][1] = d;
}

void myna_block_rows(const struct block_columns *columns, const int8_t *rows, uint32_t stride,
                     uint32_t size, uint32_t count, int32_t (*acc)[2]) {
    for (uint32_t r = 0u; r + 1u < count; r += 2u)
        two_rows(columns->value, rows + r * stride, stride, size, &acc[r]);
    if ((count & 1u) != 0u) {
        memset(acc[count - 1u], 0, sizeof acc[0]);
        add_terms(columns, rows + (count - 1u) * stride, stride, size, 1u, 0u, &acc[count - 1u]);
    }
}

void myna_block_rows_of_one(const struct block_columns *columns, const int8_t *rows,
                            uint32_t stride, uint32_t size, uint32_t count, int32_t (*acc)[2]) {
    for (uint32_t r = 0u; r < count; r++, rows += stride) {
        int32_t sum = 0;
#pragma GCC unroll 4
        for (uint32_t k = 0u; k < size; k++)
            sum += columns->value[k] * rows[k];
        acc[r][0] = sum;
    }
}

void myna_block_wide(const int16_t (*columns)[WIDE_TERMS], const int16_t (*others)[WIDE_TERMS],
                     uint32_t pairs, uint32_t fours, int32_t (*acc)[WIDE_COLUMNS]) {
    for (uint32_t p = 0u; p < pairs; p++) {
        const int16_t *x = columns[2u * p], *y = columns[2u * p + 1u];
        int32_t a = 0, b = 0, c = 0, d = 0;
#pragma GCC unroll 4
        for (uint32_t k = 0u; k < 4u * fours; k++) {
            int32_t v = others[0][k], w = others[1][k];
            a += x[k] * v;
            b += y[k] * v;
            c += x[k] * w;
            d += y[k] * w;
        }
        acc[0][2u * p] += a, acc[0][2u * p + 1u] += b;
        acc[1][2u * p] += c, acc[1][2u * p + 1u] += d;
    }
}
#endif

void myna_block_lay(int16_t (*columns)[WIDE_TERMS], const int8_t *x, uint32_t width,
                    uint32_t stride, uint32_t count, int32_t zero) {
    uint32_t even = 0u;
#ifdef __ARM_FEATURE_DSP
    if (width == WIDE_LAY) {
        even = count & ~1u;
        myna_block_lay_four(columns[0], x, stride, even, dsp_twice(-zero));
    }
#endif
    for (uint32_t i = 0u; i < width; i++) {
        uint32_t t = even;
        for (; t < count; t++)
            columns[i][t] = (int16_t)(x[t * stride + i] - zero);
        for (; t % 4u != 0u; t++)
            columns[i][t] = 0;
    }
}
