/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that slide over four channels of a map, with the DSP extension: a band of rows is
 * unpacked once, with zeros for the padding, and then every window is alike.
 */
#ifndef MYNA_QUAD_DSP_H
#define MYNA_QUAD_DSP_H

#include "kernels/dsp/words_dsp.h"
#include "kernels/window.h"

enum {
    QUAD_TAPS = 32,     /* most taps of a window */
    PLANE_PIXELS = 192, /* most pixels of a band, padding included */
    BAND_OUTPUTS = 64   /* most outputs of a band */
};

/* four channels of a pixel, or of a tap: 0 and 2, 1 and 3 */
struct quad {
    uint32_t even, odd;
};

/* a window that slides over a map of h × w pixels */
struct slide {
    int32_t h, w, channels;
    struct window window;
};

/* quad_sums_dsp.S knows its layout */
struct quad_job {
    const struct quad *taps;
    int32_t kernel_h, kernel_w;
    int32_t skip; /* bytes from the end of a row of the window to the next */
    int32_t step; /* bytes from one window to the next */
    int32_t first[4];
};

/* quad_sums_dsp.S: sums over `count` windows, the first at x */
void myna_quad_windows(const struct quad_job *job, const struct quad *x, int32_t (*acc)[4],
                       int32_t count);
/* quad_sums_dsp.S: acc += sums of x times y over rows of `columns`; x skips bytes in between */
void myna_quad_products(int32_t rows, const struct quad *x, int32_t columns, const struct quad *y,
                        int32_t skip, int32_t acc[4]);

/* four bytes, each plus a halfword of `add` */
static inline struct quad unpack(const int8_t *x, uint32_t add) {
    uint32_t bytes = dsp_load4(x);
    return (struct quad){dsp_add_even(add, bytes), dsp_add_odd(add, bytes)};
}

/* how many rows of outputs fit into a band; 0 if none does */
int32_t myna_band_rows(const struct window *k, int32_t out_w);

/* pixels of a row that a row of windows sees */
int32_t myna_band_pitch(const struct window *k, int32_t out_w);

/* what `rows` rows of windows see of four channels, zeros where that is no part of the map */
struct quad_band {
    int32_t rows, step;              /* rows of windows; pixels of the plane from one to the next */
    int32_t first, line;             /* of the map: bytes to the first pixel, from row to row */
    int32_t at, pitch;               /* of the plane: pixels likewise */
    int32_t lines, columns;          /* that lie in the map */
    struct quad plane[PLANE_PIXELS]; /* lines of myna_band_pitch pixels */
};

/* A band from output row oy on, zeros all over. */
void myna_band_begin(struct quad_band *band, const struct slide *s, int32_t oy, int32_t rows,
                     int32_t out_w);
/* The same part of a map's four channels at x, each plus a halfword of `add`; nothing else. */
void myna_band_lay(struct quad_band *band, const int8_t *x, int32_t channels, uint32_t add);

/* how windows slide over a band */
struct quad_job myna_quad_job_of(const struct window *k, int32_t out_w, const struct quad *taps);

/* sums of all windows of a band */
void myna_band_sums(const struct quad_band *band, const struct quad_job *job, int32_t out_w,
                    int32_t (*acc)[4]);

#endif
