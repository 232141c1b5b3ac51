#!/usr/bin/perl

# Copyright (C) Keepers

# A page with a thousand visitors of one session, none of which the zone knows:
# Redis is asked once, and everybody gets the answer, whoever leaves meanwhile;
# but nobody gets an answer that was asked for before the session ended.

# (lua-resty-session#185, lua-resty-session#105: a lock and one connection, and
# nobody got either.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::FakeRedis;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(time);


my $p = start_platform();
my $dir = work_dir();
my $password = "$p->{dir}/keys/redis-edge.password";
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});

my $nginx = start_nginx(<<"END" . <<'END');
events {
    worker_connections 4096;
}

http {
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$dir/fake.sock user=edge
                                   password_file=$password;
    keepers_redis_timeout          5s;
    keepers_session_cookie         keepers insecure;
END
    access_log                     %%DIR%%/access.log;

    keepers_limit_rule  all    key=$host rate=1000000/s;
    keepers_limit_rule  never  key=$host rate=1/d;

    server {
        listen 127.0.0.1:%%PORT%%;
        root   %%DIR%%/html;

        location /page {
            keepers_session required;
        }

        location /none {
            return 404;
        }

        location /status {
            keepers_status;
        }

        location /each {
            keepers_session       required;
            keepers_session_error stale=1m;
            keepers_limit         all;
            try_files             /page =404;
        }

        location /limited {
            keepers_session  required;
            keepers_limit    never;
            try_files        /page =404;
        }
    }

    server {
        listen                 127.0.0.1:%%PORT%%;
        server_name            asks;
        root                   %%DIR%%/html;
        keepers_session_cache  0;

        location /page {
            keepers_session required;
        }
    }
}
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/page", 'MARKER', 0644);

ok(wait_for { code(ask('none')) == 401 && seen('SUBSCRIBE') },
   'Redis is asked, and listened to');


sub token {
    return map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
}


sub seen {
    my ($word) = @_;

    return scalar(grep { $_ eq $word } $fake->seen());
}


sub open_one {
    my ($cookie, $path, $host) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->{port})
        or die("$!\n");

    $socket->autoflush(1);
    print $socket 'GET ' . ($path // '/page') . " HTTP/1.1\r\nHost: "
                  . ($host // 'x') . "\r\nConnection: close\r\n"
                  . "Cookie: keepers=$cookie\r\n\r\n";

    return $socket;
}


# What each answers in the end.
sub answers {
    my (@sockets) = @_;
    my %answer = map { $_ => '' } @sockets;
    my $select = IO::Select->new(@sockets);
    my $until = time() + 20;

    while ($select->count() && time() < $until) {
        for my $socket ($select->can_read(1)) {
            $select->remove($socket)
                if !sysread($socket, $answer{$socket}, 65536,
                            length($answer{$socket}));
        }
    }

    return map { $answer{$_} } @sockets;
}


sub code { return $_[0] =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0 }

sub ask { return (answers(open_one(@_)))[0] }

sub codes {
    my %n;

    $n{code($_)}++ for @_;

    return join(' ', map { "$n{$_} x $_" } sort keys %n);
}


# Redis keeps what it answers from here on; how often it was asked since.
my $before;

sub hold {
    $before = seen('MGET');
    $fake->mode('hold:MGET');
    return;
}

sub asked { return seen('MGET') - $before }


# The requests have come in by now: their worker has taken one more.
sub answered {
    my (@sockets) = @_;

    ok((wait_for { asked() }), 'Redis is asked');
    raw($nginx->{port}, "GET /none HTTP/1.0\r\n\r\n");
    $fake->mode('right');

    return answers(@sockets);
}


sub heard {
    my $text = raw($nginx->{port}, "GET /status HTTP/1.0\r\n\r\n");

    return $text =~ /^keepers_revocations_total\{result="heard"\} (\d+)/m
           ? $1 : 0;
}


subtest 'a thousand at once' => sub {
    my ($cookie) = token();

    hold();

    my @answers = answered(map { open_one($cookie) } 1 .. 1000);

    is(codes(@answers), '1000 x 200', 'all are served');
    is(scalar(grep { /MARKER/ } @answers), 1000, 'the page');
    is(asked(), 1, 'and Redis was asked once');
};

subtest 'sessions that are none' => sub {
    my ($cookie) = token();

    hold();
    $cookie =~ s/.\z/$& eq 'A' ? 'Q' : 'A'/e;

    my @answers = answered(map { open_one($cookie) } 1 .. 100);

    is(codes(@answers), '100 x 401', 'open nothing');
    is(asked(), 1, 'and Redis was asked once');
};

subtest 'two sessions' => sub {
    my ($one, $other) = (token(), token());

    hold();

    my @answers = answered(map { open_one($_ % 2 ? $one : $other) }
                               1 .. 100);

    is(codes(@answers), '100 x 200', 'are two');
    is(asked(), 2, 'questions');
};

subtest 'who has asked leaves' => sub {
    my ($cookie) = token();

    hold();

    my $first = open_one($cookie);

    ok((wait_for { asked() == 1 }), 'the first asks');

    my @others = map { open_one($cookie) } 1 .. 50;

    close($first);

    ok((wait_for { asked() == 2 }), 'it leaves, and another asks');
    is(codes(answered(@others)), '50 x 200', 'the others are served');
    is(asked(), 2, 'one of them for all');
};

subtest 'others leave' => sub {
    my ($cookie) = token();

    hold();

    my @all = map { open_one($cookie) } 1 .. 60;

    ok((wait_for { asked() == 1 }), 'the first asks');
    close($_) for @all[10 .. 49];

    is(codes(answered(@all[0 .. 9, 50 .. 59])), '20 x 200',
       'those that stay are served');
    is(asked(), 1, 'and Redis was asked once');
};

subtest 'Redis fails them all' => sub {
    my ($cookie) = token();

    hold();
    $fake->mode('hang');

    my @all = map { open_one($cookie) } 1 .. 50;

    ok((wait_for { asked() == 1 }), 'the first asks');
    $fake->mode('right');
    redis_cli($p->{redis}, 'CLIENT', 'KILL', 'TYPE', 'normal');

    my @answers = answers(@all);

    is(codes(@answers), '50 x 503', 'with an error');
    unlike("@answers", qr/MARKER|^Set-Cookie:/mi, 'and no page, nor a cookie');
    ok((wait_for { code(ask($cookie)) == 200 }), 'nobody is signed out');
};

subtest 'a session that ends meanwhile' => sub {
    my ($cookie) = token();

    hold();

    my $first = open_one($cookie);

    ok((wait_for { asked() == 1 }), 'the first asks');

    # its answer is under way; the end comes by the subscription
    raw($p->{nginx}{port}, "POST /signout HTTP/1.0\r\nHost: x\r\n"
        . "Origin: http://x\r\nCookie: keepers=$cookie\r\n\r\n");
    ok((wait_for { heard() }), 'the end is heard of');

    my $late = open_one($cookie);

    ok((wait_for { asked() == 2 }), 'who comes then asks again');
    $fake->mode('right');

    my @codes = map { code($_) } answers($first, $late);

    is("@codes", '200 401', 'and does not get what was so before');
};

# The zone knows of the end when the answer comes, and keeps that.
subtest 'an answer from before the end' => sub {
    my ($cookie) = token();
    my $heard = heard();

    hold();

    my $first = open_one($cookie);

    ok((wait_for { asked() == 1 }), 'is under way');
    raw($p->{nginx}{port}, "POST /signout HTTP/1.0\r\nHost: x\r\n"
        . "Origin: http://x\r\nCookie: keepers=$cookie\r\n\r\n");
    ok((wait_for { heard() > $heard }), 'the end is heard of');
    $fake->mode('right');
    is(code(answers($first)), 200, 'it is good for who came before');
    is(code(ask($cookie)), 401, 'and for nobody else');
};

subtest 'limits beside it' => sub {
    my ($cookie) = token();

    is(code(ask($cookie, '/limited')), 200, 'the only one that is admitted');
    ($cookie) = token();
    hold();

    my @answers = answered(map { open_one($cookie, $_ % 2 ? '/each'
                                                          : '/limited') }
                               1 .. 60);

    is(codes(@answers), '30 x 200 30 x 429', 'are decided for each');
    cmp_ok(asked(), '<=', 2, 'and the session is asked for once, or once more '
           . 'where who asked was refused');
};

subtest 'without a cache' => sub {
    my ($cookie) = token();

    hold();
    $fake->mode('right');

    my @answers = answers(map { open_one($cookie, '/page', 'asks') } 1 .. 50);

    is(codes(@answers), '50 x 200', 'all are served');
    is(asked(), 50, 'and Redis is asked for each');
};

$fake->stop();
done_testing();
