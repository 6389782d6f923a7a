#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: env.MergeFlags("-mcpu=cortex-m4 -mthumb") in SCons (and build_flags in PlatformIO, which
#   is parsed by it) builds a program for the Cortex-M4, or the link fails.
# Happens: SCons files these flags under CCFLAGS only. The linker gets no CPU and takes the compiler's
#   default C library, which is in ARM state. It links without a word; memset and memcpy are ARM
#   code, which no Cortex-M can execute. The image's attributes still say v7E-M, so a check of
#   `readelf -A` for the CPU passes. -pthread and -fopenmp, by contrast, are filed under both.
# Software: SCons 4.11.1, Debian's arm-none-eabi GCC 12.2.1. PlatformIO users know that FPU flags
#   must be repeated for the linker (that fails loudly); the silent case was not found described.
# Why it matters: it faults at the first memset of more than a few bytes: clearing the arena.
set -eu
command -v arm-none-eabi-gcc >/dev/null ||
    { echo "needs arm-none-eabi-gcc: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'SCons==4.11.1'
cd "$work"
cat >main.c <<'C'
#include <string.h>
char arena[4096];
int used;
void _start(void) { memset(arena, used, sizeof arena); }
C
cat >SConstruct <<'S'
import os
import SCons

link = ["-nostartfiles"] + (["-mcpu=cortex-m4", "-mthumb"] if ARGUMENTS.get("repeat") else [])
env = Environment(CC="arm-none-eabi-gcc", LINK="arm-none-eabi-gcc", LINKFLAGS=link,
                  PROGSUFFIX=".elf", ENV=os.environ)
env.MergeFlags("-mcpu=cortex-m4 -mthumb -O2")
print("SCons", SCons.__version__, "CCFLAGS", env["CCFLAGS"], "LINKFLAGS", env["LINKFLAGS"])
env.Program("firmware", ["main.c"])
S
state() { # builds; leaves the state of memset in $memset: ARM or Thumb
    venv/bin/python -m SCons -Q "$@"
    address=$(arm-none-eabi-readelf -s firmware.elf | awk '$4 == "FUNC" && $8 == "memset" {print $2}')
    case $address in *[13579bdf]) memset=Thumb ;; *) memset=ARM ;; esac # bit 0 of a function's address
    arm-none-eabi-readelf -A firmware.elf | grep -E 'Tag_(CPU_name|ARM_ISA_use|THUMB_ISA_use)' || :
    echo "memset at $address: $memset state"
}
arm-none-eabi-gcc --version | head -n 1
echo '-- flags given to MergeFlags'
state
merged=$memset
echo '-- the same and repeated in LINKFLAGS'
state repeat=1
[ "$memset" = Thumb ] || { echo "changed: with the linker told, memset is not Thumb" >&2; exit 1; }
[ "$merged" = ARM ] || { echo "changed: MergeFlags alone now links Thumb code" >&2; exit 1; }
