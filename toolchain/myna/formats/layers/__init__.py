# SPDX-License-Identifier: Apache-2.0
"""How Keras and TensorFlow Lite say each layer, a file for each family."""
