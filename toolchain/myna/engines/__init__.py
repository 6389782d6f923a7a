# SPDX-License-Identifier: Apache-2.0
"""What runs a program: the NumPy reference, and the C core in this process."""
