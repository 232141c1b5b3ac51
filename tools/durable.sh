#!/bin/bash
#
# Copyright (C) Keepers
#
# Signups while writer, disk and Redis fail; see t/durable.pl.
#
#     tools/durable.sh [KILLS [CUTS [REDIS]]]

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=durable
. tools/lib.sh

tools/deps.sh test
tools/build.sh

exec perl t/durable.pl "$@"
