#!/bin/bash
#
# Copyright (C) Keepers
#
# The one door to building, running and testing.  Each step is a script in
# tools/; this file only finds it.

set -eu

cd "$(dirname "$0")"

usage()
{
    cat <<END
usage: ./build.sh STEP [ARGUMENTS]

  deps [run|test|bench|fuzz]  install the Debian packages of a step (run)
  build                       build/ngx_http_keepers_module.so and
                              build/keepers-writer; NGINX_SRC=DIR builds the
                              module against that source tree, CC=clang works
  run                         the whole platform in the foreground, with a demo
                              business: KEEPERS_PORT (8080), KEEPERS_DIR
                              (build/run), KEEPERS_LIMITS=off
  test [--sanitize] [FILES]   the test suite, or the named files of t/
  soak [RELOADS]              reloads under load (1000)
  durable [KILLS [CUTS [REDIS]]]
                              signups while the writer is killed (100 times),
                              its power cut (20) and Redis killed (20)
  timing [SAMPLES]            whether the time of a sign-in says that there is
                              such an account (5000 of each kind)
  flood [ROUNDS]              what 2000 sign-ins a second do to others (4)
  mutants [PATTERN...]        tries faults that the tests must notice, all or
                              those that match
  bench [ARGUMENTS]           benchmarks
  fuzz [TARGET [SECONDS]]     fuzz one target, or each, for 60 seconds
  clean                       remove build/
END
}

step=${1:-help}
[ $# -eq 0 ] || shift

case $step in
deps)               exec tools/deps.sh "$@" ;;
build)              exec tools/build.sh "$@" ;;
run)                exec tools/run.sh "$@" ;;
test)               exec tools/test.sh "$@" ;;
soak)               exec tools/soak.sh "$@" ;;
durable)            exec tools/durable.sh "$@" ;;
timing)             exec tools/timing.sh "$@" ;;
flood)              exec tools/flood.sh "$@" ;;
mutants)            exec tools/mutants.sh "$@" ;;
bench)              exec tools/bench.sh "$@" ;;
fuzz)               exec tools/fuzz.sh "$@" ;;
clean)              exec tools/clean.sh "$@" ;;
help | -h | --help) usage ;;
*)                  usage >&2; exit 2 ;;
esac
