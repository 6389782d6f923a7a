#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: the board file's maximum_ram_size is a limit like maximum_size: a program that does not
#   fit fails `pio run`.
# Happens: too much flash is an error. Too much RAM is a line that begins "Warning!"; the build
#   ends with [SUCCESS] and exit status 0, here at 4883 % of the RAM.
# Software: platformio 6.2.0, SCons 4.11.1; size and gcc of the host stand in for a chip's. The
#   documentation of boards lists both limits side by side.
# Why it matters: a network's arena is RAM. A CI job on `pio run` is green for an arena fifty
#   times the chip; a linker script that gives the emulator's RAM finds nothing either.
set -eu
command -v gcc >/dev/null || { echo "needs gcc: apt-get install gcc" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'platformio==6.2.0' 'SCons==4.11.1'
cd "$work"
export PLATFORMIO_CORE_DIR="$work/core" PLATFORMIO_SETTING_ENABLE_TELEMETRY=no
export PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL=36500
mkdir -p platform/boards platform/builder src core/packages/tool-scons

# A platform of one board with 20 KB of RAM and 64 KB of flash, built by the host's compiler.
cat >platform/platform.json <<'J'
{"name": "bare", "version": "0.1.0", "title": "bare", "description": "one board",
 "engines": {"platformio": "^6"}, "packages": {}}
J
cat >platform/boards/small.json <<'J'
{"name": "small", "vendor": "none", "url": "https://example.com", "build": {},
 "upload": {"maximum_ram_size": 20480, "maximum_size": 65536}}
J
cat >platform/platform.py <<'P'
from platformio.platform.base import PlatformBase
class BarePlatform(PlatformBase):
    pass
P
cat >platform/builder/main.py <<'P'
from SCons.Script import Default, DefaultEnvironment
env = DefaultEnvironment()
env.Replace(PROGNAME="firmware", SIZETOOL="size", SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
            SIZEPROGREGEXP=r"^\.(?:text|rodata|data)\s+(\d+)", SIZEDATAREGEXP=r"^\.(?:data|bss)\s+(\d+)")
Default([env.BuildProgram()])
P
printf '[env:small]\nplatform = symlink://%s\nboard = small\nlib_ldf_mode = off\n' "$work/platform" >platformio.ini
# PlatformIO's own SCons package, made from the one that pip installed.
venv/bin/python - <<'P'
import json
from platformio.dependencies import get_core_dependencies
folder, version = "core/packages/tool-scons/", get_core_dependencies()["tool-scons"].lstrip("~^=")
spec = {"owner": "platformio", "id": None, "name": "tool-scons", "requirements": None, "uri": None}
json.dump({"name": "tool-scons", "version": version}, open(folder + "package.json", "w"))
json.dump({"type": "tool", "name": "tool-scons", "version": version, "spec": spec}, open(folder + ".piopm", "w"))
open(folder + "scons.py", "w").write("import SCons.Script.Main\nSCons.Script.Main.main()\n")
P

build() { # C source; sets status, leaves the output in log
    echo "$1" >src/main.c
    status=0
    timeout 300 venv/bin/pio run >log 2>&1 || status=$?
    grep -E '^(RAM|Flash|Warning!|Error:)|\[(SUCCESS|FAILED)\]' log
    echo "exit status $status"
}
changed() { echo "changed: $1" >&2; exit 1; }
venv/bin/pio --version
echo '-- 1 MB of constants in 64 KB of flash'
build 'const char model[1000000] = {1}; int main(int n, char **v) { return model[n]; }'
[ $status -ne 0 ] || changed 'too much flash no longer fails the build'
echo '-- 1 MB of arena in 20 KB of RAM'
build 'char arena[1000000]; int main(int n, char **v) { return arena[n]; }'
[ $status -eq 0 ] || changed 'too much RAM now fails the build'
grep -q 'Warning! The data size (1000.*greater than maximum allowed (20480' log || changed 'no warning about the RAM'
