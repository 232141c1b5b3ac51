#!/bin/bash
#
# Copyright (C) Keepers
#
# Removes what was built.  A running demo keeps its data under build/run: it is
# asked to stop first.

set -eu

cd "$(dirname "$0")/.."

if [ -f build/run/run.pid ] \
    && kill -0 "$(cat build/run/run.pid)" 2>/dev/null
then
    echo "clean: ./build.sh run is running, stop it first" >&2
    exit 1
fi

rm -rf build
