#!/bin/bash
#
# Copyright (C) Keepers
#
# Whether the time of a sign-in says that there is an account; see t/timing.pl.
#
#     tools/timing.sh [SAMPLES]

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=timing
. tools/lib.sh

tools/deps.sh test
tools/build.sh

exec perl t/timing.pl "$@"
