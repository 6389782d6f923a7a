/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes standard input and writes every intact frame again; the exit status is 0 unless a
   sanitizer objects. Standard error receives the number of damaged frames. */
#include "protocol/frame.h"

#include <stdio.h>
#include <string.h>

static void write_again(const struct frame *frame) {
    uint8_t buffer[FRAME_BUFFER(FRAME_MAX_PAYLOAD)];
    memcpy(&buffer[FRAME_PAYLOAD_AT], frame->payload, frame->payload_bytes);
    uint32_t length = myna_frame_encode(buffer, frame->type, frame->status, frame->sequence,
                                        frame->payload_bytes);
    (void)fwrite(buffer, 1, length, stdout);
}

int main(void) {
    static struct frame_decoder decoder;
    struct frame frame;
    unsigned damaged = 0;
    for (int byte = getchar(); byte != EOF; byte = getchar()) {
        enum frame_event event = myna_frame_decode(&decoder, (uint8_t)byte, &frame);
        damaged += event == FRAME_DAMAGED;
        if (event == FRAME_READY) {
            write_again(&frame);
        }
    }
    (void)fprintf(stderr, "%u", damaged);
    return 0;
}
