#!/usr/bin/perl

# Copyright (C) Keepers

# Requests end at any moment: clients leave while Redis is asked, nginx
# reloads and exits with commands in flight, an unread body lies between two
# requests.  Nothing crashes, hangs or answers another's request.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform();

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   3s;
    keepers_redis_connect_timeout 3s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   0;
    keepers_writer_key      $p->{dir}/keys/writer.pub;
END
    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/h2.sock http2;

        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location = /status {
            keepers_status  json;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);

my $ua = sign_in($p);
my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{$ua->cookie_jar->all};
my $get = "GET /page/ HTTP/1.1\r\nHost: x\r\nCookie: keepers=$cookie\r\n";
my @workers = workers($nginx);


sub page {
    return ua()->get("$nginx->{url}/page/"
                     => { Cookie => "keepers=$cookie" })->res->code // 0;
}


# Connects, sends and leaves, with a FIN or a RST.
sub leave {
    my ($bytes, $reset) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->{port}) or return;

    setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) if $reset;
    $socket->syswrite($bytes);
    sleep(0.002);
    close($socket);
    return 1;
}


is(page(), 200, 'served');

subtest 'clients leave while Redis is asked' => sub {
    pause($p->{redis});
    leave("$get\r\n", $_ % 2) for 1 .. 100;
    leave(substr("$get\r\n", 0, 7 * $_), $_ % 2) for 1 .. 10;
    resume($p->{redis});

    ok((wait_for { page() == 200 }), 'the next one is served');
    is("@{[workers($nginx)]}", "@workers", 'by the same workers');
};

# Sends a request on each of so many connections.
sub ask {
    my ($n) = @_;

    return map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $nginx->{port});
        $socket->syswrite("${get}Connection: close\r\n\r\n");
        $socket;
    } 1 .. $n;
}

# How many of them are served.
sub served {
    return scalar(grep {
        my $answer = '';

        while ($_->sysread($answer, 65536, length($answer))) { }
        $answer =~ /^HTTP\/1.1 200 .*MARKER$/s;
    } @_);
}

subtest 'a reload with commands in flight' => sub {
    for (1 .. 3) {
        ok((wait_for { served(ask(20)) == 20 }), 'all workers have Redis');
        pause($p->{redis});

        my @waiting = ask(20);
        my $start = time();

        sleep(0.1);
        reload($nginx);
        resume($p->{redis});
        is(served(@waiting), 20, 'all that waited are served')
            or diag('after ' . (time() - $start) . ' s');
    }

    ok((wait_for { page() == 200 }), 'and the next one');
};

subtest 'old workers go away' => sub {
    ok(wait_for { workers($nginx) == @workers }, 'after the reloads');
};

subtest 'an unread body' => sub {
    ok((wait_for { served(ask(20)) == 20 }), 'all workers have Redis');

    my $post = "POST /page/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde";
    my $answer = raw($nginx->{port}, $post . "${get}Connection: close\r\n\r\n");
    my @status = $answer =~ /^HTTP\/1.1 (\d+)/mg;

    is("@status", '401 200', 'does not become a request');

    $answer = raw($nginx->{port}, "POST /page/ HTTP/1.1\r\nHost: x\r\n"
                  . "Cookie: keepers=$cookie\r\nSec-Fetch-Site: cross-site\r\n"
                  . "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                  . "${get}Connection: close\r\n\r\n");
    @status = $answer =~ /^HTTP\/1.1 (\d+)/mg;
    is("@status", '403 200', 'nor does a chunked one');
};

subtest 'pipelined requests' => sub {
    my $answer = raw($nginx->{port}, "$get\r\n" x 20
                                     . "${get}Connection: close\r\n\r\n");

    is(scalar(() = $answer =~ /MARKER/g), 21, 'are answered in order');
};

subtest 'HTTP/2' => sub {
    my $curl = "curl -s --http2-prior-knowledge --max-time 10 "
               . "--unix-socket '$nginx->{dir}/h2.sock' -w ' %{http_code} '";
    my $cookies = "-H 'Cookie: a=b' -H 'Cookie: keepers=$cookie'";
    my $lines = qx($curl $cookies http://x/page/) . qx($curl http://x/page/);

    like($lines, qr/^MARKER 200 .* 401 $/s, 'checks sessions too');
};

subtest 'leaving with commands in flight' => sub {
    ok((wait_for { served(ask(20)) == 20 }), 'all workers have Redis');
    pause($p->{redis});

    my @sockets = map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $nginx->{port});
        $socket->syswrite("${get}Connection: close\r\n\r\n");
        $socket;
    } 1 .. 10;

    sleep(0.1);
    kill('QUIT', $nginx->{pid});
    sleep(0.2);
    resume($p->{redis});

    my $served = 0;

    for my $socket (@sockets) {
        my $answer = '';

        while ($socket->sysread($answer, 65536, length($answer))) { }
        $served += $answer =~ /MARKER$/;
    }

    is($served, 10, 'a graceful exit serves who waits');
    ok(wait_for { !alive($nginx) }, 'and then ends');
};

done_testing();
