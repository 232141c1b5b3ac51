#!/bin/bash
#
# Copyright (C) Keepers
#
# A thousand reloads under load; see t/soak.pl.
#
#     tools/soak.sh [RELOADS]

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=soak
. tools/lib.sh

tools/deps.sh test
tools/build.sh

exec perl t/soak.pl "$@"
