/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of sliding windows; twin of toolchain/myna/ops/window.py */
#ifndef MYNA_WINDOW_H
#define MYNA_WINDOW_H

#include "kernels/fixed.h"

/* shapes [h, w, c] of the forward op's input and output */
struct map {
    uint16_t in_h, in_w, in_c, out_h, out_w, out_c;
};
struct window {
    uint8_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
};

/* whether outputs and inputs are the same positions */
static inline bool is_pointwise(const struct map *m, const struct window *k) {
    return k->kernel_h == 1 && k->kernel_w == 1 && k->stride_h == 1 && k->stride_w == 1 &&
           m->in_h == m->out_h && m->in_w == m->out_w;
}

/* indices begin <= i < end */
struct span {
    int32_t begin, end;
};

/* the taps of one axis that fall inside the input, at output position `out` */
static inline struct span taps_inside(int32_t out, int32_t stride, int32_t pad, int32_t kernel,
                                      int32_t in_size) {
    int32_t first = out * stride - pad;
    return (struct span){fx_max32(0, -first), fx_min32(kernel, in_size - first)};
}

/* the rows and columns of a rectangle */
struct area {
    struct span rows, columns;
};

/* the taps of a window that fall inside the input, at an output position */
static inline struct area area_inside(const struct map *m, const struct window *k, int32_t row,
                                      int32_t column) {
    return (struct area){
        taps_inside(row, k->stride_h, k->pad_top, k->kernel_h, m->in_h),
        taps_inside(column, k->stride_w, k->pad_left, k->kernel_w, m->in_w),
    };
}

/* the output positions of one axis at which tap `tap` falls inside the input */
static inline struct span outputs_of_tap(int32_t tap, int32_t stride, int32_t pad, int32_t in_size,
                                         int32_t out_size) {
    int32_t first = pad - tap; /* smallest out * stride */
    int32_t last = in_size - 1 + pad - tap;
    int32_t begin = first <= 0 ? 0 : (first + stride - 1) / stride;
    return (struct span){begin, last < 0 ? begin : fx_min32(out_size, last / stride + 1)};
}

/* the output position of one axis that sees input `in` through tap `tap`, or -1 */
static inline int32_t output_of_tap(int32_t in, int32_t tap, int32_t stride, int32_t pad,
                                    int32_t out_size) {
    int32_t scaled = in + pad - tap;
    return scaled < 0 || scaled % stride != 0 || scaled / stride >= out_size ? -1 : scaled / stride;
}

/* the output positions of one axis that see input `in`, through taps that are a stride apart */
static inline struct span outputs_of_input(int32_t in, int32_t stride, int32_t pad, int32_t kernel,
                                           int32_t out_size) {
    int32_t last = in + pad; /* the largest out * stride */
    int32_t first = last - kernel + 1;
    return (struct span){first <= 0 ? 0 : (first + stride - 1) / stride,
                         fx_min32(out_size, last / stride + 1)};
}

/* the output positions whose windows see an input */
static inline struct area area_seeing(const struct map *m, const struct window *k, int32_t row,
                                      int32_t column) {
    return (struct area){
        outputs_of_input(row, k->stride_h, k->pad_top, k->kernel_h, m->out_h),
        outputs_of_input(column, k->stride_w, k->pad_left, k->kernel_w, m->out_w),
    };
}

#endif
