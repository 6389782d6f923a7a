# SPDX-License-Identifier: Apache-2.0
"""Sound to int8 features: the integer front end, sound files, data folders, synthetic speech."""
