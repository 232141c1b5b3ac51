#!/usr/bin/perl

# Copyright (C) Keepers

# A session over its life: many requests renew it with next to no writes to
# Redis, whatever races its end leaves it ended, a copy of Redis opens nothing,
# and a zone of another size loses nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Keepers::Zone;
use List::Util qw(any);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;


my $p = start_platform(limits => 'off');

sub conf {
    my ($zone, $server) = @_;

    return <<"END";
worker_processes 2;

events {
    worker_connections 512;
}

http {
    keepers_zone            $zone;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;
    access_log              %%DIR%%/access.log;
    keepalive_requests      100000;

    server {
        listen 127.0.0.1:%%PORT%%;
        root   %%DIR%%/html;
        $server

        location /page {
            keepers_session required;
        }

        location /none {
            return 404;
        }

        location /signout {
            keepers_session optional;
            keepers_signout;
        }
    }
}
END
}


sub serve {
    my $nginx = start_nginx(conf(@_));

    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/page", 'MARKER', 0644);

    return $nginx;
}


sub token {
    return map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
}


sub code {
    my ($nginx, $cookie) = @_;

    return ua()->get("$nginx->{url}/page",
                     { Cookie => "keepers=$cookie" })->res->code;
}


sub redis_keys {
    my ($like) = @_;

    return split(/\n/, redis_cli($p->{redis}, 'KEYS', $like));
}


sub calls {
    my ($command) = @_;
    my $text = redis_cli($p->{redis}, 'INFO', 'commandstats');

    return $text =~ /^cmdstat_\Q$command\E:calls=(\d+)/m ? $1 : 0;
}


my $nginx = serve('2m', '');

# connect-redis#376, connect-redis#154: switches that did not stop the writes;
# expressjs/session#891, kratos#3948: a write with each request.
subtest 'ten thousand requests' => sub {
    my ($cookie) = token();
    my $before = calls('pexpire');
    my $asked = calls('mget');
    my @sockets = map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                              PeerPort => $nginx->{port}) or die("$!\n");
    } 1 .. 20;
    my $get = "GET /page HTTP/1.1\r\nHost: x\r\nCookie: keepers=$cookie\r\n\r\n";
    my $good = 0;

    for (1 .. 10) {
        syswrite($_, $get x 50) for @sockets;

        for my $socket (@sockets) {
            my ($in, $n) = ('', 0);

            while ($n < 50 && sysread($socket, $in, 65536, length($in))) {
                $n = () = $in =~ /MARKER/g;
            }

            $good += $n;
        }
    }

    is($good, 10_000, 'are served');
    cmp_ok(calls('pexpire') - $before, '<=', 2, 'with two writes to Redis');
    cmp_ok(calls('mget') - $asked, '<=', 100, 'and few questions');
};

# Each request finds the idle time to be renewed; the last word is the end's.
subtest 'an end among renewals' => sub {
    my $short = serve('2m', 'keepers_session_idle 2s; '
                            . 'keepers_session_cache 0;');
    my $before = redis_keys('keepers:*:s:*');
    my ($alive, $rounds) = (0, 100);

    for (1 .. $rounds) {
        my ($cookie) = token();
        my @sockets = map {
            IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $short->{port}) or die("$!\n");
        } 1 .. 9;
        my $out = splice(@sockets, int(rand(9)), 1);
        my $get = "GET /page HTTP/1.1\r\nHost: x\r\n"
                  . "Cookie: keepers=$cookie\r\n\r\n";

        syswrite($_, $get x 3) for @sockets[0 .. 3];
        syswrite($out, "POST /signout HTTP/1.0\r\nHost: x\r\n"
                 . "Origin: http://x\r\nCookie: keepers=$cookie\r\n\r\n");
        syswrite($_, $get x 3) for @sockets[4 .. 7];

        my $answer = '';

        while (sysread($out, $answer, 65536, length($answer))) { }

        close($_) for @sockets;
        $alive++ if $answer !~ /^HTTP\/1\.1 303/ || code($short, $cookie) != 401;
    }

    is($alive, 0, "$rounds sessions that were ended stay ended");
    is(scalar(redis_keys('keepers:*:s:*')), $before, 'none is left in Redis');
    stop($short);
};

# All that a dump has, in the ways in which a cookie may be made of it.
subtest 'a copy of Redis' => sub {
    my ($cookie) = token();
    my @tried;

    is(code($nginx, $cookie), 200, 'the session itself is good');

    for my $key (redis_keys('keepers:*:s:*')) {
        my ($tag, $sid) = $key =~ /\{([\w-]{11})\}:s:([\w-]{43})/;
        my $raw = decode_base64url($tag);
        my $record = redis_cli($p->{redis}, '--no-raw', 'GET', $key);

        push(@tried, $sid, "v1.$sid", "v1.$tag$sid", $tag,
             'v1.' . encode_base64url($raw . decode_base64url($sid)),
             'v1.' . encode_base64url($raw . substr($record, 1, 32)),
             'v1.' . encode_base64url($raw . substr($record, -33, 32)));
    }

    cmp_ok(scalar(@tried), '>', 6, 'there is something to try');
    is(scalar(grep { code($nginx, $_) != 401 } @tried), 0,
       'opens no session');
};

# A user with one session has an index for it alone, which is the dearest.  The
# slot of the zone is held to 256 bytes where its value is defined.
subtest 'what a session takes in Redis' => sub {
    redis_cli($p->{redis}, 'DEL', $_)
        for redis_keys('keepers:*:s:*'), redis_keys('keepers:*:x');

    token();

    my @keys = (redis_keys('keepers:*:s:*'), redis_keys('keepers:*:x'));
    my $bytes = -redis_cli($p->{redis}, 'STRLEN', $keys[0]);

    $bytes += redis_cli($p->{redis}, 'MEMORY', 'USAGE', $_) for @keys;

    is(scalar(@keys), 2, 'a record and an index');
    cmp_ok($bytes, '<=', 282, "with $bytes bytes beyond the sealed record");
};

# Who is not known has a slot as well, for a second.  Others lie behind the last.
subtest 'more than it has room for' => sub {
    my $small = serve('1m', '');
    my ($cookie) = token();
    my ($rounds, $refused) = (100, 0);

    is(code($small, $cookie), 200, 'one of them is a session');

    for (1 .. $rounds) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $small->{port})
            or last;
        my ($in, $n) = ('', 0);

        syswrite($socket, join('', map {
            my $token = encode_base64url(join('', map { chr(rand(256)) }
                                                  1 .. 40));

            "HEAD /page HTTP/1.1\r\nHost: x\r\nCookie: keepers=v1.$token"
            . "\r\n\r\n";
        } 1 .. 100));

        while ($n < 100 && sysread($socket, $in, 65536, length($in))) {
            $n = () = $in =~ /^HTTP\/1\.1 401/gm;
        }

        $refused += $n;
    }

    is($refused, $rounds * 100, 'ten thousand strangers are refused');
    is(code($small, $cookie), 200, 'the session is as good as it was');
    stop($small);
};

subtest 'a zone of another size' => sub {
    my @cookies = map { token() } 1 .. 10;
    my $bad = 0;

    code($nginx, $_) for @cookies;

    for my $zone ('8m', '1m', '2m') {
        nginx_reconf($zone);
        ok(reload($nginx), "nginx takes $zone");
        $bad ||= any { code($nginx, $_) != 200 } @cookies;
    }

    ok(!$bad, 'nobody is signed out');
    is(scalar(logs(qr/\[(?:alert|emerg)\]/)), 0, 'and nothing is amiss');
};

# A module of another version, as after an update of its file, finds the zone of
# the one before.  Ours is told apart by a number that stands first in it: here
# the zone gets the number of another, for the price of the module.
subtest 'a zone of another version' => sub {
    my ($cookie) = token();
    my $wrong = qr/laid out by another version of the module: restart nginx/;

    allow_log($wrong);
    nginx_reconf('2m');
    reload($nginx);

    ok(relabel(zone_open($nginx)), 'the zone has a number');
    kill('HUP', $nginx->{pid});
    ok((wait_for { logs($wrong) }), 'a reload says what to do');
    is(code($nginx, $cookie), 200, 'and what was before goes on');

    nginx_reconf('3m');
    ok(reload($nginx), 'a zone of another size is a new one');
    is(code($nginx, $cookie), 200, 'nobody is signed out');
};


# The slab pool at the start of a zone has, as its last but one address, that of
# what is ours; true if the first number of that, which is small, is another now.
sub relabel {
    my ($zone) = @_;

    for my $address (reverse unpack('Q*', zone_read($zone, 0, 512))) {
        my $offset = $address - $zone->{start};

        next if $offset <= 0 || $offset >= $zone->{size};

        my $version = unpack('Q', zone_read($zone, $offset, 8));

        return zone_write($zone, $offset, pack('Q', $version + 1))
            if $version > 0 && $version < 100;
    }

    return 0;
}


sub nginx_reconf {
    my ($zone) = @_;
    my $text = slurp($nginx->{conf});

    $text =~ s/keepers_zone\s+\K\w+/$zone/;
    spew($nginx->{conf}, $text, 0644);
    return;
}


done_testing();
