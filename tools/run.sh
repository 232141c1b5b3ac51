#!/bin/bash
#
# Copyright (C) Keepers
#
# The whole platform in the foreground: a private Redis, the writer and nginx,
# with a demo business.  Ctrl-C or SIGTERM ends all of it.
#
# KEEPERS_PORT (8080) and KEEPERS_DIR (build/run) choose port and state folder;
# KEEPERS_LIMITS=off starts without rate limits.  When everything answers,
# $KEEPERS_DIR/demo.env says where everything is.
#
# Each part is the leader of a process group of its own, so that Ctrl-C in the
# terminal reaches only this script, which then stops the parts in order; and
# what a part leaves behind (the workers of a killed nginx) can be found.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=run
. tools/lib.sh

umask 077

port=${KEEPERS_PORT:-8080}
dir=${KEEPERS_DIR:-build/run}
redis=${KEEPERS_REDIS:-redis-server}
nginx=${KEEPERS_NGINX:-/usr/sbin/nginx}
writer=${KEEPERS_WRITER:-build/keepers-writer}

declare -A pid=([redis]="" [writer]="" [nginx]="")
declare -A since=()
orphans=""
stopping=""
complete=""


# When a process was started, empty if it has ended.  Process ids are reused:
# one is ours if it is the one that was started then.
started()
{
    sed -n 's/.*) \([^Z]\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}


port_taken()
{
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}


# Until a condition holds: until_true TENTHS COMMAND...
until_true()
{
    local left=$1

    shift

    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] && [ -z "$stopping" ] || return 1
        sleep 0.1
    done
}


start()
{
    local part=$1

    case $part in
    redis)  set -- "$redis" "$dir/conf/redis.conf" ;;
    writer) set -- "$writer" --config "$dir/conf/writer.ini" ;;
    nginx)  set -- "$nginx" -p "$dir/nginx" -e "$dir/logs/error.log" \
                   -c "$dir/conf/nginx.conf" ;;
    esac

    # --pdeathsig: even if this script is killed outright, the parts end
    setpriv --pdeathsig TERM setsid "$@" </dev/null \
        >>"$dir/logs/$part.log" 2>&1 9>&- &

    pid[$part]=$!
    since[$part]=$(date +%s%N)
    echo "${pid[$part]} $(started "${pid[$part]}")" >"$dir/pids/$part"
}


# Who has ended and waits to be collected by init is no longer there.
group_alive()
{
    local stat state parent group

    kill -0 -- "-$1" 2>/dev/null || return 1

    for stat in /proc/[0-9]*/stat; do
        { read -r stat <"$stat"; } 2>/dev/null || continue
        read -r state parent group _ <<<"${stat##*) }"
        [ "$group" != "$1" ] || [ "$state" = Z ] || return 0
    done

    return 1
}


group_gone()
{
    ! group_alive "$1"
}


# What a crashed earlier run left in this folder, and only that.
end_leftovers()
{
    local part id time

    for part in nginx writer redis; do
        [ -s "$dir/pids/$part" ] || continue
        read -r id time <"$dir/pids/$part"

        if [ -n "$time" ] && [ "$(started "$id")" = "$time" ]; then
            say "ending $part $id of an earlier run"
            kill -TERM -- "-$id" 2>/dev/null || true
            until_true 50 group_gone "$id" || kill -KILL -- "-$id" || true
        fi
    done

    rm -f "$dir"/pids/* "$dir/demo.env"
}


stop()
{
    local part=$1 signal=$2 tenths=$3 id=${pid[$1]}

    [ -n "$id" ] || return 0

    kill "-$signal" "$id" 2>/dev/null || true

    if ! until_true "$tenths" group_gone "$id"; then
        say "$part did not end in $((tenths / 10)) s, killed"
    fi

    kill -KILL -- "-$id" 2>/dev/null || true
    rm -f "$dir/pids/$part"
    pid[$part]=""
}


stop_all()
{
    local id

    trap '' INT TERM HUP
    stopping=""                 # until_true waits again

    rm -f "$dir/demo.env"

    # nginx first: requests under way end with Redis and writer still there
    stop nginx QUIT 30
    stop writer TERM 100
    stop redis TERM 100

    for id in $orphans; do
        kill -KILL -- "-$id" 2>/dev/null || true
    done

    rm -f "$dir/run.pid" "$sockets"/*.sock "$dir/nginx/nginx.pid"
    [ "$sockets" = "$dir/run" ] || rm -rf "$sockets"
}


write_env()
{
    [ -n "$complete" ] || return 0

    {
        cat "$dir/setup.env"
        echo "NGINX_PID=${pid[nginx]}"
        echo "REDIS_PID=${pid[redis]}"
        echo "WRITER_PID=${pid[writer]}"
    } >"$dir/demo.env.new"

    mv "$dir/demo.env.new" "$dir/demo.env"
}


# The status of a GET, with what is on every Debian.
status_of()
{
    local line=""

    { exec 8<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 0
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$1" >&8
    read -r -t 5 _ line <&8 || true
    exec 8>&-
    echo "${line%% *}"
}


redis_answers()
{
    [ "$(REDISCLI_AUTH=$REDIS_ADMIN_PASSWORD redis-cli --user admin \
         -s "$REDIS_SOCKET" ping 2>/dev/null)" = PONG ]
}


everything_answers()
{
    alive || return 0           # the caller looks again

    [ "$(status_of /readyz)" = 200 ] \
        && [ "$(status_of "${LINK_URL#"$URL"}")" = 200 ] \
        && [ "$(status_of "${LINK2_URL#"$URL"}")" = 200 ]
}


alive()
{
    local part

    for part in redis writer nginx; do
        [ -z "${pid[$part]}" ] || kill -0 "${pid[$part]}" 2>/dev/null \
            || return 1
    done
}


# Before everything has answered once, a part that dies is not started again:
# something is wrong with this machine or with us, and the reason is in a log.
give_up()
{
    local part

    [ -n "$stopping" ] || say "$1" >&2

    for part in redis writer nginx; do
        if [ -z "$stopping" ] && [ -n "${pid[$part]}" ] \
            && ! kill -0 "${pid[$part]}" 2>/dev/null
        then
            say "$part ended; its log says:" >&2
            tail -n 5 "$dir/logs/$part.log" >&2 || true
            [ "$part" != nginx ] || tail -n 5 "$dir/logs/error.log" >&2
        fi
    done

    [ -z "$stopping" ] || { stop_all; exit 0; }
    stop_all
    exit 1
}


# A part died: say so, make room for it, start it again.
again()
{
    local part=$1 id=${pid[$1]} code=0 reason

    wait "$id" 2>/dev/null || code=$?
    reason="exited with $code"
    [ "$code" -le 128 ] || reason="killed by signal $((code - 128))"

    # the workers of a dead nginx finish what they have, and free the port
    if group_alive "$id"; then
        kill -QUIT -- "-$id" 2>/dev/null || true
        orphans="$orphans $id"
        [ "$part" != nginx ] || until_true 3 port_free || true
    fi

    start "$part"
    write_env
    say "$part $id $reason; started again as ${pid[$part]}"
}


port_free()
{
    ! port_taken
}


# Old workers that have gone are no longer ours to kill.
forget_orphans()
{
    local id left=""

    for id in $orphans; do
        ! group_alive "$id" || left="$left $id"
    done

    orphans=$left
}


# A part that ends as soon as it is started is no busy loop.
rested()
{
    [ $(($(date +%s%N) - since[$1])) -gt 500000000 ]
}


# A tick by a pipe that nobody writes to: "wait -n" would miss a part that
# dies while another one is started again, "sleep" would be a process a tick.
supervise()
{
    local part

    exec 7<> <(:)

    while [ -z "$stopping" ]; do
        read -r -t 0.1 -u 7 _ || true

        for part in redis writer nginx; do
            [ -n "$stopping" ] || kill -0 "${pid[$part]}" 2>/dev/null \
                || ! rested "$part" || again "$part"
        done

        [ -z "$orphans" ] || forget_orphans
    done
}


case $port in
'' | *[!0-9]*) die "KEEPERS_PORT is not a port: \"$port\"" ;;
esac

tools/deps.sh run

if [ -z "${KEEPERS_MODULE:-}" ] || [ -z "${KEEPERS_WRITER:-}" ]; then
    tools/build.sh
fi

mkdir -p "$dir/pids" "$dir/logs"
dir=$(realpath "$dir")

exec 9>"$dir/lock"
flock -n 9 || die "another run uses $dir, process" \
                  "$(cat "$dir/run.pid" 2>/dev/null || echo unknown)"

trap 'stopping=yes' INT TERM HUP

end_leftovers
! port_taken || die "port $port is taken: KEEPERS_PORT=N chooses another"

# The kernel takes 107 bytes for the path of a socket.
sockets=$dir/run
[ ${#sockets} -le 90 ] || sockets=$(mktemp -d /tmp/keepers-run-XXXXXX)

echo $$ >"$dir/run.pid"
rm -f "$sockets"/*.sock

tools/demo-setup.sh "$dir" "$port" "$sockets" || give_up "setup failed"
. "$dir/setup.env"

say "starting Redis, writer and nginx in $dir"

start redis
until_true 100 redis_answers || give_up "Redis does not answer"
start writer
until_true 100 [ -S "$WRITER_SOCKET" ] || give_up "the writer does not answer"
start nginx
until_true 150 everything_answers || give_up "nginx does not answer"
alive && [ -z "$stopping" ] || give_up "not everything came up"

complete=yes
write_env

cat <<END

  a customer   $LINK_URL
  another link $LINK2_URL   (asks for a phone number)
  the owner    $URL/dashboard/
               $OWNER_EMAIL
               $OWNER_PASSWORD

  mails to the owner are put into $MAIL

  addresses, sockets, process ids and logs: $dir/demo.env
  Ctrl-C ends everything; the data stay in $dir

END

# where bash says "Killed" in its own words
supervise 2>>"$dir/logs/run.log"
say "stopping"
stop_all
