# SPDX-License-Identifier: Apache-2.0
"""Networks in other tools' formats: Keras and TensorFlow Lite, both ways."""
