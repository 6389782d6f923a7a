# SPDX-License-Identifier: Apache-2.0
"""What users are measured by: protocols, engines, and the statistics over people."""
