#!/bin/bash
#
# Copyright (C) Keepers
#
# Compiles core/ once, then each unit test or each fuzz target against it, with
# sanitizers, and prints the programs.
#
#     tools/unit.sh unit [TARGET...]    t/unit/test_*.c, cmocka
#     tools/unit.sh replay              t/fuzz/fuzz_*.c, run over files
#     tools/unit.sh fuzz [TARGET...]    t/fuzz/fuzz_*.c, libFuzzer, clang

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=unit
. tools/lib.sh

kind=$1
shift

[ "$kind" != fuzz ] || CC=clang

make -s -j "$(nproc)" -f tools/unit.mk KIND="$kind" CC="$CC" \
     OUT="${KEEPERS_OUT:-build}" WARNINGS="$(echo $KEEPERS_WARNINGS)" \
     TARGETS="$*" CFLAGS="${CFLAGS:-}" >&2

make -s -f tools/unit.mk KIND="$kind" CC="$CC" OUT="${KEEPERS_OUT:-build}" \
     TARGETS="$*" list
