#!/bin/bash
#
# Copyright (C) Keepers
#
# What a flood of sign-ins does to others; see t/flood.pl.
#
#     tools/flood.sh [ROUNDS]

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=flood
. tools/lib.sh

tools/deps.sh test
tools/deps.sh bench
tools/build.sh

exec perl t/flood.pl "$@"
