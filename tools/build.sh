#!/bin/bash
#
# Copyright (C) Keepers
#
# Builds build/ngx_http_keepers_module.so and build/keepers-writer.
#
#     tools/build.sh [--module | --writer]
#
# NGINX_SRC=DIR builds the module against that nginx source tree instead of
# the one of Debian's nginx-dev; NGINX_CONFIGURE="..." adds arguments to its
# configure.  CC chooses the compiler, CFLAGS adds to its flags.  KEEPERS_OUT
# is the folder of the results (build).  Neither source tree is written to.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=build
. tools/lib.sh

tools/deps.sh build

out=${KEEPERS_OUT:-build}
what=${1:-all}
jobs=$(nproc)

mkdir -p "$out/obj"

# one build at a time in a folder
exec 9>"$out/obj/lock"
flock 9


# nginx's configure writes into the folder it is started in and finds its
# sources relative to it: a folder of links keeps the real tree clean.
shadow()
{
    local src=$1 dir=$2 entry

    mkdir -p "$dir"

    for entry in auto src configure conf contrib docs html man; do
        [ ! -e "$src/$entry" ] || ln -sfn "$src/$entry" "$dir/$entry"
    done
}


configure_nginx()
{
    local dir=$1 configure=configure

    shift

    [ -x "$dir/configure" ] || configure=auto/configure

    say "configuring nginx for $CC"
    (cd "$dir" && quietly configure.log "./$configure" "$@")

    # Not by --with-cc-opt: configure's own probes do not compile under them.
    # Only our files are compiled here, so nginx's are not affected.
    sed -i "s/^CFLAGS = .*/& $(echo $KEEPERS_WARNINGS) -Wno-unused-parameter/" \
        "$dir/objs/Makefile"
}


build_module()
{
    local src dir key stamp flags exports made

    src=${NGINX_SRC:-/usr/share/nginx/src}
    src=$(cd "$src" && pwd) || die "no nginx source tree in \"$src\""

    [ -f "$src/src/core/nginx.h" ] \
        || die "\"$src\" is not an nginx source tree"

    # A binary module is accepted by an nginx of the same version that was
    # built with the same features; --with-compat evens the features out.
    NGX_CONF_FLAGS=(--with-compat --with-debug --with-threads
                    --with-http_ssl_module --with-http_v2_module)

    if [ -z "${NGINX_SRC:-}" ]; then
        # sets NGX_CONF_FLAGS to what Debian's nginx was configured with
        . /usr/share/nginx/src/conf_flags
    fi

    flags=$(echo -g $KEEPERS_HARDENING $KEEPERS_WHOLE ${CFLAGS:-})
    exports=-Wl,--version-script=$KEEPERS_ROOT/tools/module.map

    # shellcheck disable=SC2206
    set -- "${NGX_CONF_FLAGS[@]}" --builddir=objs --with-cc="$CC" \
           --with-cc-opt="$flags" \
           --with-ld-opt="$flags $exports -Wl,-z,relro -Wl,-z,now ${LDFLAGS:-}" \
           ${NGINX_CONFIGURE:-} --add-dynamic-module="$KEEPERS_ROOT"

    key=$(echo "$src" | cksum | cut -d' ' -f1)
    dir=$out/obj/nginx-$key-$KEEPERS_CC_NAME
    stamp=$(printf '%s\n' "$@" $KEEPERS_WARNINGS \
            | cat - config tools/module.map "$src/src/core/nginx.h" | cksum)

    if [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "$dir"
        shadow "$src" "$dir"
        configure_nginx "$dir" "$@"
        echo "$stamp" >"$dir/stamp"
    fi

    made=$dir/objs/ngx_http_keepers_module.so

    # -q tells whether there is anything to do, so that silence means nothing
    if ! make -C "$dir" -q -f objs/Makefile modules >/dev/null 2>&1; then
        say "compiling the module with $CC"
        make -C "$dir" -s -j "$jobs" -f objs/Makefile modules
    fi

    if ! cmp -s "$made" "$out/ngx_http_keepers_module.so"; then
        # a running nginx has the old file mapped: replace it, do not write it
        cp "$made" "$out/ngx_http_keepers_module.so.new"
        mv "$out/ngx_http_keepers_module.so.new" \
           "$out/ngx_http_keepers_module.so"
    fi

    [ -n "${NGINX_SRC:-}${KEEPERS_OUT:-}" ] || check_load
}


# Debian's nginx takes the module or says why not.  The three causes are
# another version, other features, a library that is not there.
check_load()
{
    local nginx=${KEEPERS_NGINX:-/usr/sbin/nginx} module conf

    module=$KEEPERS_ROOT/$out/ngx_http_keepers_module.so
    conf=$KEEPERS_ROOT/$out/obj/load.conf

    [ -x "$nginx" ] || return 0

    printf 'load_module %s;\npid %s;\nerror_log stderr;\nevents { }\n' \
           "$module" "$conf.pid" >"$conf"

    if ! "$nginx" -t -q -c "$conf" 2>"$conf.log"; then
        cat "$conf.log" >&2
        echo "signature of $nginx: $(signature "$nginx")" >&2
        echo "signature of the module: $(signature "$module")" >&2
        die "$nginx does not load the module:" \
            "build it against the source of that nginx, NGINX_SRC=DIR," \
            "with --with-compat"
    fi
}


signature()
{
    grep -aoE '[48],[48],[48],[01]{30,40}' "$1" | head -1
}


build_writer()
{
    make -s -j "$jobs" -f tools/writer.mk OUT="$out" CC="$CC" \
         WARNINGS="$(echo $KEEPERS_WARNINGS)" \
         HARDENING="$(echo $KEEPERS_HARDENING)" CFLAGS="${CFLAGS:-}" \
         LDFLAGS="${LDFLAGS:-}"
}


case $what in
--module) build_module ;;
--writer) build_writer ;;
all)      build_module; build_writer ;;
*)        die "unknown argument \"$what\"" ;;
esac

say "ready: $(cd "$out" && ls ngx_http_keepers_module.so keepers-writer \
              2>/dev/null | sed "s,^,$out/," | tr '\n' ' ')"
