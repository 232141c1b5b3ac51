#!/usr/bin/perl

# Copyright (C) Keepers

# Whatever Redis answers, a protected page is served only for a record that
# opens, an error is never a sign-out, and the next right answer counts again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp;
use IO::Socket::INET;
use Keepers::FakeRedis;
use Keepers::Test;
use Mojo::Util qw(url_escape);
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform();

# beside the folder whose files are searched for canaries
my $dir = File::Temp->newdir('keepers-XXXXXX', TMPDIR => 1);
my $password = "$p->{dir}/keys/redis-edge.password";
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});

my $nginx = start_nginx((<<"END" . <<'END') =~ s/WRITER/$p->{writer_socket}/r);
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$dir/fake.sock user=edge
                                   password_file=$password;
    keepers_redis_timeout          100ms;
    keepers_redis_connect_timeout  200ms;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;
    keepers_writer_key             $p->{dir}/keys/writer.pub;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ "^/l/(?<keepers_slug>[^/]+)$" {
            keepers_link $keepers_slug;
        }

        location = /signin {
            keepers_signin /asks;
        }

        location = /asks {
            internal;
            proxy_pass http://unix:WRITER:/v1/signin;
        }

        location = /status {
            keepers_status;
        }

        location = /signout {
            keepers_session optional;
            keepers_signout;
        }

        location /sessions {
            keepers_session required;
            keepers_sessions;
        }

        location /page/ {
            keepers_session     required;
            keepers_signin_url  /signin;
            alias               %%DIR%%/html/;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);

my @cookies = (token(), token());
my $get = "GET /page/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";


sub token {
    return map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};
}


sub ended {
    my $text = raw($nginx->{port}, "GET /status HTTP/1.0\r\n\r\n");
    my $n = 0;

    # the others are of a sign-in, which waits for no DEL
    $n += $1 while $text =~ /^keepers_sessions_ended_total
                             \{reason="(?:signout|one|others|all)"\}
                             [ ](\d+)$/mgx;
    return $n;
}


sub timeouts {
    my $text = raw($nginx->{port}, "GET /status HTTP/1.0\r\n\r\n");

    return $text =~ /^keepers_redis_errors_total\{kind="timeout"\} (\d+)/m
           ? $1 : die("no such counter\n");
}


sub ask {
    my ($cookie) = @_;

    return raw($nginx->{port}, $get . "Cookie: keepers=$cookie\r\n\r\n");
}


sub code { return $_[0] =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0 }


# One wrong answer, and what a user sees; then all is well again.
sub wrong {
    my ($mode, $expected) = @_;

    $fake->mode($mode);
    $mode =~ s/\s+\z//;

    my $answer = ask($cookies[0]);

    is(code($answer), $expected, "$mode: $expected");
    unlike($answer, qr/^Set-Cookie:/mi, "$mode: the cookie is left alone");
    unlike($answer, qr/MARKER/, "$mode: the page is not shown")
        if $expected != 200;

    $fake->mode('right');
    ok(wait_for { code(ask($cookies[0])) == 200 }, "$mode: and then well");
    return;
}


ok(wait_for { code(ask($cookies[0])) == 200 }, 'a page through the other');

my @workers = workers($nginx);

# oauth2-proxy stored_session.go: what could not be loaded was deleted.
subtest 'one wrong reply' => sub {

    # a Redis that truly has no such session, or another's record, means 401
    my %expected = (right => 200, nils => 401, strings => 401);

    wrong($_, $expected{$_} // 503) for Keepers::FakeRedis::modes();
};

# It is not kept until its time is over, nor any part of it in memory.
subtest 'a reply without an end' => sub {
    for my $mode (qw(huge_bulk huge_array endless)) {
        my $at_once = 0;

        for (1 .. 3) {
            my $before = timeouts();

            wrong($mode, 503);
            $at_once = timeouts() == $before and last;
        }

        ok($at_once, "$mode: refused at once");
    }
};

# nchan#254: LOADING was never tried again.
# A server that loads, or lost its master, will be another one behind the same
# address, and one that does not know us needs our password; what is full or
# busy is the right one.
subtest 'a new connection' => sub {
    my $made = sub { return scalar(grep { $_ eq 'accept' } $fake->seen()) };

    for my $word (qw(LOADING READONLY MASTERDOWN NOAUTH WRONGPASS)) {
        my $before = $made->();

        wrong("error_$word", 503);
        cmp_ok($made->(), '>', $before, "$word: is made");
    }

    for my $word (qw(OOM MISCONF BUSY NOPERM ERR)) {
        my $kept = 0;

        # a machine that is busy may be late once, which ends it too
        for (1 .. 3) {
            my $before = $made->();

            wrong("error_$word", 503);
            $kept = $made->() == $before and last;
        }

        ok($kept, "$word: is not");
    }
};

subtest 'a link' => sub {
    my $n = 0;
    my $link = sub { return code(raw($nginx->{port}, 'GET /l/none-' . ++$n
                                     . " HTTP/1.0\r\n\r\n")) };

    is($link->(), 404, 'that Redis does not have is unknown');

    # these leave a nil as it is, or are one
    my $nil = qr/^(?:right|nil|nil_array|end_bulk|nested_in)$/;

    for my $mode (grep { !/$nil/ } Keepers::FakeRedis::modes()) {
        $fake->mode($mode);
        is($link->(), 503, "$mode: that Redis was not heard of is not");
        $fake->mode('right');
        ok(wait_for { code(ask($cookies[0])) == 200 }, "$mode: and then well");
    }
};

subtest 'a reply that ends too early' => sub {

    # so many bytes from its start, or all but so many
    for my $n (0 .. 24, 40, 80, map { -$_ } 1 .. 24) {
        wrong("cut:$n", 503);
        wrong("stop:$n", 503) if $n % 6 == 0;
    }
};

subtest 'bytes that no command waits for' => sub {
    for (1 .. 3) {
        $fake->mode('unasked');
        sleep(0.05);
        $fake->mode('right');
        ok(wait_for { code(ask($cookies[0])) == 200 }, 'are survived');
    }
};

# mod_auth_openidc 08/11/26: two threads read replies from one connection.
subtest 'replies in another order' => sub {
    $fake->mode('swap');

    my @sockets = map {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $nginx->{port});
        $socket->syswrite($get . "Cookie: keepers=$_\r\n\r\n");
        $socket;
    } @cookies;

    for my $socket (@sockets) {
        my $answer = '';

        while ($socket->sysread($answer, 65536, length($answer))) { }
        like(code($answer), qr/^(?:401|503)$/,
             'nobody gets in with the record of another');
        unlike($answer, qr/MARKER|^Set-Cookie:/mi, 'nor sees a page');
    }

    $fake->mode('right');

    for my $cookie (@cookies) {
        ok(wait_for { code(ask($cookie)) == 200 }, 'both are still signed in');
    }
};

subtest 'no reply, or a slow one' => sub {
    for my $mode ('hang', 'hang_hello', 'deaf', 'slow:0.3', 'trickle:0.02') {
        my $begun = time();

        wrong($mode, 503);
        cmp_ok(time() - $begun, '<', 5, "$mode: nobody waits for ever");
    }
};

subtest 'the first replies of a connection' => sub {
    for my $hello ('+NOPE', ':1', '*0', '$-1', '-LOADING x', '-NOAUTH x',
                   '-NOPERM x', '-ERR max number of clients reached',
                   "+PONG\r\n+PONG")
    {
        $fake->mode("hello:$hello\r\n");
        redis_cli($p->{redis}, 'CLIENT', 'KILL', 'TYPE', 'normal');
        ok(wait_for { code(ask($cookies[0])) == 503 }, "$hello: refused");
        is(code(ask($cookies[0])), 503, 'and again') for 1 .. 3;

        $fake->mode('right');
        ok(wait_for { code(ask($cookies[0])) == 200 }, 'and then well');
    }
};

subtest 'a reply of a kind that the command does not have' => sub {
    my $form = 'email=' . url_escape($p->{owner_email})
             . '&password=' . url_escape($p->{owner_password});
    my %case = (
        'a sign-in\'s epoch' => ['GET', 'POST', '/signin', $form],
        'a sign-in\'s session' => ['EVALSHA', 'POST', '/signin', $form],
        'the list' => ['EVALSHA', 'GET', '/sessions', ''],
        'a new epoch' => ['INCR', 'DELETE', '/sessions/all', ''],
        'a sign-out' => ['EVALSHA', 'POST', '/signout', ''],
    );

    for my $name (sort keys %case) {
        my ($command, $method, $path, $body) = @{$case{$name}};

        for my $reply ("*0\r\n", "+OK\r\n", "\$0\r\n\r\n", ":1\r\n",
                       "*3\r\n:1\r\n:2\r\n:3\r\n",
                       "*3\r\n+a\r\n+b\r\n+c\r\n")
        {
            next if $reply =~ /^:/ && $case{$name}[0] ne 'GET'
                    && $name ne 'the list';
            next if $reply =~ /^\*0/ && $path =~ /^.sessions/
                    && $command eq 'EVALSHA';

            # over a connection that was not lost to the reply before
            $fake->mode('right');
            ok(wait_for { code(ask($cookies[0])) == 200 }, 'well before');
            $fake->mode("to:$command:$reply");

            my $answer = raw($nginx->{port}, "$method $path HTTP/1.1\r\n"
                . "Host: x\r\nConnection: close\r\nOrigin: http://x\r\n"
                . "Cookie: keepers=$cookies[0]\r\n"
                . 'Content-Type: application/x-www-form-urlencoded'
                . "\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
            my $said = $reply =~ s/\r\n/ /gr;

            is(code($answer), 503, "$name: $said");
            unlike($answer, qr/^Set-Cookie:/mi, 'the cookie is left alone');
        }
    }

    $fake->mode('right');
    ok(wait_for { code(ask($cookies[1])) == 200 }, 'the other is signed in');
    is(ended(), 0, 'no session is counted as ended');

    for my $n (1 .. 2) {
        my ($value) = token();
        my $answer = raw($nginx->{port}, "POST /signin HTTP/1.0\r\n"
            . "Cookie: keepers=$value\r\n"
            . 'Content-Type: application/x-www-form-urlencoded'
            . "\r\nContent-Length: " . length($form) . "\r\n\r\n$form");
        my ($new) = $answer =~ /^Set-Cookie: keepers=([^;]+)/m;

        is(code(ask($value)), 401, 'a sign-in ends the session before it');
        is(code(ask($new)), 200, 'and begins one');

        raw($nginx->{port}, "POST /signout HTTP/1.0\r\nOrigin: http://x\r\n"
                            . "Host: x\r\nCookie: keepers=$new\r\n\r\n");
        is(ended(), $n, 'one that Redis has ended is counted');
    }
};

# What has come of it may look like a whole one, of fewer sessions.
subtest 'a list that is cut short' => sub {
    my $one = "\$43\r\n" . 'A' x 43 . "\r\n\$1\r\nx\r\n:1\r\n";

    for my $list ("*6\r\n$one", "*6\r\n$one\$43\r\nA") {
        ok((wait_for { code(ask($cookies[1])) == 200 }), 'well before');
        $fake->mode("to:EVALSHA:$list");
        is(code(raw($nginx->{port}, "GET /sessions HTTP/1.0\r\n"
                    . "Cookie: keepers=$cookies[1]\r\n\r\n")), 503,
           'is none');
        $fake->mode('right');
    }
};

# SCRIPT FLUSH, or a Redis that took another's place.
subtest 'scripts that Redis has lost' => sub {
    my $form = 'email=' . url_escape($p->{owner_email})
             . '&password=' . url_escape($p->{owner_password});

    # a connection that is new has them loaded
    ok((wait_for { code(ask($cookies[1])) == 200 }), 'well before');
    redis_cli($p->{redis}, 'SCRIPT', 'FLUSH');

    my $answer = raw($nginx->{port}, "POST /signin HTTP/1.0\r\n"
        . 'Content-Type: application/x-www-form-urlencoded'
        . "\r\nContent-Length: " . length($form) . "\r\n\r\n$form");

    is(code($answer), 303, 'are loaded again, and nobody notices');

    my ($new) = $answer =~ /^Set-Cookie: keepers=([^;]+)/m;

    is(code(ask($new)), 200, 'the session is there');
};

# It looks like one on which nothing is published; Redis answers all else.
subtest 'a subscription that is silent' => sub {
    my $subscribed = sub { return raw($nginx->{port}, "GET /status HTTP/1.0"
                           . "\r\n\r\n") =~ /^keepers_subscribed 1$/m };

    ok((wait_for { $subscribed->() }), 'there is one');
    $fake->mode('to:PING:');
    ok((wait_for { !$subscribed->() }), 'is none');
    $fake->mode('right');
    ok((wait_for { $subscribed->() }), 'and is again when it answers');
    ok((wait_for { code(ask($cookies[0])) == 200 }), 'and then well');
};

# nchan#481: a balancer in front takes connections for a Redis that is away.
# Only an answer counts as recovery: not that it can be reached.
subtest 'a Redis that greets and then hangs' => sub {
    my $made = sub { return scalar(grep { $_ eq 'accept' } $fake->seen()) };

    $fake->mode('hang');

    my $before = $made->();
    my $until = time() + 4;

    ask($cookies[0]) while time() < $until;

    my $tries = $made->() - $before;

    cmp_ok($tries, '<=', 17, 'is tried less and less often');
    cmp_ok($tries, '>=', 3, 'but is');
    $fake->mode('right');
    ok(wait_for { code(ask($cookies[0])) == 200 }, 'and then well');
};

# The epoch is raised before the list is asked for: who is told to try again is
# signed out all the same.
subtest 'a list that is none, of sessions that end' => sub {
    for my $reply ("+OK\r\n", ":1\r\n", "*3\r\n+a\r\n+b\r\n+c\r\n") {
        $fake->mode('right');

        my ($own) = token();

        is(code(ask($own)), 200, 'signed in');
        $fake->mode("to:EVALSHA:$reply");
        is(code(raw($nginx->{port}, "DELETE /sessions/all HTTP/1.1\r\n"
                . "Host: x\r\nConnection: close\r\nOrigin: http://x\r\n"
                . "Cookie: keepers=$own\r\n\r\n")), 503, 'told to try again');
        $fake->mode('right');
        ok((wait_for { code(ask($own)) == 401 }), 'and signed out');
    }

    @cookies = (token(), token());
};

# mod_auth_openidc 07/28/26: the password of Redis, and values, in the log.
subtest 'what an error says is not repeated' => sub {
    canary('canary-error');
    wrong("tell:-ERR unknown 'canary-error\@example.com'\r\n", 503);
    wrong("tell:-NOPERM canary-error\r\n", 503);
    ok(!logs(qr/canary-error/), 'in a log');
};

subtest 'a Redis that refuses us' => sub {
    my $lines = () = logs(qr/keepers: Redis/);

    $fake->mode('error_LOADING');
    is(code(ask($cookies[0])), 503, 'a Redis that loads is not an empty one')
        for 1 .. 20;
    $fake->mode('right');
    ok(wait_for { code(ask($cookies[0])) == 200 }, 'and then well');

    cmp_ok(scalar(() = logs(qr/keepers: Redis/)), '<=', $lines + 2,
           'the log says so once');

    $lines = () = logs(qr/answers with an error, OOM/);
    $fake->mode('error_OOM');
    is(code(ask($cookies[0])), 503, 'nor is one that is full') for 1 .. 5;
    $fake->mode('right');
    ok(wait_for { code(ask($cookies[0])) == 200 }, 'and then well');
    cmp_ok(scalar(() = logs(qr/answers with an error, OOM/)), '<=', $lines + 1,
           'the log says so once a minute');
};

is("@{[workers($nginx)]}", "@workers", 'the same workers all the time');

$fake->stop();
done_testing();
