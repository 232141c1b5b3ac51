#!/bin/bash
#
# Copyright (C) Keepers
#
# Compares the session check, or rate limits, with a bare answer, with nginx's
# own and with Lua, and says whether their targets are met; docs/performance.md
# explains the figures.
#
#     tools/bench.sh [--suite sessions | limits | pages] [--quick] [--check] [--only CASE,...] [--no-load]
#                    [--no-count]
#
# --check fails when a target is missed.  The cases stand in bench/SUITE.pl.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=bench
. tools/lib.sh

tools/deps.sh bench
tools/build.sh --module

out=${KEEPERS_OUT:-build}
core=ngx_keepers_module/core

mkdir -p "$out/bench"

# shellcheck disable=SC2086
$CC -O2 -g $KEEPERS_WARNINGS -Ingx_keepers_module -o "$out/bench/mint" \
    bench/mint.c $core/keepers_keyring.c $core/keepers_token.c \
    $core/keepers_session.c $core/keepers_link.c $core/keepers_in.c \
    $core/keepers_out.c $core/keepers_text.c $core/keepers_text_base64.c \
    -lsodium -lunistring

# The build has left a configured nginx tree, with the settings of Debian's.
src=${NGINX_SRC:-/usr/share/nginx/src}/src
objs=$(ls -td "$out"/obj/nginx-*-"$KEEPERS_CC_NAME"/objs | head -1)

# shellcheck disable=SC2086
$CC -O2 -g -fPIC -shared $KEEPERS_WARNINGS -Wno-unused-parameter \
    -I"$src/core" -I"$src/event" -I"$src/os/unix" -I"$src/http" \
    -I"$src/http/modules" -I"$src/http/v2" -I"$objs" \
    -o "$out/bench/ngx_bench_module.so" bench/ngx_bench_module.c

exec perl bench/compare.pl --module "$out/ngx_http_keepers_module.so" \
    --ok "$out/bench/ngx_bench_module.so" --mint "$out/bench/mint" \
    --dir "$out/bench" "$@"
