# SPDX-License-Identifier: Apache-2.0
"""What is mutated, and which tests are asked about it: the fastest and most specific first.

Left out is what would notice any change, right or wrong: counted instructions and fingerprints.
"""

from __future__ import annotations

import re

from myna.device.target import PROJECT

PARTS = (
    "toolchain/myna/fixed.py",
    "toolchain/myna/ops/*.py",
    "toolchain/myna/learn/*.py",
    "firmware/kernels/**/*.[ch]",
    "firmware/runtime/*.[ch]",
    "firmware/server/*.[ch]",
)
FIXED = "test_fixed.py"
FIXED_C = "firmware/kernels/test_fixed_c.py firmware/kernels/test_fixed_sweep.py"
OPS = "ops layers codegen/test_fields.py passes/test_bounds.py passes/test_check.py"
TRAINING = (
    "passes/training/test_autodiff.py passes/training/test_training.py "
    "passes/training/test_int8_weights.py passes/lowering/test_quantize.py "
    "passes/memory/test_reversible.py analysis"
)
KERNELS = "firmware/kernels/test_kernels.py -k sanitized"
DSP = "firmware/kernels/test_kernels.py -k qemu_m4"
MVE = "firmware/kernels/test_kernels.py -k qemu_m55"
SERVER = (
    "firmware/server/test_server_session.py firmware/server/test_server.py "
    "firmware/server/test_server_privacy.py firmware/server/test_handle_clips.py"
)
FUZZ = "firmware/server/test_server_fuzz.py firmware/storage"
LEARN = "learn"
USE = "evaluation/test_self_label.py evaluation/test_open_set.py sessions/test_enroll.py"
RECORDINGS = "audio/test_endpoint.py"

STAGES = {  # the first pattern that matches a file decides
    r"toolchain/myna/fixed": (FIXED, OPS, FIXED_C),
    r"toolchain/myna/ops/(imprint|similarity)": (OPS, LEARN, KERNELS, TRAINING),
    r"toolchain/myna/ops": (OPS, KERNELS, TRAINING, LEARN),
    r"toolchain/myna/learn": (LEARN, USE),
    r"firmware/kernels/dsp": (DSP,),
    r"firmware/kernels/mve": (MVE,),
    r"firmware/kernels/fixed": (FIXED_C, KERNELS, DSP, MVE),
    r"firmware/kernels": (KERNELS, LEARN, DSP, MVE),
    r"firmware/\w+/(accept|adapt|detect|(handle_)?heard|learn|listen|owner|(handle_)?takes|vary)": (
        LEARN,
        USE,
        SERVER,
        FUZZ,
    ),
    r"firmware/(runtime|server)": (SERVER, LEARN, FUZZ, USE, RECORDINGS),
}


def files() -> list[str]:
    """Paths from the project's folder."""
    found = {path for part in PARTS for path in PROJECT.glob(part)}
    return sorted(path.relative_to(PROJECT).as_posix() for path in found)


def stages(path: str) -> list[list[str]]:
    """Arguments of pytest, one stage after the other."""
    chosen = next(tests for pattern, tests in STAGES.items() if re.match(pattern, path))
    return [_arguments(*stage.split(" -k ")) for stage in chosen]


def _arguments(names: str, keyword: str = "") -> list[str]:
    """Without a keyword, tests that need this machine only: they are fast."""
    which = ["-k", keyword] if keyword else ["-m", "not qemu and not train and not data"]
    return [*(f"host_tests/{name}" for name in names.split()), *which]
