#
# Copyright (C) Keepers
#
# What the scripts in tools/ share; sourced, with the root as working folder.

KEEPERS_ROOT=$PWD
CC=${CC:-gcc}

# A compiler's name as part of a folder's name.
KEEPERS_CC_NAME=$(basename "${CC%% *}")

# Every source file of ours, in the module, the writer and the tests.
KEEPERS_WARNINGS="-Wall -Wextra -Werror -Wstrict-prototypes
    -Wmissing-prototypes -Wvla"

# What Debian builds its own daemons with.  The sanitizers replace it.
KEEPERS_HARDENING=${KEEPERS_HARDENING-"-O2 -fstack-protector-strong
    -D_FORTIFY_SOURCE=2"}

# The module is small files that call one another for each request: gcc may
# see all of them at once, and may make of a call what it does: -O3 takes 1,800
# instructions off a signup.  Clang would need a linker that Debian's is not.
case $KEEPERS_CC_NAME in
gcc*) KEEPERS_WHOLE=${KEEPERS_WHOLE-"-flto=auto -O3"} ;;
*)    KEEPERS_WHOLE="" ;;
esac


say()
{
    echo "$KEEPERS_STEP: $*"
}


die()
{
    echo "$KEEPERS_STEP: $*" >&2
    exit 1
}


# Runs a command whose output is of interest only when it fails.
quietly()
{
    local log=$1

    shift

    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        return 1
    fi
}


# What takes long to make and does not depend on our files: ./build.sh clean
# leaves it alone.
KEEPERS_CACHE=${KEEPERS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/keepers}
