#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes targets one after the other and says how long each took. Usage: timed.sh TARGET...
# The rest is not made when one fails; what was made is listed even so.
set -u
taken=
for target in "$@"; do
    began=$(date +%s)
    ${MAKE:-make} --no-print-directory "$target"
    status=$?
    taken="$taken $target $(($(date +%s) - began))"
    [ $status -eq 0 ] || break
done
echo "seconds:$taken"
exit $status
