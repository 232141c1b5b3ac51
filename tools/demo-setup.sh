#!/bin/bash
#
# Copyright (C) Keepers
#
# Makes the state folder of a demo, or completes one that is there: keys,
# passwords, configuration of Redis, writer and nginx, a business with an owner
# and two loyalty links.  Starts nothing.  tools/run.sh and the tests use it.
#
#     tools/demo-setup.sh DIR PORT [SOCKETS]
#
# SOCKETS is the folder of the Unix sockets, DIR/run by default.  Leaves
# DIR/setup.env: the lines of demo.env that do not depend on processes.
# KEEPERS_MODULE and KEEPERS_WRITER name other binaries than those in build/,
# KEEPERS_LIMITS=off leaves the rate limits out.

set -eu

cd "$(dirname "$0")/.."

KEEPERS_STEP=setup
. tools/lib.sh

umask 077

dir=$1
port=$2
sockets=${3:-$dir/run}
module=$(realpath "${KEEPERS_MODULE:-build/ngx_http_keepers_module.so}")
writer=$(realpath "${KEEPERS_WRITER:-build/keepers-writer}")

mkdir -p "$dir"/{conf,logs,redis,data,mail} "$dir"/nginx/{body,proxy} "$sockets"
chmod 700 "$dir"


random()
{
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}


# A secret that outlives a restart, in a file of its own.
secret()
{
    [ -s "$dir/keys/$1" ] || random 24 >"$dir/keys/$1"
    cat "$dir/keys/$1"
}


# What Redis knows of a password is its digest.
digest()
{
    secret "$1" | tr -d '\n' | sha256sum | cut -d' ' -f1
}


make_keys()
{
    if [ ! -s "$dir/keys/edge.keys" ]; then
        mkdir -p "$dir/keys"
        "$writer" keygen "$dir/keys" >/dev/null
    fi
}


# Each process gets the commands it uses, on our keys alone; scripts run with
# the rights of who calls them.  "admin" is for the tests and for curiosity.
# Nobody can be "default", which is off, yet it needs its rights: in its name
# Redis repeats the transactions of the append-only file when it starts, and
# without them it would drop what scripts have written: the sessions.
redis_conf()
{
    local keys="~keepers:* &keepers:*" newer=

    # a word that an older server does not start with
    redis-server --version | grep -Eq ' v=(7\.[2-9]|[89]|[1-9][0-9])' \
        && newer=' +waitaof'

    cat >"$dir/conf/users.acl" <<END
user default off resetpass ~* &* +@all
user edge on #$(digest redis-edge.password) $keys -@all +get +mget +set +del +incr +expire +pexpire +pexpireat +pttl +zadd +zrem +zrange +zrevrange +zcard +zremrangebyrank +zremrangebyscore +evalsha +script|load +subscribe +publish +ping +auth +select +info +xadd +xlen +time$newer
user writer on #$(digest redis-writer.password) $keys -@all +set +get +del +publish +ping +info +auth +select +xgroup +xreadgroup +xack +xdel +xadd +xlen +xrange (~keepers:{*}:e -@all +incr) (%R~keepers:{*}:x -@all +zrange) (~keepers:tokens:used -@all +zrange +zrem)
user admin on #$(digest redis-admin.password) ~* &* +@all
END

    cat >"$dir/conf/redis.conf" <<END
port 0
unixsocket $sockets/redis.sock
unixsocketperm 700
aclfile $dir/conf/users.acl
daemonize no
dir $dir/redis
appendonly yes
appendfsync everysec
save ""
logfile $dir/logs/redis.log
loglevel notice
END
}


writer_conf()
{
    secret redis-writer.password >/dev/null

    cat >"$dir/conf/writer.ini" <<END
[writer]
socket=$sockets/writer.sock
keys=$dir/keys/shared.keys
key=$dir/keys/writer.key
master=$dir/keys/master.key

[store]
database=$dir/data/keepers.db

[mail]
url=http://127.0.0.1:$port
from=no-reply@example.com
folder=$dir/mail

[redis]
socket=$sockets/redis.sock
user=writer
password_file=$dir/keys/redis-writer.password
prefix=keepers:

[passkeys]
rp_id=localhost
origins=http://localhost:$port
END
}


# The files that a host includes, with the demo's folders in place of a
# host's.
nginx_conf()
{
    local file user="" limits="include  $dir/conf/keepers-limits.conf;" off=""

    [ "$(id -u)" -ne 0 ] || user="user  root;"

    if [ "${KEEPERS_LIMITS:-on}" = off ]; then
        limits="# KEEPERS_LIMITS=off"
        off='/^ *keepers_limit /d'
    fi

    for file in conf/keepers*.conf; do
        sed -e "s,/usr/share/keepers/pages/,$KEEPERS_ROOT/conf/pages/,g" \
            -e "s,/usr/share/keepers/dashboard/,$KEEPERS_ROOT/dashboard/,g" \
            -e "s,/etc/keepers/,$dir/keys/,g" \
            -e "s,/run/keepers/,$sockets/,g" -e "$off" \
            "$file" >"$dir/conf/${file#conf/}"
    done

    sed -e "s,@MODULE@,$module,g" -e "s,@DIR@,$dir,g" \
        -e "s,@PORT@,$port,g" -e "s,@USER@,$user,g" \
        -e "s,@LIMITS@,$limits,g" conf/demo.conf.in >"$dir/conf/nginx.conf"
}


# The writer's own subcommands; what they log is of interest when they fail.
writer()
{
    "$writer" --config "$dir/conf/writer.ini" "$@" 2>>"$dir/logs/setup.log" \
        || die "keepers-writer $1 $2 failed:" \
               "$(tail -n 3 "$dir/logs/setup.log")"
}


# Once: a business, its owner, two links.  The addresses are in a domain that
# never gets mail (RFC 2606).
make_business()
{
    local email password business ids

    [ ! -s "$dir/owner.env" ] || return 0

    email=owner-$(random 4)@example.com
    password=$(random 12)

    ids=$(echo "$password" | writer account add --business "Corner Coffee" \
              --email "$email" --role owner)
    business=$(echo "$ids" | sed -n 's/^business=//p')

    writer link add --business "$business" --slug corner-coffee \
        --offer "Every tenth coffee is on us" \
        --consent-email "Send me news of Corner Coffee by e-mail." \
        --country GB --locale en --color 7a3e1d >/dev/null

    writer link add --business "$business" --slug corner-coffee-club \
        --offer "Two for one on Tuesdays" --phone --name-optional \
        --consent-email standard --consent-sms standard \
        --country GB --locale en --color 1d5a7a --retention-days 730 \
        >/dev/null

    {
        echo "OWNER_EMAIL=$email"
        echo "OWNER_PASSWORD=$password"
        echo "BUSINESS=$business"
    } >"$dir/owner.env.new"

    mv "$dir/owner.env.new" "$dir/owner.env"
}


setup_env()
{
    local url=http://127.0.0.1:$port

    . "$dir/owner.env"

    cat >"$dir/setup.env" <<END
URL=$url
LINK_URL=$url/l/corner-coffee
LINK2_URL=$url/l/corner-coffee-club
OWNER_EMAIL=$OWNER_EMAIL
OWNER_PASSWORD=$OWNER_PASSWORD
REDIS_SOCKET=$sockets/redis.sock
REDIS_ADMIN_USER=admin
REDIS_ADMIN_PASSWORD=$(secret redis-admin.password)
WRITER_SOCKET=$sockets/writer.sock
DATABASE=$dir/data/keepers.db
MAIL=$dir/mail
NGINX_CONF=$dir/conf/nginx.conf
ACCESS_LOG=$dir/logs/access.log
ERROR_LOG=$dir/logs/error.log
WRITER_LOG=$dir/logs/writer.log
END
}


make_keys
redis_conf
writer_conf
nginx_conf
make_business
setup_env
