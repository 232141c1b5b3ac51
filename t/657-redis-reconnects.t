#!/usr/bin/perl

# Copyright (C) Keepers

# Connections to Redis end in all the ways that there are, hundreds of times,
# and a worker has neither a descriptor nor memory more than before (nchan
# 7abc33b5: a descriptor leaked with each; nchan b18462d4: a timer was left).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;


use constant ROUNDS => 45;

# a sanitizer keeps what was freed: no more of it than the first rounds free
$ENV{ASAN_OPTIONS} .= ':quarantine_size_mb=1:thread_local_quarantine_size_kb=64';

my $redis = start_redis();
my $asked = 0;

my $nginx = start_nginx(<<'END');
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  unix:%%REDIS%%;
    keepers_redis_connections      4;
    keepers_redis_timeout          2s;
    keepers_redis_connect_timeout  2s;
    keepers_session_cookie         keepers insecure;

    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }

        location = /status {
            keepers_status prometheus;
        }
    }
END

my ($worker) = workers($nginx);


# A session that Redis does not have: 401 once it has said so, else 503.
sub code {
    my $token = 'v1.' . encode_base64url(sprintf('%040d', ++$asked));
    my $answer = raw($nginx->{port}, "GET / HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}


sub metric {
    my ($name) = @_;
    my $text = ua()->get("$nginx->{url}/status")->res->body;

    return $text =~ /^\Q$name\E (\d+)/m ? $1 : -1;
}


# For commands, and to listen.
sub connected {
    my $clients = redis_cli($redis, 'CLIENT', 'LIST');

    return (() = $clients =~ /cmd=(?!client)/g) == 5;
}


# A user of its own, that the others can be refused.
sub administer {
    redis_cli($redis, 'ACL', 'SETUSER', 'admin', 'on', '>secret', '~*', '&*',
              '+@all');
    $redis->{auth} = 'secret';
    return;
}


# Ready, and nothing of before still on its way out.
sub well {
    return wait_for { code() == 401 && connected()
                      && metric('keepers_subscribed') == 1 };
}


sub descriptors { return scalar(() = glob("/proc/$worker/fd/*")) }

sub memory_kb {
    my ($kb) = slurp("/proc/$worker/status") =~ /^VmRSS:\s+(\d+)/m;

    return $kb;
}


# All connections, those that listen too.
sub cut {
    redis_cli($redis, 'CLIENT', 'KILL', 'TYPE', $_) for qw(pubsub normal);
    return;
}


# Redis ends connections, dies, is away, and refuses.
sub rounds {
    my ($n) = @_;

    for (1 .. $n) {
        redis_cli($redis, 'CLIENT', 'KILL', 'TYPE', 'normal');
        well() or return 0;
    }

    # who listens comes back more slowly, since nobody waits for it
    for (1 .. $n / 10) {
        cut();
        well() or return 0;
    }

    kill_hard($redis);
    code() for 1 .. 20;

    # tries fail, one after the other, or there is nothing to try
    wait_for { metric('keepers_redis_ready') == 0 };
    delete $redis->{auth};
    restart($redis);
    well() or return 0;
    administer();

    redis_cli($redis, 'ACL', 'SETUSER', 'default', 'off');
    cut();
    wait_for { code() == 503 };
    redis_cli($redis, 'ACL', 'SETUSER', 'default', 'on');

    return well();
}


administer();
ok(well(), 'the worker has its connections');
ok(rounds(10), 'and gets them back');

my $connects = metric('keepers_redis_connects_total');
my $descriptors = descriptors();
my $memory = memory_kb();

ok(rounds(ROUNDS), 'each time');
cmp_ok(metric('keepers_redis_connects_total') - $connects, '>=', 200,
       'after 200 connections and more');
ok((wait_for { descriptors() <= $descriptors }), 'no descriptor more')
    or diag("$descriptors before, " . descriptors());
cmp_ok(memory_kb() - $memory, '<=', 256, "no memory more than $memory kB");
is(join(' ', workers($nginx)), $worker, 'it is the same worker');

done_testing();
