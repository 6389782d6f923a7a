/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main loop that learns words. Over its UART come bytes: 's' and 320 samples of sound (int16,
 * little-endian), 'e' and a name with a newline behind it, 'r' to recognize again, 'l' to learn.
 * It answers with a line for every utterance, and for every request but sound. In a product the
 * sound comes from a microphone, and 'e' and 'l' are a button.
 */
#include "board.h"
#include "myna.h"

#include <string.h>

enum { SAMPLES = 320 };

static void say(const char *what, uint32_t number) {
    char digits[11];
    uint32_t at = sizeof digits;
    digits[--at] = '\n';
    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0u);
    board_put(what, (uint32_t)strlen(what));
    board_put(" ", 1u);
    board_put(&digits[at], (uint32_t)(sizeof digits - at));
}

static void say_event(const struct myna_event *event) {
    static const char *const kinds[] = {
        [MYNA_WORD] = "word",   [MYNA_OTHER] = "other", [MYNA_TAKE] = "take",
        [MYNA_UNFIT] = "unfit", [MYNA_FULL] = "full",
    };
    say(kinds[event->kind], event->kind == MYNA_TAKE    ? event->takes
                            : event->kind == MYNA_UNFIT ? event->verdict
                                                        : event->word);
}

static void hear(void) {
    int16_t pcm[SAMPLES];
    struct myna_event event;
    for (uint32_t i = 0u; i < SAMPLES; i++) {
        uint32_t low = board_get(), high = board_get();
        pcm[i] = (int16_t)(uint16_t)(low | high << 8);
    }
    myna_feed(pcm, SAMPLES);
    while (myna_poll(&event)) {
        say_event(&event);
    }
}

static void enroll(void) {
    char name[32] = "";
    uint32_t size = 0u;
    for (char next = (char)board_get(); next != '\n'; next = (char)board_get()) {
        if (size < sizeof name - 1u) {
            name[size++] = next;
        }
    }
    say("enroll", myna_enroll(name));
}

int main(void) {
    board_init();
    myna_init(&board_flash, NULL);
    say("ready", 0u);
    for (;;) {
        switch (board_get()) {
        case 's':
            hear();
            break;
        case 'e':
            enroll();
            break;
        case 'r':
            say("recognize", myna_enroll(NULL));
            break;
        case 'l':
            say("learn", myna_learn());
            break;
        default:
            break;
        }
    }
}
