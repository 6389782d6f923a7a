# SPDX-License-Identifier: Apache-2.0
"""A model's folder: made, imported, read, and fitted to a board."""
