#!/bin/bash
#
# Copyright (C) Keepers
#
# Installs what a step needs, from Debian, and nothing when all is there.
#
#     tools/deps.sh [build|run|test|bench|fuzz]
#
# A name "package:command" is also satisfied by the command, whoever installed
# it: Node.js often comes from elsewhere.

set -eu

# The module: Debian's nginx with its headers, a compiler, the libraries.
module="nginx nginx-dev build-essential pkgconf:pkg-config libhiredis-dev
        libsodium-dev libyajl-dev libunistring-dev libidn2-dev"

# The writer, and what ./build.sh run starts beside it.
writer="libevent-dev libsqlite3-dev libphonenumber-dev libqrcodegen-dev
        libinih-dev libssl-dev liboath-dev libcurl4-openssl-dev"
run="redis-server:redis-server sqlite3:sqlite3"

# The tests: clients, unit tests, sanitizers, a browser, databases.
test="libmojolicious-perl libcmocka-dev clang:clang libclang-rt-dev
      chromium:chromium nodejs:node npm:npm curl:curl strace:strace
      python3:python3 oathtool:oathtool postgresql libdbd-pg-perl
      libdbd-sqlite3-perl python3-aiosmtpd libcryptx-perl"

# The benchmarks, with the two Lua modules that ours is compared to.
bench="wrk:wrk valgrind:valgrind nghttp2-client:h2load
       libnginx-mod-http-lua lua-nginx-redis lua-cjson
       nodejs:node npm:npm"

case ${1:-run} in
build) wanted="$module $writer" ;;
run)   wanted="$module $writer $run" ;;
test)  wanted="$module $writer $run $test" ;;
bench) wanted="$module $writer $run $bench" ;;
fuzz)  wanted="$module clang:clang libclang-rt-dev" ;;
*)     echo "deps: unknown step \"$1\"" >&2; exit 2 ;;
esac


missing()
{
    local item package command have

    have=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null \
             | sed -n 's/^ii *//p' | tr '\n' ' ')"

    for item in $wanted; do
        package=${item%%:*}
        command=${item#"$package"}
        command=${command#:}

        case $have in
        *" $package "*) continue ;;
        esac

        [ -n "$command" ] && command -v "$command" >/dev/null && continue

        echo "$package"
    done
}


# A package that brings a service would start it at once.  The demo and the
# tests have servers of their own, so that must not happen; a service that was
# here before is not asked about and keeps running.  Debian's hook for this is
# policy-rc.d: ours names just the newcomers, and goes away afterwards.
hold_services()
{
    local services="" package

    for package in "$@"; do
        case $package in
        nginx | redis-server | postgresql) services="$services|$package" ;;
        esac
    done

    if [ -z "$services" ] || [ -e /usr/sbin/policy-rc.d ]; then
        return
    fi

    echo "deps: ${services#|} will not be started now (policy-rc.d, until" \
         "this has ended); Debian enables it for the next boot"

    printf '#!/bin/sh\ncase $1 in\n%s) exit 101 ;;\nesac\nexit 0\n' \
           "${services#|}" | $root tee /usr/sbin/policy-rc.d >/dev/null
    $root chmod 755 /usr/sbin/policy-rc.d

    trap '$root rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}


packages=$(missing | tr '\n' ' ')

[ -n "${packages% }" ] || exit 0

root=

if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: as root, run: apt-get install $packages" >&2
        exit 1
    fi

    root=sudo
fi

echo "deps: installing from Debian: $packages"

# shellcheck disable=SC2086
hold_services $packages

export DEBIAN_FRONTEND=noninteractive

# The lists may be absent or older than what the mirror still has.
# shellcheck disable=SC2086
$root apt-get -qq update
# shellcheck disable=SC2086
$root apt-get -qq install --no-install-recommends -o Dpkg::Use-Pty=0 \
    $packages </dev/null

echo "deps: done"
