#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes .venv with Myna in it and installs the system packages a build needs, where that is
# permitted. Usage: setup.sh STAMP (a file to create when nothing is missing).
set -eu
cd "$(dirname "$0")/.."
stamp=$1

has() { command -v "$1" >/dev/null 2>&1; }

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if has $candidate && $candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo $candidate
            return
        fi
    done
}

missing_packages() {
    [ -n "$(find_python)" ] || echo python3
    { [ -n "$(find_python)" ] && $(find_python) -c 'import ensurepip, venv' 2>/dev/null; } ||
        echo python3-venv
    echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || echo gcc libc6-dev
    has arm-none-eabi-gcc || echo gcc-arm-none-eabi
    case "$(arm-none-eabi-gcc -print-file-name=nano.specs 2>/dev/null)" in
        /*) ;;
        *) echo libnewlib-arm-none-eabi ;;
    esac
    has qemu-system-arm || echo qemu-system-arm
    has setpriv && has taskset || echo util-linux
}

install_packages() {
    if [ "$(id -u)" -eq 0 ]; then as_root=; else as_root='sudo -n'; fi
    has apt-get && $as_root true 2>/dev/null || return 0
    $as_root apt-get update -q || true
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $1 ||
        true
}

packages=$(missing_packages | tr '\n' ' ')
if [ -n "$packages" ]; then
    install_packages "$packages"
    packages=$(missing_packages | tr '\n' ' ')
fi

python=$(find_python)
if [ -z "$python" ]; then
    echo "setup: Python 3.11 or newer is needed." >&2
    exit 1
fi
.venv/bin/python -c 'import pip' 2>/dev/null || $python -m venv --clear .venv

pip_install() { .venv/bin/python -m pip install --disable-pip-version-check -q -e "$1"; }
complete=yes
if ! pip_install '.[train,test,speech]'; then
    complete=no
    echo "setup: TensorFlow could not be installed: everything but pretraining will work." >&2
    pip_install '.[test,speech]'
fi
.venv/bin/python -c 'from myna.device.pio import prepare; prepare()'

if [ -n "$packages" ]; then
    complete=no
    echo "setup: these system packages are missing: $packages" >&2
    echo "setup:   apt-get install --no-install-recommends $packages" >&2
    echo "setup: without a cross-compiler and QEMU everything runs on the host board instead." >&2
fi
[ $complete = no ] || touch "$stamp"
