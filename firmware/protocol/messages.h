/* SPDX-License-Identifier: Apache-2.0 */
/* Made from toolchain/myna/device/messages.py by `python -m myna.device.emit`.
   Do not edit. Fields are little-endian, as on the line; a tail follows its struct. */
#ifndef MYNA_PROTOCOL_MESSAGES_H
#define MYNA_PROTOCOL_MESSAGES_H

#include <stdint.h>

#include "protocol/frame.h"

#if FRAME_VERSION != 1
#error "made for another frame layout: run `python -m myna.device.emit`"
#endif

#define PROTOCOL_ABI 0x2821e5a8u
#define MESSAGE_REPLY 128u
#define MESSAGE_IN_FLIGHT 16u
#define MESSAGE_NO_NODE 65535u
#define MESSAGE_NO_CLASS 255u
#define MESSAGE_MAX_STEPS 64u
#define MESSAGE_MAX_EPOCHS 64u

enum status {
    STATUS_OK = 0,
    STATUS_BAD_REQUEST = 1,
    STATUS_UNKNOWN_MESSAGE = 2,
    STATUS_NO_SESSION = 3,
    STATUS_FORGOTTEN = 4,
    STATUS_BAD_RANGE = 5,
    STATUS_BAD_SLOT = 6,
    STATUS_BAD_LABEL = 7,
    STATUS_NOT_STARTED = 8,
    STATUS_DATA_MISSING = 9,
    STATUS_BAD_CRC = 10,
    STATUS_OTHER_MODEL = 11,
    STATUS_STATE_INCOMPLETE = 12,
    STATUS_BAD_STATE = 13,
    STATUS_NO_STORAGE = 15,
    STATUS_NOTHING_STORED = 16,
    STATUS_STORAGE_TOO_SMALL = 17,
    STATUS_STORAGE_FAILED = 18,
    STATUS_TOO_LONG = 19,
    STATUS_NO_FRONT_END = 20,
    STATUS_NO_BASE = 21,
    STATUS_NO_CODEWORD = 22,
    STATUS_NO_RANDOM = 23,
    STATUS_SECRET = 24,
    STATUS_NO_STREAMING = 25,
    STATUS_TOO_MANY_WORDS = 26,
    STATUS_NOT_HEARD = 32,
};

enum message {
    MESSAGE_HELLO = 1,
    MESSAGE_STATUS = 2,
    MESSAGE_LABELS = 3,
    MESSAGE_OPTIONS = 4,
    MESSAGE_STATE_RESET = 8,
    MESSAGE_STATE_BEGIN = 9,
    MESSAGE_STATE_WRITE = 10,
    MESSAGE_STATE_COMMIT = 11,
    MESSAGE_STATE_READ = 12,
    MESSAGE_STATE_PATCH = 13,
    MESSAGE_STATE_SAVE = 14,
    MESSAGE_STATE_UNDO = 84,
    MESSAGE_STATE_ERASE = 15,
    MESSAGE_BASE_SET = 48,
    MESSAGE_DIFFERENCE_WRITE = 49,
    MESSAGE_DIFFERENCE_APPLY = 50,
    MESSAGE_UPDATE_MAKE = 51,
    MESSAGE_UPDATE_READ = 52,
    MESSAGE_UNSENT_SWAP = 53,
    MESSAGE_AUDIO_BEGIN = 16,
    MESSAGE_AUDIO_DATA = 17,
    MESSAGE_AUDIO_END = 18,
    MESSAGE_FEATURES_PUT = 19,
    MESSAGE_FEATURES_GET = 20,
    MESSAGE_CLIP_SET = 21,
    MESSAGE_CLIPS_CLEAR = 22,
    MESSAGE_CLASS_REMOVED = 23,
    MESSAGE_INFER = 32,
    MESSAGE_SCORE = 33,
    MESSAGE_TRAIN = 34,
    MESSAGE_LEARN = 37,
    MESSAGE_TAKES = 45,
    MESSAGE_LISTEN = 40,
    MESSAGE_CONFIRM = 41,
    MESSAGE_ADAPT = 42,
    MESSAGE_ENROLL_OWNER = 60,
    MESSAGE_VERIFY = 61,
    MESSAGE_HEAR = 80,
    MESSAGE_HEARD = 81,
    MESSAGE_HEARD_TAKE = 82,
    MESSAGE_CODEWORD_DRAW = 62,
    MESSAGE_CODEWORD_WARM_UP = 63,
    MESSAGE_TEMPLATE_MAKE = 64,
    MESSAGE_TEMPLATE_READ = 65,
    MESSAGE_THRESHOLD_SET = 66,
    MESSAGE_SIGHTED = 71,
    MESSAGE_SIGHTING_REFUSE = 72,
    MESSAGE_SIGHTING_ADD = 73,
    MESSAGE_SOUND_BEGIN = 68,
    MESSAGE_SOUND_PUT = 69,
    MESSAGE_SOUND_END = 70,
    MESSAGE_TRACE_READ = 35,
    MESSAGE_TENSOR_READ = 36,
    MESSAGE_PROGRESS = 240,
    MESSAGE_RESEND = 241,
};

enum repeat {
    REPEAT_AGAIN = 0,
    REPEAT_STATUS = 1,
    REPEAT_ANSWER = 2,
    REPEAT_ASIDE = 3,
};

struct message_hello {
    uint32_t nonce;
    uint32_t protocol;
};
_Static_assert(sizeof(struct message_hello) == 8, "no padding");

struct message_hello_reply {
    uint32_t nonce;
    uint32_t protocol;
    uint32_t model_abi;
    uint32_t fingerprint;
    uint32_t state_bytes;
    uint32_t arena_bytes;
    uint32_t rx_window;
    uint32_t names_offset;
    uint16_t max_classes;
    uint16_t frames;
    uint16_t coefficients;
    uint16_t max_clips;
    uint16_t infer_nodes;
    uint16_t node_count;
    uint16_t label_bytes;
    uint16_t option_bytes;
    uint16_t name_bytes;
    uint16_t max_payload;
    char model[24];
    char board[24];
};
_Static_assert(sizeof(struct message_hello_reply) == 100, "no padding");

struct message_status_reply {
    uint32_t step;
    uint32_t classes;
    uint32_t frames_received;
    uint32_t frames_damaged;
    uint32_t requests_repeated;
    uint32_t stack_bytes;
    uint32_t stack_high_water;
    uint32_t clip_bytes;
    uint32_t buffer_bytes;
    uint32_t stored_sequence;
    uint16_t clips;
    uint16_t state_incomplete;
    uint16_t storage;
    uint16_t state_from_storage;
};
_Static_assert(sizeof(struct message_status_reply) == 48, "no padding");

struct message_range {
    uint32_t offset;
    uint32_t length;
};
_Static_assert(sizeof(struct message_range) == 8, "no padding");

struct message_state_begin {
    uint32_t model_abi;
    uint32_t fingerprint;
    uint32_t length;
    uint32_t crc;
};
_Static_assert(sizeof(struct message_state_begin) == 16, "no padding");

struct message_piece {
    uint32_t offset;
};
_Static_assert(sizeof(struct message_piece) == 4, "no padding");

struct message_state_saved {
    uint32_t sequence;
    uint32_t slot;
};
_Static_assert(sizeof(struct message_state_saved) == 8, "no padding");

struct message_update_make {
    uint32_t budget;
};
_Static_assert(sizeof(struct message_update_make) == 4, "no padding");

struct message_update_made {
    uint32_t length;
};
_Static_assert(sizeof(struct message_update_made) == 4, "no padding");

struct message_audio_begin {
    uint32_t samples;
    uint16_t slot;
    uint16_t label;
};
_Static_assert(sizeof(struct message_audio_begin) == 8, "no padding");

struct message_audio_reply {
    uint32_t feature_crc;
    uint32_t mean_square;
    uint32_t clipped;
    uint16_t peak;
    uint16_t verdict;
    uint16_t word_start;
    uint16_t word_length;
};
_Static_assert(sizeof(struct message_audio_reply) == 20, "no padding");

struct message_features_put {
    uint16_t slot;
    uint16_t offset;
};
_Static_assert(sizeof(struct message_features_put) == 4, "no padding");

struct message_features_get {
    uint16_t slot;
    uint16_t offset;
    uint16_t length;
};
_Static_assert(sizeof(struct message_features_get) == 6, "no padding");

struct message_clip_set {
    uint16_t slot;
    uint16_t label;
};
_Static_assert(sizeof(struct message_clip_set) == 4, "no padding");

struct message_clips_clear {
    uint16_t lowest;
};
_Static_assert(sizeof(struct message_clips_clear) == 2, "no padding");

struct message_class_removed {
    uint16_t label;
    uint16_t last;
};
_Static_assert(sizeof(struct message_class_removed) == 4, "no padding");

struct message_infer {
    uint16_t slot;
    uint16_t trace;
    uint16_t stop_after;
};
_Static_assert(sizeof(struct message_infer) == 6, "no padding");

struct message_infer_reply {
    uint16_t label;
    uint16_t classes;
    int32_t confidence;
    uint32_t accepted;
};
_Static_assert(sizeof(struct message_infer_reply) == 12, "no padding");

struct message_score {
    uint16_t first;
    uint16_t count;
};
_Static_assert(sizeof(struct message_score) == 4, "no padding");

struct message_score_reply {
    uint16_t correct;
    uint16_t total;
};
_Static_assert(sizeof(struct message_score_reply) == 4, "no padding");

struct message_train {
    uint16_t steps;
    uint16_t trace;
    uint16_t stop_after;
};
_Static_assert(sizeof(struct message_train) == 6, "no padding");

struct message_train_reply {
    uint32_t step;
};
_Static_assert(sizeof(struct message_train_reply) == 4, "no padding");

struct message_learn {
    uint32_t enough;
    uint16_t vary;
    uint16_t proximal;
    uint16_t epochs;
    uint16_t rehearsals;
};
_Static_assert(sizeof(struct message_learn) == 12, "no padding");

struct message_learn_reply {
    uint32_t step;
    uint16_t classes;
    uint16_t imprinted;
    uint16_t known_before;
    uint16_t known_after;
};
_Static_assert(sizeof(struct message_learn_reply) == 12, "no padding");

struct message_takes {
    uint16_t label;
};
_Static_assert(sizeof(struct message_takes) == 2, "no padding");

struct message_takes_reply {
    uint16_t odd;
    uint16_t count;
    uint16_t same;
    uint16_t other;
};
_Static_assert(sizeof(struct message_takes_reply) == 8, "no padding");

struct message_listen {
    uint16_t slot;
    uint16_t lowest;
    uint16_t margin;
    uint16_t agree;
    uint16_t most;
};
_Static_assert(sizeof(struct message_listen) == 10, "no padding");

struct message_listen_reply {
    uint16_t label;
    uint16_t margin;
    uint16_t agreed;
    uint16_t verdict;
};
_Static_assert(sizeof(struct message_listen_reply) == 8, "no padding");

struct message_confirm {
    uint16_t slot;
    uint16_t right;
};
_Static_assert(sizeof(struct message_confirm) == 4, "no padding");

struct message_adapt_reply {
    uint32_t step;
    uint16_t imprinted;
    uint16_t kept;
    uint16_t own_before;
    uint16_t own_after;
    uint16_t guessed_before;
    uint16_t guessed_after;
    uint16_t known_before;
    uint16_t known_after;
};
_Static_assert(sizeof(struct message_adapt_reply) == 20, "no padding");

struct message_enroll_owner {
    uint16_t label;
};
_Static_assert(sizeof(struct message_enroll_owner) == 2, "no padding");

struct message_enroll_owner_reply {
    uint16_t takes;
};
_Static_assert(sizeof(struct message_enroll_owner_reply) == 2, "no padding");

struct message_verify {
    uint16_t slot;
};
_Static_assert(sizeof(struct message_verify) == 2, "no padding");

struct message_verify_reply {
    uint16_t label;
    uint16_t verdict;
    int32_t score;
};
_Static_assert(sizeof(struct message_verify_reply) == 8, "no padding");

struct message_hear {
    uint16_t slot;
};
_Static_assert(sizeof(struct message_hear) == 2, "no padding");

struct message_hear_reply {
    uint32_t number;
    int32_t confidence;
    uint16_t label;
    uint16_t accepted;
};
_Static_assert(sizeof(struct message_hear_reply) == 12, "no padding");

struct message_heard {
    uint32_t before;
};
_Static_assert(sizeof(struct message_heard) == 4, "no padding");

struct message_heard_reply {
    uint32_t number;
    int32_t confidence;
    uint16_t label;
    uint16_t accepted;
    uint16_t slot;
    uint16_t room;
};
_Static_assert(sizeof(struct message_heard_reply) == 16, "no padding");

struct message_heard_take {
    uint32_t number;
    uint16_t slot;
    uint16_t label;
};
_Static_assert(sizeof(struct message_heard_take) == 8, "no padding");

struct message_codeword_draw {
    uint16_t again;
};
_Static_assert(sizeof(struct message_codeword_draw) == 2, "no padding");

struct message_codeword_draw_reply {
    uint16_t drawn;
};
_Static_assert(sizeof(struct message_codeword_draw_reply) == 2, "no padding");

struct message_codeword_warm_up {
    uint16_t wanted;
};
_Static_assert(sizeof(struct message_codeword_warm_up) == 2, "no padding");

struct message_codeword_warm_up_reply {
    uint16_t takes;
};
_Static_assert(sizeof(struct message_codeword_warm_up_reply) == 2, "no padding");

struct message_template_make {
    uint16_t label;
};
_Static_assert(sizeof(struct message_template_make) == 2, "no padding");

struct message_template_make_reply {
    uint16_t takes;
};
_Static_assert(sizeof(struct message_template_make_reply) == 2, "no padding");

struct message_template_read {
    uint16_t label;
    uint16_t offset;
};
_Static_assert(sizeof(struct message_template_read) == 4, "no padding");

struct message_template_read_reply {
    int32_t threshold;
    uint32_t rate;
    uint16_t total;
    uint16_t takes;
};
_Static_assert(sizeof(struct message_template_read_reply) == 12, "no padding");

struct message_threshold_set {
    int32_t threshold;
    uint32_t rate;
    uint32_t label;
};
_Static_assert(sizeof(struct message_threshold_set) == 12, "no padding");

struct message_sighted {
    uint32_t before;
};
_Static_assert(sizeof(struct message_sighted) == 4, "no padding");

struct message_sighted_reply {
    uint32_t number;
    uint32_t time;
    int32_t score;
    uint16_t label;
    uint16_t accepted;
    uint16_t rivals;
    uint16_t room;
};
_Static_assert(sizeof(struct message_sighted_reply) == 20, "no padding");

struct message_sighting_refuse {
    uint32_t number;
};
_Static_assert(sizeof(struct message_sighting_refuse) == 4, "no padding");

struct message_sighting_add {
    uint32_t number;
    uint32_t label;
};
_Static_assert(sizeof(struct message_sighting_add) == 8, "no padding");

struct message_sound_begin {
    uint32_t refractory;
    uint32_t gated;
};
_Static_assert(sizeof(struct message_sound_begin) == 8, "no padding");

struct message_sound_put {
    uint32_t offset;
    uint32_t events;
};
_Static_assert(sizeof(struct message_sound_put) == 8, "no padding");

struct message_sound_reply {
    uint32_t samples;
    uint32_t lost;
    uint32_t decisions;
    uint32_t events;
    uint16_t level;
    uint16_t is_open;
    uint32_t words;
};
_Static_assert(sizeof(struct message_sound_reply) == 24, "no padding");

struct message_trace_read {
    uint16_t first;
};
_Static_assert(sizeof(struct message_trace_read) == 2, "no padding");

struct message_trace_reply {
    uint16_t total;
};
_Static_assert(sizeof(struct message_trace_reply) == 2, "no padding");

struct message_tensor_read {
    uint32_t offset;
    uint16_t output;
    uint16_t length;
};
_Static_assert(sizeof(struct message_tensor_read) == 8, "no padding");

struct message_progress {
    uint32_t step;
};
_Static_assert(sizeof(struct message_progress) == 4, "no padding");

struct message_resend {
    uint16_t expected;
};
_Static_assert(sizeof(struct message_resend) == 2, "no padding");

/* The fixed part of any request. */
union message_request {
    struct message_hello hello;
    struct message_range range;
    struct message_state_begin state_begin;
    struct message_piece piece;
    struct message_update_make update_make;
    struct message_audio_begin audio_begin;
    struct message_features_put features_put;
    struct message_features_get features_get;
    struct message_clip_set clip_set;
    struct message_clips_clear clips_clear;
    struct message_class_removed class_removed;
    struct message_infer infer;
    struct message_score score;
    struct message_train train;
    struct message_learn learn;
    struct message_takes takes;
    struct message_listen listen;
    struct message_confirm confirm;
    struct message_enroll_owner enroll_owner;
    struct message_verify verify;
    struct message_hear hear;
    struct message_heard heard;
    struct message_heard_take heard_take;
    struct message_codeword_draw codeword_draw;
    struct message_codeword_warm_up codeword_warm_up;
    struct message_template_make template_make;
    struct message_template_read template_read;
    struct message_threshold_set threshold_set;
    struct message_sighted sighted;
    struct message_sighting_refuse sighting_refuse;
    struct message_sighting_add sighting_add;
    struct message_sound_begin sound_begin;
    struct message_sound_put sound_put;
    struct message_trace_read trace_read;
    struct message_tensor_read tensor_read;
};

/* X(NAME, handler, bytes of the fixed part, whether a tail follows, repeat) */
/* clang-format off */
#define MESSAGE_TABLE(X) \
    X(HELLO, hello, 8, false, ANSWER) \
    X(STATUS, status, 0, false, AGAIN) \
    X(LABELS, labels, 8, false, AGAIN) \
    X(OPTIONS, options, 8, false, AGAIN) \
    X(STATE_RESET, state_reset, 0, false, STATUS) \
    X(STATE_BEGIN, state_begin, 16, false, STATUS) \
    X(STATE_WRITE, state_write, 4, true, STATUS) \
    X(STATE_COMMIT, state_commit, 0, false, STATUS) \
    X(STATE_READ, state_read, 8, false, AGAIN) \
    X(STATE_PATCH, state_patch, 4, true, STATUS) \
    X(STATE_SAVE, state_save, 0, false, ANSWER) \
    X(STATE_UNDO, state_undo, 0, false, STATUS) \
    X(STATE_ERASE, state_erase, 0, false, STATUS) \
    X(BASE_SET, base_set, 0, false, STATUS) \
    X(DIFFERENCE_WRITE, difference_write, 4, true, STATUS) \
    X(DIFFERENCE_APPLY, difference_apply, 0, false, STATUS) \
    X(UPDATE_MAKE, update_make, 4, true, ANSWER) \
    X(UPDATE_READ, update_read, 8, false, AGAIN) \
    X(UNSENT_SWAP, unsent_swap, 0, false, STATUS) \
    X(AUDIO_BEGIN, audio_begin, 8, false, STATUS) \
    X(AUDIO_DATA, audio_data, 4, true, STATUS) \
    X(AUDIO_END, audio_end, 0, false, ANSWER) \
    X(FEATURES_PUT, features_put, 4, true, STATUS) \
    X(FEATURES_GET, features_get, 6, false, AGAIN) \
    X(CLIP_SET, clip_set, 4, false, STATUS) \
    X(CLIPS_CLEAR, clips_clear, 2, false, STATUS) \
    X(CLASS_REMOVED, class_removed, 4, false, STATUS) \
    X(INFER, infer, 6, false, AGAIN) \
    X(SCORE, score, 4, false, ANSWER) \
    X(TRAIN, train, 6, false, ANSWER) \
    X(LEARN, learn, 12, false, ANSWER) \
    X(TAKES, takes, 2, false, AGAIN) \
    X(LISTEN, listen, 10, false, ANSWER) \
    X(CONFIRM, confirm, 4, false, STATUS) \
    X(ADAPT, adapt, 12, false, ANSWER) \
    X(ENROLL_OWNER, enroll_owner, 2, false, ANSWER) \
    X(VERIFY, verify, 2, false, AGAIN) \
    X(HEAR, hear, 2, false, ANSWER) \
    X(HEARD, heard, 4, false, AGAIN) \
    X(HEARD_TAKE, heard_take, 8, false, STATUS) \
    X(CODEWORD_DRAW, codeword_draw, 2, false, ANSWER) \
    X(CODEWORD_WARM_UP, codeword_warm_up, 2, false, ANSWER) \
    X(TEMPLATE_MAKE, template_make, 2, false, ANSWER) \
    X(TEMPLATE_READ, template_read, 4, false, AGAIN) \
    X(THRESHOLD_SET, threshold_set, 12, false, STATUS) \
    X(SIGHTED, sighted, 4, false, AGAIN) \
    X(SIGHTING_REFUSE, sighting_refuse, 4, false, STATUS) \
    X(SIGHTING_ADD, sighting_add, 8, false, STATUS) \
    X(SOUND_BEGIN, sound_begin, 8, false, STATUS) \
    X(SOUND_PUT, sound_put, 8, true, ASIDE) \
    X(SOUND_END, sound_end, 0, false, STATUS) \
    X(TRACE_READ, trace_read, 2, false, AGAIN) \
    X(TENSOR_READ, tensor_read, 8, false, AGAIN)
/* clang-format on */

#endif
