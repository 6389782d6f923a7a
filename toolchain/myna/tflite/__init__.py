# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite's file format: a TFLite or TFLite-Micro interpreter runs what Myna learned."""
