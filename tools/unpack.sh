#!/bin/bash
#
# Copyright (C) Keepers
#
# Unpacks Debian packages into build/tools/, without installing them: tools of
# the tests whose packages would bring a service, enabled for the next boot.
#
#     tools/unpack.sh PACKAGE...

set -eu

cd "$(dirname "$0")/.."

mkdir -p build/tools/debs

for package in "$@"; do
    [ -e "build/tools/$package" ] && continue

    echo "unpack: $package, from Debian, into build/tools"

    # as root, apt would warn that its own user may not write here
    (
        cd build/tools/debs

        apt-get -qq -o APT::Sandbox::User=root download "$package" || {
            root=
            [ "$(id -u)" -eq 0 ] || root=sudo
            $root apt-get -qq update
            apt-get -qq -o APT::Sandbox::User=root download "$package"
        }
    )

    for deb in "build/tools/debs/${package}"_*.deb; do
        dpkg-deb -x "$deb" build/tools
        rm "$deb"
    done

    touch "build/tools/$package"
done
