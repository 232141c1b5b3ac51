#!/bin/bash
#
# Copyright (C) Keepers
#
# Compares the session check, or rate limits, with a bare answer, with nginx's
# own and with Lua, or signups with what else could take them, and says whether
# their targets are met; docs/performance.md explains the figures.
#
#     tools/bench.sh [--suite sessions | paired | stopped | limits | pages |
#                    signup] [--quick] [--check] [--only CASE,...]
#                    [--no-load] [--no-count]
#
# --check fails when a target is missed.  The cases stand in bench/SUITE.pl.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=bench
. tools/lib.sh

out=${KEEPERS_OUT:-build}
core=ngx_keepers_module/core

mkdir -p "$out/bench"


# What signups are compared to comes from npm, once; its SQLite is compiled
# here if there is no binary for this machine.
signup()
{
    local objects peer=$out/bench/peer

    tools/build.sh

    objects=$(ls "$out/obj/writer-$KEEPERS_CC_NAME"/writer/*.o \
                 "$out/obj/writer-$KEEPERS_CC_NAME"/ngx_keepers_module/core/*.o \
              | grep -v '/writer_main\.o$')

    # shellcheck disable=SC2046,SC2086
    $CC -O2 -g $KEEPERS_WARNINGS -D_GNU_SOURCE -pthread -Ingx_keepers_module \
        -I. -o "$out/bench/parts" bench/signup/parts.c $objects \
        $(sed 's/#.*//' writer/libs.txt)

    # shellcheck disable=SC2086
    $CC -O2 -g $KEEPERS_WARNINGS -o "$out/bench/null" bench/signup/null.c \
        -levent

    mkdir -p "$peer"

    if ! cmp -s bench/signup/package.json "$peer/package.json"; then
        say "fetching fastify, better-sqlite3, ioredis and libphonenumber-js"
        cp bench/signup/package.json "$peer/package.json.new"
        mv "$peer/package.json.new" "$peer/package.json"
        quietly "$out/bench/npm.log" npm install --prefix "$peer" --no-audit \
            --no-fund \
            || { rm -f "$peer/package.json"; die "npm failed"; }
    fi

    exec perl bench/signup.pl --writer "$(realpath "$out/keepers-writer")" \
        --parts "$(realpath "$out/bench/parts")" \
        --null "$(realpath "$out/bench/null")" \
        --peer "$(realpath "$peer")" --dir "$out/bench" "$@"
}


tools/deps.sh bench

if [ "${1:-}" = --suite ] && [ "${2:-}" = signup ]; then
    shift 2
    signup "$@"
fi

tools/build.sh --module

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
