# SPDX-License-Identifier: Apache-2.0
"""Registers of the STM32F405 as its reference manual (ST RM0090) says that they behave."""

from __future__ import annotations

from dataclasses import dataclass, field

RCC, FLASH, STORE = 0x40023800, 0x40023C00, 0x080C0000
SECTOR = 0x20000
KEYS = (0x45670123, 0xCDEF89AB)
WRPERR, PGPERR, PGSERR = 1 << 4, 1 << 6, 1 << 7
ERRORS, BUSY = 0xF2, 1 << 16
PG, SER, WORDS, START, LOCK = 1, 2, 2 << 8, 1 << 16, 1 << 31
DCEN, DCRST = 1 << 10, 1 << 12
ORE, RXNE, TXE = 1 << 3, 1 << 5, 1 << 7


@dataclass
class Flash:
    """The flash interface with two sectors, and of the clock what it depends on.

    Attributes:
        status: sticky errors at first.
        busy: reads of SR until what runs is done.
        protected: sectors that refuse.
        has_pll: whether the PLL ever locks.
    """

    status: int = 0
    busy: int = 0
    protected: frozenset[int] = frozenset()
    has_pll: bool = True
    memory: bytearray = field(default_factory=lambda: bytearray(b"\x5a" * 2 * SECTOR))
    control: int = LOCK
    acr: int = 0
    cache_is_stale: bool = False
    clocked_too_fast: bool = False
    _keys: tuple[int, ...] = ()
    _then: list[tuple[int, int]] = field(default_factory=list)
    _rcc: dict[int, int] = field(default_factory=dict)

    def read(self, address: int, size: int) -> int:
        if address >= STORE and address < STORE + len(self.memory):
            at = address - STORE
            return int.from_bytes(self.memory[at : at + size], "little")
        if address == FLASH:
            return self.acr
        if address == FLASH + 0xC:
            self.busy -= self.busy > 0
            return self.status | (BUSY if self.busy else 0)
        if address == FLASH + 0x10:
            return self.control
        value = self._rcc.get(address - RCC, 0)
        if address == RCC and self.has_pll and value & 1 << 24:
            value |= 1 << 25
        if address == RCC + 8 and self.has_pll:
            value |= (value & 3) << 2
        return value

    def write(self, address: int, size: int, value: int) -> None:
        if STORE <= address < STORE + len(self.memory):
            self._program(address - STORE, size, value)
        elif address == FLASH:
            self.cache_is_stale &= not (value & DCRST and not value & DCEN)
            self.acr = value
        elif address == FLASH + 4:
            self._keys = (*self._keys, value)
            if self._keys == KEYS:
                self.control &= ~LOCK
        elif address == FLASH + 0xC:
            self.status &= ~(value & ERRORS)
        elif address == FLASH + 0x10:
            self._command(value)
        else:
            self._rcc[address - RCC] = value
            if address == RCC + 8 and value & 3 == 2 and self.acr & 7 < 5:
                self.clocked_too_fast = True

    def _command(self, value: int) -> None:
        if self.control & LOCK or self.busy:
            return
        self.control = value & ~START
        if value & LOCK:
            self._keys = ()
        elif value & START and value & SER and not self.status & ERRORS:
            sector = (value >> 3 & 15) - 10
            if sector in self.protected:
                self.status |= WRPERR
                return
            self.memory[sector * SECTOR : (sector + 1) * SECTOR] = b"\xff" * SECTOR
            self.busy, self.cache_is_stale = 50, True

    def _program(self, at: int, size: int, value: int) -> None:
        if self.control & LOCK or not self.control & PG or self.busy or self.status & ERRORS:
            self.status |= PGSERR
        elif self.control & 3 << 8 != WORDS or size != 4:
            self.status |= PGPERR
        elif at // SECTOR in self.protected:
            self.status |= WRPERR
        else:
            before = int.from_bytes(self.memory[at : at + 4], "little")
            self.memory[at : at + 4] = (before & value).to_bytes(4, "little")
            self.busy, self.cache_is_stale = 5, True


@dataclass
class Usart:
    """USART1 as its receiver sees it.

    Attributes:
        arrived: bytes that wait on the line; one is in DR if `status` says so.
        status: flags of SR.
    """

    status: int = TXE
    data: int = 0
    arrived: list[int] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    registers: dict[int, int] = field(default_factory=dict)
    _seen: bool = False

    def arrive(self, byte: int) -> None:
        """The next byte ends; if the one before was not taken, that is an overrun."""
        if self.status & RXNE:
            self.status |= ORE
        else:
            self.data, self.status = byte, self.status | RXNE

    def read(self, address: int, size: int) -> int:
        offset = address & 0x3FF
        if offset == 0:
            self._seen = True
            return self.status
        if offset == 4:
            self.status &= ~(RXNE | (ORE if self._seen else 0))
            self._seen = False
            return self.data
        return self.registers.get(offset, 0)

    def write(self, address: int, size: int, value: int) -> None:
        if address & 0x3FF == 4:
            self.sent.append(value & 0xFF)
        else:
            self.registers[address & 0x3FF] = value
