#!/bin/bash
#
# Copyright (C) Keepers
#
# Prints the folder of the source of Debian's nginx, fetched if necessary:
# nginx-dev has the headers and the build scripts, not nginx itself.
#
# apt needs a deb-src line for this.  The host's lists are not altered: apt is
# given lists and sources of its own, made from the mirrors the host uses.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=nginx-source
. tools/lib.sh

version=$(dpkg-query -W -f '${source:Version}' nginx-common)
cache=$KEEPERS_CACHE/nginx-$version
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
signed=

if [ -f "$cache/complete" ]; then
    cat "$cache/complete"
    exit 0
fi

rm -rf "$cache"
mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"

[ ! -f "$keyring" ] || signed="[signed-by=$keyring] "

apt-get indextargets 'Created-By: Packages' 'Origin: Debian' \
        --format "deb-src $signed\$(SITE) \$(RELEASE) \$(COMPONENT)" \
    | sort -u >"$cache/apt/sources.list"

options=(-qq -o Dir::Etc::sourcelist="$cache/apt/sources.list"
    -o Dir::Etc::sourceparts=- -o Dir::State::lists="$cache/apt/lists"
    -o Dir::Cache="$cache/apt" -o APT::Sandbox::User="$(id -un)")


# The installed version first; when the mirror has its binaries and no longer
# or not yet its source, another one with the same upstream version.
versions()
{
    echo "$version"
    apt-cache "${options[@]}" showsrc nginx | sed -n 's/^Version: //p' \
        | grep "^${version%-*}-" | grep -vxF "$version" | sort -Vr
}


fetch()
{
    local candidate

    for candidate in $(versions); do
        say "fetching the source of nginx $candidate"

        if apt-get "${options[@]}" source "nginx=$candidate" \
            >>"$cache/apt/log" 2>&1
        then
            return 0
        fi
    done

    cat "$cache/apt/log"
    return 1
}


{
    apt-get "${options[@]}" update
    cd "$cache"
    fetch || die "no source of nginx ${version%-*} on the mirrors"
} >&2

rm -rf "$cache/apt"

for dir in "$cache"/nginx-*/; do
    if [ -f "$dir/src/core/nginx.h" ]; then
        echo "${dir%/}" | tee "$cache/complete"
        exit 0
    fi
done

die "the source package of nginx brought no nginx"
