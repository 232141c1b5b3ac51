#!/bin/bash
#
# Copyright (C) Keepers
#
# Builds nginx, the module and the writer with AddressSanitizer and
# UndefinedBehaviorSanitizer into build/asan/; ./build.sh test --sanitize runs
# the suite with them.  nginx is built once and kept in the cache, with
# NGX_DEBUG_PALLOC, which makes every piece of a pool an allocation of its own,
# so that an overrun inside a pool is seen too.
#
# The sanitizers of gcc only: those of clang want the program, not the module,
# to bring their run time.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=sanitize
export CC=gcc
. tools/lib.sh

tools/deps.sh build

sanitize="-O1 -fsanitize=address,undefined -fno-omit-frame-pointer"
nginx_flags="-g $sanitize -DNGX_DEBUG_PALLOC=1"

src=$(tools/nginx-source.sh)
made=$(dirname "$src")/asan


build_nginx()
{
    local dir=$made/tree

    rm -rf "$made"
    mkdir -p "$made"
    cp -r "$src" "$dir"
    . /usr/share/nginx/src/conf_flags

    say "configuring nginx with sanitizers"
    (cd "$dir" && quietly "$made/configure.log" \
        ./configure "${NGX_CONF_FLAGS[@]}" --with-http_sub_module \
            --with-http_addition_module --with-cc-opt="$nginx_flags" \
            --with-ld-opt="$sanitize")

    # nginx's own code under sanitizers gives gcc wrong ideas of what may be
    # uninitialized; that is not ours to judge
    sed -i 's/^CFLAGS = .*/& -Wno-error/' "$dir/objs/Makefile"

    say "compiling nginx with sanitizers, about two minutes"
    quietly "$made/make.log" make -C "$dir" -j "$(nproc)" -f objs/Makefile \
        binary

    mv "$dir/objs/nginx" "$made/nginx"
    rm -rf "$dir"
}


[ -x "$made/nginx" ] || build_nginx

mkdir -p build/asan
ln -sfn "$made/nginx" build/asan/nginx

KEEPERS_OUT=build/asan KEEPERS_HARDENING="" KEEPERS_WHOLE="" \
NGINX_SRC=$src \
CFLAGS=$nginx_flags LDFLAGS=$sanitize \
NGINX_CONFIGURE="$(. /usr/share/nginx/src/conf_flags
                   echo "${NGX_CONF_FLAGS[@]}")" \
    tools/build.sh
