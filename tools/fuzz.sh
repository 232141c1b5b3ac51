#!/bin/bash
#
# Copyright (C) Keepers
#
# Fuzzes one target, or each in turn, with libFuzzer.
#
#     tools/fuzz.sh [TARGET [SECONDS]]
#
# New inputs stay in build/fuzz/TARGET; t/fuzz/corpus/TARGET is only read.  An
# input that crashes is left in build/fuzz/: give it a name and put it there.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=fuzz
. tools/lib.sh

target=${1:-}
seconds=${2:-60}
failed=0

[ -z "$target" ] || [ -f "t/fuzz/fuzz_$target.c" ] \
    || die "no target \"$target\" in t/fuzz/"

tools/deps.sh fuzz

# two targets want nginx's headers as configured
ls -d build/obj/nginx-* >/dev/null 2>&1 || tools/build.sh

programs=$(tools/unit.sh fuzz $target)

for program in $programs; do
    name=${program##*/fuzz_}
    mkdir -p "build/fuzz/$name" "t/fuzz/corpus/$name"

    say "$name for $seconds s"
    "$program" -max_total_time="$seconds" -max_len=65536 -timeout=5 \
        -print_final_stats=0 -verbosity=0 -close_fd_mask=1 \
        -artifact_prefix="build/fuzz/$name-" "build/fuzz/$name" \
        "t/fuzz/corpus/$name" || failed=1
done

[ "$failed" -eq 0 ] || die "the input that fails is in build/fuzz/"
