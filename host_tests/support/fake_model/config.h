/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MYNA_CONFIG_H
#define MYNA_CONFIG_H

#define MYNA_MAX_CLIPS 32
#define MYNA_FRONT_END 1
#define MYNA_FRAMES 49
#define MYNA_FEATURE_BYTES 490
#define MYNA_MAX_CLASSES 12
#define MYNA_STATE_BYTES 5892
#define MYNA_STATE_COPIES 2
#define MYNA_OUTPUTS 4
#define MYNA_VOICE_SIZE 1

#endif
