# SPDX-License-Identifier: Apache-2.0
"""The layers in other tools' formats, a file for each family: Keras, TensorFlow Lite, both ways."""
