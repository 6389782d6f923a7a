# SPDX-License-Identifier: Apache-2.0
"""Drivers of the STM32 against a model of its registers; without any step of theirs they fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from myna.device import pio, target
from myna.engines.verify import Verifier, verify_steps
from myna.passes.pipeline import Options
from myna.project import open_project

pytest.importorskip("unicorn")
from support import tiny, tiny_model
from support.fake_board import generated
from support.registers import FIRMWARE, Driver, HangError
from support.stm32 import DCEN, LOCK, ORE, PGSERR, RXNE, SECTOR, STORE, Flash, Usart

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="not installed: arm-none-eabi-gcc"
)

FOLDER = FIRMWARE / "boards" / "stm32"
MEMCPY = """
void *memcpy(void *to, const void *from, size_t count) {
    for (size_t i = 0; i < count; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
"""
FLASH_STUB = (
    MEMCPY
    + """
int probe_erase(uint32_t offset) { return myna_port_nvm()->erase(offset); }
int probe_program(uint32_t offset, const uint8_t *data, uint32_t count) {
    return myna_port_nvm()->program(offset, data, count);
}
"""
)
CLOCK_STUB = """
uint32_t probe_clock(void) { return myna_stm32_clock_start(); }
"""
UART_STUB = """
uint32_t myna_stm32_clock_start(void) { return PROBE_CLOCK; }
struct ring myna_received;
uint8_t taken[64];
int probe_take(void) { return (int)ring_take(&myna_received, taken, sizeof taken); }
int probe_byte(uint32_t i) { return taken[i]; }
"""


def source(name: str, step: str = "") -> str:
    """A driver's text, perhaps without a step of it."""
    text = (FOLDER / name).read_text("utf-8")
    assert step in text, step
    return text.replace(step, REPLACED.get(step, ""), 1) if step else text


def test_an_image_is_linked_to_where_the_chip_has_its_memory(tmp_path: Path) -> None:
    built = pio.build("stm32f405", generated(tmp_path / "model"))
    vectors, stack = pio.addresses("stm32f405", built.elf, "vectors", "stack_start")
    assert (vectors, stack) == (0x08000000, 0x20000000)
    assert built.flash_bytes < STORE - 0x08000000
    assert built.ram_bytes < target.find_board("stm32f405").ram_bytes == 128 * 1024


@pytest.mark.qemu
def test_the_chip_in_the_emulator_trains_as_the_reference() -> None:
    project = open_project(tiny_model.folder(), Options(train="all", ram=128 * 1024))
    clips = [(x, i % len(tiny.LABELS)) for i, x in enumerate(tiny.features(4))]
    with project.connect("qemu_f405") as session:
        found = verify_steps(Verifier(project.program, session, clips), 5)
    assert found.steps == 5
    assert found.differences == 0


# -- flash -----------------------------------------------------------------------------------------
DATA = bytes(range(40))
PAGES = {(0x40023000, 0x1000), (STORE, 2 * SECTOR)}


def flash_works(folder: Path, step: str = "") -> None:
    """Everything that is asked of a driver of flash, with errors and work left by somebody else."""

    def driver(model: Flash) -> Driver:
        pages = dict.fromkeys(PAGES, model)
        return Driver(source("flash.c", step), folder, pages, stub=FLASH_STUB)

    model = Flash(status=PGSERR, busy=20, acr=DCEN)
    chip = driver(model)
    assert chip.call("probe_erase", SECTOR)
    assert model.memory[:SECTOR] == b"\x5a" * SECTOR
    assert model.memory[SECTOR:] == b"\xff" * SECTOR
    assert model.control & LOCK
    assert not model.busy
    assert model.acr & DCEN
    assert not model.cache_is_stale
    model.status |= PGSERR
    assert chip.call("probe_program", SECTOR + 8, chip.put(DATA), len(DATA))
    assert model.memory[SECTOR + 8 : SECTOR + 8 + len(DATA)] == DATA
    assert model.memory[SECTOR : SECTOR + 8] == b"\xff" * 8
    assert model.control & LOCK
    assert not model.busy
    assert not model.cache_is_stale
    assert chip.call("probe_program", SECTOR + 8, chip.put(bytes(4)), 4)
    assert model.memory[SECTOR + 8 : SECTOR + 12] == bytes(4)
    refusing = Flash(protected=frozenset({0, 1}), acr=DCEN)
    chip = driver(refusing)
    assert not chip.call("probe_erase", 0)
    assert not chip.call("probe_program", 0, chip.put(DATA), len(DATA))
    assert refusing.control & LOCK


FLASH_STEPS = [
    "    wait();\n    FLASH_KEYR = FLASH_KEY1;\n",  # busy with somebody else's work
    "    FLASH_KEYR = FLASH_KEY1;\n",
    "    FLASH_KEYR = FLASH_KEY2;\n",
    "    FLASH_SR = FLASH_SR_ERRORS;\n",
    "    FLASH_CR = operation;\n",
    "begin(FLASH_CR_PG | FLASH_CR_WORDS)",
    "    FLASH_CR |= FLASH_CR_START;\n",
    " | FLASH_CR_SECTOR(sector)",
    "        wait();\n",
    "    wait();\n    bool good",
    " == 0u",
    "    FLASH_CR = FLASH_CR_LOCK;\n",
    "    FLASH_ACR &= ~FLASH_ACR_DCACHE;\n",
    "    FLASH_ACR |= FLASH_ACR_DCACHE_RESET;\n",
    "    FLASH_ACR |= FLASH_ACR_DCACHE;\n",
]
REPLACED = {  # what remains where leaving out alone would not compile
    FLASH_STEPS[0]: "    FLASH_KEYR = FLASH_KEY1;\n",
    "begin(FLASH_CR_PG | FLASH_CR_WORDS)": "begin(FLASH_CR_PG)",
    "    wait();\n    bool good": "    bool good",
    " == 0u": " < 0x100u",
}


def test_flash_is_erased_and_programmed(tmp_path: Path) -> None:
    flash_works(tmp_path)


@pytest.mark.parametrize("step", FLASH_STEPS)
def test_no_step_of_the_flash_may_be_left_out(step: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, HangError)):
        flash_works(tmp_path, step)


# -- clock -----------------------------------------------------------------------------------------
def clock_works(folder: Path, step: str = "") -> None:
    for has_pll, hertz in ((True, 84_000_000), (False, 16_000_000)):
        model = Flash(has_pll=has_pll)
        chip = Driver(
            source("clock.c", step), folder, {(0x40023000, 0x1000): model}, stub=CLOCK_STUB
        )
        assert chip.call("probe_clock") == hertz
        assert not model.clocked_too_fast
        assert bool(model.read(0x40023808, 4) & 3) == has_pll
        if has_pll:
            assert model.read(0x40023808, 4) & (7 << 10 | 7 << 13) == 5 << 10 | 4 << 13
            assert model.read(0x40023804, 4) == 16 | 336 << 6 | 7 << 24


CLOCK_STEPS = [
    "FLASH_ACR_5_WAITS | ",
    "    RCC_PLLCFGR = PLL_FROM_HSI;\n",
    "    RCC_CR |= RCC_CR_PLLON;\n",
    "    RCC_CFGR = RCC_CFGR_APB1_BY_4 | RCC_CFGR_APB2_BY_2;\n",
    "    RCC_CFGR |= RCC_CFGR_SW_PLL;\n",
]


def test_the_clock_starts_or_stays_slow(tmp_path: Path) -> None:
    clock_works(tmp_path)


@pytest.mark.parametrize("step", CLOCK_STEPS)
def test_no_step_of_the_clock_may_be_left_out(step: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, HangError)):
        clock_works(tmp_path, step)


# -- UART ------------------------------------------------------------------------------------------
UART_PAGES = ((0x40011000, 0x1000), (0x40020000, 0x4000), (0xE000E000, 0x1000))


class Plain:
    """Registers that keep what is written."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}

    def read(self, address: int, size: int) -> int:
        return self.values.get(address, 0)

    def write(self, address: int, size: int, value: int) -> None:
        self.values[address] = value


def uart_works(folder: Path, step: str = "") -> None:
    for clock, divider in ((84_000_000, 729), (16_000_000, 139)):
        model, others = Usart(), Plain()
        pages = {UART_PAGES[0]: model, UART_PAGES[1]: others, UART_PAGES[2]: others}
        defines = ('MYNA_BOARD="probe"', "UART_RX_LINE=37", f"PROBE_CLOCK={clock}u")
        chip = Driver(source("uart.c", step), folder, pages, defines, MEMCPY + UART_STUB)
        chip.call("myna_port_init")
        assert model.registers[8] == divider
        assert model.registers[0xC] == 1 << 13 | 1 << 5 | 1 << 3 | 1 << 2
        assert others.values[0xE000E104] == 1 << (37 - 32)
        assert others.values[0x40023830] & 1
        assert others.values[0x40023844] & 1 << 4
        assert others.values[0x40020000] >> 18 & 15 == 0b1010
        assert others.values[0x40020024] >> 4 & 255 == 0x77
    for byte in (65, 66):
        model.arrive(byte)
        chip.call("uart_rx_handler")
    model.arrive(67)
    model.arrive(68)  # nobody took the one before
    assert model.status & ORE
    chip.call("uart_rx_handler")
    assert not model.status & (ORE | RXNE)  # or it would interrupt for ever
    model.status |= ORE  # and without a byte
    chip.call("uart_rx_handler")
    assert not model.status & ORE
    assert chip.call("probe_take") == 3
    assert [chip.call("probe_byte", i) for i in range(3)] == [65, 66, 67]
    chip.call("myna_port_write", chip.put(b"hello"), 5)
    assert model.sent == b"hello"


UART_STEPS = [
    "    RCC_AHB1ENR |= RCC_GPIOA;\n",
    "    RCC_APB2ENR |= RCC_USART1;\n",
    "    GPIOA_MODER = (GPIOA_MODER & ~PINS_MODE) | PINS_ALTERNATE;\n",
    "    GPIOA_AFRH = (GPIOA_AFRH & ~PINS_FUNCTION) | PINS_USART;\n",
    " + BAUD / 2u",
    " | USART_CR1_RXNEIE",
    "    core_enable_line(UART_RX_LINE);\n",
    " | USART_SR_ORE",
    "        status = USART_SR;\n",
]


def test_bytes_come_and_go(tmp_path: Path) -> None:
    uart_works(tmp_path)


@pytest.mark.parametrize("step", UART_STEPS)
def test_no_step_of_the_uart_may_be_left_out(step: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, HangError, KeyError)):
        uart_works(tmp_path, step)
