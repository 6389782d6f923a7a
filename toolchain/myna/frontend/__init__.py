# SPDX-License-Identifier: Apache-2.0
"""Float models: the form in which a network enters the compiler."""
