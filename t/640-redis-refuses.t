#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis that refuses a connection says why at once, and may say it before we
# have said anything: the log repeats it, once, in words that help.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::FakeRedis;
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);


my $token = 'v1.' . encode_base64url('x' x 40);


sub nginx {
    my ($redis, $connections) = @_;

    return start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  $redis;
    keepers_redis_connections      $connections;
    keepers_redis_timeout          1s;
    keepers_redis_connect_timeout  5s;
    keepers_session_cookie         keepers insecure;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }
    }
END
}


# A session that Redis does not have: 401 once it has said so, else 503.
sub code {
    my ($nginx) = @_;
    my $answer = raw($nginx->{port}, "GET / HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}


# In which part of the moments of so many seconds, 20 ms each or, where the
# machine is busy, a little more, a counter grows.
sub spread {
    my ($for_s, $counter) = @_;
    my $until = time() + $for_s;
    my ($last, $moments, $n) = ($counter->(), 0, 0);

    while (time() < $until) {
        sleep(0.02);

        my $now = $counter->();

        $n++;
        $moments++ if $now != $last;
        $last = $now;
    }

    return $moments / $n;
}


sub lines {
    my ($nginx) = @_;

    return grep { /keepers: Redis/ } split(/^/m, slurp($nginx->{error_log}));
}


# Another client of Redis, in the place that start_redis() may still have.
sub client {
    my ($redis) = @_;

    return wait_for {
        my $socket = IO::Socket::UNIX->new($redis->{socket}) or return;

        $socket->syswrite("PING\r\n");
        $socket->sysread(my $pong, 64);
        return ($pong // '') =~ /PONG/ ? $socket : undef;
    };
}


subtest 'a Redis that has no room for one more client' => sub {
    for my $tcp (0, 1) {
        my $port = free_port();
        my $redis = start_redis(conf => ($tcp ? "port $port\n" : '')
                                . "maxclients 2\n");
        my @others = map { client($redis) } 1 .. 2;

        my $nginx = nginx($tcp ? "127.0.0.1:$port" : "unix:$redis->{socket}",
                          1);

        ok(wait_for { lines($nginx) }, 'the log says that Redis is lost');
        is(code($nginx), 503, 'a page is refused');
        like((lines($nginx))[0], qr/is lost: .*"maxclients"/, 'with the reason');

        $_->close() for @others;
        ok(wait_for { code($nginx) == 401 }, 'and is asked when there is room');
        ok(wait_for { grep { /is back/ } lines($nginx) }, 'which is a line');
        is(scalar(lines($nginx)), 2, 'the second');
        stop($nginx, 'QUIT');
    }
};

# So many connections that some have their greeting before nginx has looked
# whether they are connected.
subtest 'a Redis that speaks first' => sub {
    my $n = 16;
    my $port = free_port();
    my $redis = start_redis();
    my $dir = work_dir();
    my $fake = Keepers::FakeRedis->new(listen => "$dir/fake", port => $port,
                                       real => $redis->{socket});

    $fake->mode("greet:-DENIED Redis is running in protected mode\r\n");

    my $nginx = nginx("127.0.0.1:$port", $n);
    my $seen = sub { return scalar(grep { $_ eq $_[0] } $fake->seen()) };

    ok(wait_for(sub { $seen->('accept') >= 4 * $n }), 'is tried, and again');
    ok(wait_for(sub { $seen->('close') == $seen->('accept') }, 2.5),
       'each time it is understood, long before it would be too late');

    my @lines = lines($nginx);

    is(scalar(@lines), 1, 'the log says so once')
        or diag(@lines);
    like($lines[0], qr/is lost: .*protected mode/, 'with the reason');
    is(code($nginx), 503, 'a page is refused');
    cmp_ok(spread(1.5, sub { $seen->('accept') }), '>', 1 / 3,
           'those that were refused together do not come back together');

    $fake->mode('right');
    ok(wait_for { code($nginx) == 401 }, 'and asked for when Redis takes us');
    stop($nginx, 'QUIT');
    $fake->stop();
};

done_testing();
