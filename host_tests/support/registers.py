# SPDX-License-Identifier: Apache-2.0
"""Drivers as code of a Cortex-M4, run against a model of the registers that they touch.

The emulated core knows no interrupts and no vendor's parts: reads and writes of the mapped pages go
to a model, which does what the reference manual says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from myna.device.target import PROJECT
from unicorn import UC_ARCH_ARM, UC_HOOK_MEM_UNMAPPED, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn.arm_const import (
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_SP,
    UC_CPU_ARM_CORTEX_M4,
)

FIRMWARE = PROJECT / "firmware"
CODE, RAM, RETURN = 0x00010000, 0x20000000, 0x0000F000
SIZE = 0x10000
PAGE = 0x1000
MOST = 20_000_000  # instructions, after which a driver hangs
FLAGS = ("-mcpu=cortex-m4", "-std=c11", "-O1", "-ffreestanding", "-fno-builtin", "-nostdlib")


class Registers(Protocol):
    """What is at an address, as the driver sees it."""

    def read(self, address: int, size: int) -> int:
        """A load of `size` bytes."""

    def write(self, address: int, size: int, value: int) -> None:
        """A store of `size` bytes."""


class HangError(Exception):
    """The driver waits for what never comes, or touches what is not there."""


class Driver:
    """Compiled C, in a core of its own.

    Args:
        source: of the driver, as text.
        folder: where to compile.
        registers: by the first address of their pages, and how many bytes these are.
        defines: of the compiler.
        stub: more C: what the driver calls.
    """

    def __init__(
        self,
        source: str,
        folder: Path,
        registers: Mapping[tuple[int, int], Registers],
        defines: Sequence[str] = (),
        stub: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "driver.c").write_text(source + stub, "utf-8")
        image = folder / "driver.elf"
        command = ["arm-none-eabi-gcc", *FLAGS, *(f"-D{name}" for name in defines)]
        layout = (f"-Wl,-Ttext={CODE:#x}", f"-Wl,-Tdata={RAM:#x}", f"-Wl,-Tbss={RAM + 0x8000:#x}")
        files = (f"-I{FIRMWARE}", str(folder / "driver.c"), "-o", str(image))
        subprocess.run([*command, *layout, "-Wl,-e0", *files], check=True, capture_output=True)
        listing = _run("arm-none-eabi-nm", str(image))
        self._at = {line.split()[2]: int(line.split()[0], 16) for line in listing.splitlines()}
        _run("arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "-j", ".rodata", str(image))
        self._core = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._core.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
        for base in (CODE, RAM):
            self._core.mem_map(base, SIZE)
        self._core.mem_map(RETURN, PAGE)
        self._core.mem_write(CODE, image.read_bytes())
        for (base, size), model in registers.items():
            self._core.mmio_map(base, size, _read(base, model), None, _write(base, model), None)
        self._core.hook_add(UC_HOOK_MEM_UNMAPPED, lambda *_: False)

    def call(self, name: str, *arguments: int) -> int:
        """Run a function; its result.

        Raises:
            HangError: it does not return.
        """
        for register, value in zip(
            (UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2), arguments, strict=False
        ):
            self._core.reg_write(register, value)
        self._core.reg_write(UC_ARM_REG_SP, RAM + 0x8000)
        self._core.reg_write(UC_ARM_REG_LR, RETURN | 1)
        try:
            self._core.emu_start(self._at[name] | 1, RETURN, count=MOST)
        except UcError as error:
            raise HangError(str(error)) from error
        if self._core.reg_read(UC_ARM_REG_PC) != RETURN:
            raise HangError(name)
        return int(self._core.reg_read(UC_ARM_REG_R0))

    def put(self, data: bytes) -> int:
        """Bytes in RAM, and where."""
        self._core.mem_write(RAM + 0xC000, data)
        return RAM + 0xC000


def _read(base: int, model: Registers) -> object:
    return lambda core, offset, size, user: model.read(base + offset, size)


def _write(base: int, model: Registers) -> object:
    return lambda core, offset, size, value, user: model.write(base + offset, size, value)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
