#!/bin/bash
#
# Copyright (C) Keepers
#
# Everything that has to be green: both compilers silent, then t/.
#
#     tools/test.sh [--sanitize] [FILE.t | DIR]...
#
# --sanitize runs the same files with nginx, module and writer built with
# AddressSanitizer and UndefinedBehaviorSanitizer.  KEEPERS_JOBS (2) test files
# run at a time.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=test
. tools/lib.sh

sanitize=

if [ "${1:-}" = --sanitize ]; then
    sanitize=yes
    shift
fi

tools/deps.sh test
tools/unpack.sh prometheus fail2ban

if [ -n "$sanitize" ]; then
    tools/sanitize.sh
    export KEEPERS_NGINX=$PWD/build/asan/nginx
    export KEEPERS_MODULE=$PWD/build/asan/ngx_http_keepers_module.so
    export KEEPERS_WRITER=$PWD/build/asan/keepers-writer
else
    tools/build.sh
fi

if [ $# -eq 0 ]; then
    set -- t
    say "compiling with clang too"
    CC=clang KEEPERS_OUT=build/clang tools/build.sh
fi

exec prove -j "${KEEPERS_JOBS:-2}" --timer -r "$@"
