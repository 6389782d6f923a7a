/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rows.h"

#include <string.h>

#include "kernels/pool.h"

struct job {
    const struct rows *p;
    const int8_t *x, *w;
    const int32_t *q;
    int32_t *wraps;
    int8_t *y, *narrow;
    int16_t *wide;
    int32_t *sums;
    uint16_t made[ROWS_MAX]; /* rows of each stage */
};

static int8_t *narrow_row(const struct job *job, const struct rows_stage *s, uint32_t row) {
    return job->narrow + s->at + row % s->slots * s->size;
}

static int16_t *wide_row(const struct job *job, const struct rows_stage *s, uint32_t row) {
    return job->wide + s->at + row % s->slots * s->size;
}

/* Rows of int8 of a stage, one behind the other. */
static const int8_t *gather(const struct job *job, const struct rows_stage *from, int32_t begin,
                            int32_t end) {
    const struct rows_stage *stages = job->p->stages;
    int8_t *window = job->narrow + job->p->window_at;
    if (from->kind == ROWS_INPUT)
        return job->x + (uint32_t)begin * from->size;
    for (int32_t row = begin; row < end; row++) {
        int8_t *to = window + (uint32_t)(row - begin) * from->size;
        if (from->slots == 0u)
            myna_requantize_s16_s8(&from->as.requantize,
                                   wide_row(job, &stages[from->x], (uint32_t)row), to);
        else
            memcpy(to, narrow_row(job, from, (uint32_t)row), from->size);
    }
    return window;
}

/* The rows of x that the window at `row` sees; what lies outside of x becomes padding. */
static const int8_t *cut(const struct job *job, const struct rows_stage *s, uint32_t row,
                         struct map *map, struct window *window) {
    const struct rows_stage *from = &job->p->stages[s->x];
    struct span taps = taps_inside((int32_t)row, window->stride_h, window->pad_top,
                                   window->kernel_h, from->height);
    int32_t first = (int32_t)row * window->stride_h - window->pad_top;
    map->in_h = (uint16_t)(taps.end - taps.begin);
    window->pad_top = (uint8_t)taps.begin;
    return gather(job, from, first + taps.begin, first + taps.end);
}

static void add_to_mean(const struct job *job, const struct rows_stage *s, uint32_t row) {
    const struct rows_stage *from = &job->p->stages[s->x];
    const int8_t *x = gather(job, from, (int32_t)row, (int32_t)row + 1);
    int32_t *sum = job->sums + s->at;
    for (uint32_t i = 0; i < from->size; i += s->size)
        for (uint32_t c = 0; c < s->size; c++)
            sum[c] += *x++;
    for (uint32_t c = 0; row + 1u == s->height && c < s->size; c++)
        job->y[s->at + c] = rounded_mean(sum[c], s->count);
}

static void make(const struct job *job, const struct rows_stage *s, uint32_t row) {
    const struct rows_stage *stages = job->p->stages;
    const int8_t *w = job->w + s->w;
    const int32_t *q = job->q + s->q;
    struct conv2d conv = s->as.conv2d;
    struct depthwise depthwise = s->as.depthwise;
    const int8_t *x;
    uint32_t channels;
    switch (s->kind) {
    case ROWS_CONV2D:
        x = cut(job, s, row, &conv.map, &conv.window);
        channels = conv.map.out_c;
        myna_conv2d_s8(&conv, x, w, q, q + channels, q + 2u * channels, narrow_row(job, s, row));
        break;
    case ROWS_DEPTHWISE:
        x = cut(job, s, row, &depthwise.map, &depthwise.window);
        channels = depthwise.map.out_c;
        myna_depthwise_s8(&depthwise, x, w, q, q + channels, q + 2u * channels,
                          narrow_row(job, s, row));
        break;
    case ROWS_WIDEN:
        x = gather(job, &stages[s->x], (int32_t)row, (int32_t)row + 1);
        myna_requantize_s8_s16(&s->as.requantize, x, wide_row(job, s, row));
        break;
    case ROWS_COUPLE:
        myna_couple_s16(&s->as.coupling, wide_row(job, &stages[s->x], row),
                        narrow_row(job, &stages[s->branch], row), job->wraps,
                        wide_row(job, s, row));
        break;
    default:
        add_to_mean(job, s, row);
    }
}

static bool is_ready(const struct job *job, const struct rows_stage *s, uint32_t row) {
    const struct rows_stage *stages = job->p->stages;
    uint32_t from = s->x;
    uint32_t last = row * s->stride + s->reach;
    if (s->kind == ROWS_COUPLE && job->made[s->branch] <= row)
        return false;
    if (stages[from].slots == 0u)
        from = stages[from].x;
    return job->made[from] > (last < stages[from].height ? last : stages[from].height - 1u);
}

void myna_rows_s8(const struct rows *p, const int8_t *x, const int8_t *w, const int32_t *q,
                  int32_t *wraps, int8_t *y, int8_t *narrow, int16_t *wide, int32_t *sums) {
    struct job job = {p, x, w, q, wraps, y, narrow, wide, sums, {p->stages[0].height}};
    memset(sums, 0, p->sums * sizeof *sums);
    for (uint32_t left = p->rows; left > 0u;)
        for (uint32_t i = 1; i < p->count; i++) {
            const struct rows_stage *s = &p->stages[i];
            if (s->slots > 0u && job.made[i] < s->height && is_ready(&job, s, job.made[i])) {
                make(&job, s, job.made[i]++);
                left--;
            }
        }
    memset(narrow, 0, p->narrow);
    memset(wide, 0, p->wide * sizeof *wide);
    memset(sums, 0, p->sums * sizeof *sums);
}
