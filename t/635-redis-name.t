#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis that has a name: while the name server is silent nobody waits for it
# twice, and when it answers, late, pages are served.

# (nchan#188: a name that does not resolve, and nothing starts.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes qw(time);


my $timeout_ms = 400;
my $port = free_port();
my $redis = start_redis(conf => "port $port\nbind 127.0.0.1\n");
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die("cannot bind: $!\n");
my $token = 'v1.' . encode_base64url('x' x 40);

my $nginx = start_nginx(<<"END" . <<'END');
    resolver                       127.0.0.1:${\ $dns->sockport} ipv6=off;
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  redis.example:$port;
    keepers_redis_timeout          ${timeout_ms}ms;
    keepers_redis_connect_timeout  ${timeout_ms}ms;
    keepers_session_cookie         keepers insecure;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }
    }
END


# A session that Redis does not have: 401 once it has said so, else 503.
sub code {
    my $answer = raw($nginx->{port}, "GET / HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}


sub lines { return logs(qr/keepers: Redis/) }


# The questions that have come, each with who has asked.
sub questions {
    my ($wait_s) = @_;
    my @questions;

    while (IO::Select->new($dns)->can_read(@questions ? 0 : $wait_s)) {
        my $peer = $dns->recv(my $packet, 512);

        push(@questions, [$peer, $packet]);
    }

    return @questions;
}


# 127.0.0.1 (RFC 1035): the question again, and one A record for its name.
sub answer {
    my ($peer, $packet) = @{$_[0]};
    my ($id) = unpack('n', $packet);
    my $asked = substr($packet, 12);

    $dns->send(pack('n6', $id, 0x8180, 1, 1, 0, 0) . $asked
               . pack('nnnNnC4', 0xc00c, 1, 1, 60, 4, 127, 0, 0, 1), 0, $peer);
    return;
}


my @questions = questions(5);

ok(@questions > 0, 'the name server is asked');

subtest 'a name server that is silent' => sub {
    is(code(), 503, 'who came first has waited, and is refused');

    my $begun = time();

    is(code(), 503, 'the next is refused') for 1 .. 10;
    cmp_ok(time() - $begun, '<', 10 * $timeout_ms / 2000,
           'without waiting');

    my @lines = lines();

    is(scalar(@lines), 1, 'the log says so once');
    like($lines[0], qr/is lost: its name does not resolve/, 'with the reason');
};

subtest 'and answers after all' => sub {
    answer($_) for @questions, questions(0);
    ok(wait_for { code() == 401 }, 'Redis is asked');
    ok(wait_for { grep { /is back/ } lines() }, 'and the log says so');
};

done_testing();
