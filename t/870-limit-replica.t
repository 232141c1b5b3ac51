#!/usr/bin/perl

# Copyright (C) Keepers

# What Redis counts reaches its replica as it is: after a failover nobody has a
# budget anew (redis-cell#31, #53: the command was repeated there, by another
# clock, or not at all).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $port = free_port();
my $redis = start_redis(conf => "port $port\nbind 127.0.0.1\n");
my $replica = start_redis(conf => "replicaof 127.0.0.1 $port\n");

# a link that a failover would move
my $link = work_dir() . '/redis.sock';

symlink($redis->{socket}, $link) or die $!;

my $nginx = start_nginx(<<"END");
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:$link;

    # a busy machine is no dead Redis
    keepers_redis_timeout  2s;

    keepers_limit_rule five  key=\$arg_who rate=5/h;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /five   { keepers_limit five; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

sub codes {
    my ($path, $n) = @_;

    return join(' ', map { ua()->get("$nginx->{url}/$path")->res->code }
                         1 .. $n);
}

sub ready {
    return ua()->get("$nginx->{url}/status")->res->body
           =~ /^keepers_redis_ready 1$/m;
}

sub role { return (split(/\n/, redis_cli($_[0], 'role')))[0] }

ok(wait_for { ready() }, 'Redis is ready');
ok(wait_for { redis_cli($replica, 'role') =~ /connected/ },
   'its replica follows');

is(codes('five?who=a', 4), '200 200 200 200', 'four of five');

my ($key) = split(/\n/, redis_cli($redis, '--scan', '--pattern', '*:l:five'));
my $state = redis_cli($redis, 'get', $key);

ok((wait_for { redis_cli($replica, 'get', $key) eq $state }),
   'the replica has the very state');
cmp_ok(abs(redis_cli($replica, 'pexpiretime', $key)
           - redis_cli($redis, 'pexpiretime', $key)), '<=', 1,
       'which ends when it ends');

kill_hard($redis);
redis_cli($replica, qw(replicaof no one));
ok((wait_for { role($replica) eq 'master' }), 'it takes over');
unlink($link);
symlink($replica->{socket}, $link) or die $!;
ok((wait_for { ready() }), 'nginx finds it');
is(codes('five?who=a', 3), '200 429 429', 'one is left, and no more');

done_testing();
