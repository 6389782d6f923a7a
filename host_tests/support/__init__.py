# SPDX-License-Identifier: Apache-2.0
"""What several tests share: small models, a fake board, other tools that run networks."""
