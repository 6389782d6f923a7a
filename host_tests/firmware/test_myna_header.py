# SPDX-License-Identifier: Apache-2.0
"""What an application includes: one header, in C and C++, with every function explained."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from myna import __version__
from myna.device.target import PROJECT

FIRMWARE = PROJECT / "firmware"
HEADER = FIRMWARE / "myna.h"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
# An application with a board of its own, which has flash.
APPLICATION = """
#include "boards/port.h"
#include "myna.h"
#include "server/server.h"

const char myna_port_name[] = "mine";
void myna_port_init(void) {}
size_t myna_port_read(uint8_t *, size_t) { return 0u; }
void myna_port_write(const uint8_t *, size_t) {}
void myna_port_idle(void) {}
size_t myna_port_rx_window(void) { return MYNA_PORT_RX_WINDOW; }
void myna_port_reset(void) { for (;;) {} }
void myna_port_fail(const char *) { for (;;) {} }
uint32_t myna_port_stack_size(void) { return 0u; }
uint32_t myna_port_stack_high_water(void) { return 0u; }

static uint8_t flash[8192];
static bool erase(uint32_t offset) { flash[offset] = 0xFFu; return true; }
static bool program(uint32_t offset, const uint8_t *data, uint32_t count) {
    return count > 0u && (flash[offset] = data[0]) != 0u;
}
const struct myna_nvm *myna_port_nvm(void) {
    static const struct myna_nvm nvm = {flash, sizeof flash, 4096u, 4u, erase, program};
    return &nvm;
}

bool myna_port_random(void *, size_t) { return false; }

int main(void) {
    static struct myna_audio_state sound;
    int16_t pcm[MYNA_AUDIO_HOP] = {};
    bool ready;
    myna_port_init();
    myna_server_init();
    myna_audio_reset(&sound);
    int8_t *row = myna_model.features;
    uint32_t taken = myna_audio_push(&sound, myna_model.audio, pcm, 1u, row, &ready);
    myna_model.infer(nullptr);
    return myna_server_poll() || taken > 0u ? myna_model.logits[0] : MYNA_VERSION_MAJOR;
}
"""


def included(header: Path) -> set[Path]:
    """A header and those of this repository that it includes."""
    found = re.findall(r'^#include "(.+)"', header.read_text("utf-8"), re.MULTILINE)
    return {header}.union(*(included(FIRMWARE / name) for name in found))


def test_the_version_is_the_packages() -> None:
    text = HEADER.read_text("utf-8")
    parts = re.findall(r"#define MYNA_VERSION_(MAJOR|MINOR|PATCH) (\d+)$", text, re.MULTILINE)
    assert [name for name, _ in parts] == ["MAJOR", "MINOR", "PATCH"]
    assert ".".join(number for _, number in parts) == __version__


def test_an_application_in_cpp_links_with_the_core(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing")
    source, program = tmp_path / "application.cpp", tmp_path / "application.o"
    source.write_text(APPLICATION, "utf-8")
    command = ["g++", *WARNINGS, f"-I{FIRMWARE}", "-c", str(source), "-o", str(program)]
    subprocess.run(command, check=True)
    listing = subprocess.run(["nm", "-P", str(program)], capture_output=True, text=True, check=True)
    names = {line.split()[0] for line in listing.stdout.splitlines()}
    core = {"server_init", "server_poll", "model", "audio_reset", "audio_push"}
    board = set(re.findall(r"\bmyna_port_\w+(?=\(|\[)", APPLICATION))
    assert {f"myna_{name}" for name in core} | board <= names


@pytest.mark.parametrize("name", sorted(str(p.relative_to(FIRMWARE)) for p in included(HEADER)))
def test_public_headers_stand_alone_and_explain_everything(name: str) -> None:
    text = (FIRMWARE / name).read_text("utf-8")
    assert 'extern "C" {' in text or name == HEADER.name  # which declares nothing itself
    command = ["gcc", "-std=c11", *WARNINGS, f"-I{FIRMWARE}", "-fsyntax-only", str(FIRMWARE / name)]
    subprocess.run(command, check=True)
    # a declaration follows its comment, or another one that the comment is of, too
    declaration = re.compile(r"(?<=\n)(?:extern|typedef|[\w (]*\w[^\n;{}#/]*\()[^;{}]*;\n")
    for found in declaration.finditer(text):
        before = text[: found.start()].rstrip("\n")
        assert before.endswith(("*/", ";")), found[0]
        assert "\n\n" not in text[len(before) : found.start()], found[0]
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    names = re.findall(r"(?:#define|struct|enum|union) (\w+)|^    ([A-Z]\w*) =", code, re.MULTILINE)
    assert all(max(pair).lower().startswith("myna_") for pair in names), names
