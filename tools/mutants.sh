#!/bin/bash
#
# Copyright (C) Keepers
#
# Small faults in the product that the tests must notice; see t/mutants.pl.
#
#     tools/mutants.sh [PATTERN...]

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=mutants
. tools/lib.sh

tools/deps.sh test
tools/unpack.sh prometheus fail2ban

exec perl t/mutants.pl "$@"
