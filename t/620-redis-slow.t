#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis that stops costs each request its time-out once, no more; commands in
# flight are bounded; and when it goes on, nobody has been signed out.

# (nchan 3e69e5c6: the time-outs of hiredis did not hold; these are our own.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp;
use IO::Select;
use IO::Socket::INET;
use Keepers::FakeRedis;
use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


use constant TIMEOUT_S => 0.2;

my $p = start_platform();
my $dir = File::Temp->newdir('keepers-XXXXXX', TMPDIR => 1);
my $password = "$p->{dir}/keys/redis-edge.password";
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});

sub conf {
    my ($socket) = @_;

    return <<"END" . <<'END';
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$socket user=edge
                                   password_file=$password;
    keepers_redis_timeout          200ms;
    keepers_redis_connect_timeout  200ms;
    keepers_redis_queue            32;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          0;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /open/ {
            alias %%DIR%%/html/;
        }

        location = /status {
            keepers_status prometheus;
        }
    }
END
}

my ($straight, $through) = map { start_nginx(conf($_)) } $p->{redis_socket},
                                                         "$dir/fake.sock";

for my $nginx ($straight, $through) {
    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);
}

my ($cookie) = map { $_->value } grep { $_->name eq 'keepers' }
               @{sign_in($p)->cookie_jar->all};


# Sends one request on each of n connections, at once, and gathers: how many
# of each status, the longest time, answers with a cookie.
sub crowd {
    my ($nginx, $n, $path) = @_;
    my (%seen, %begun);

    my $select = IO::Select->new();

    for (1 .. $n) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $nginx->{port})
            or die("connect: $!\n");

        $socket->syswrite('GET ' . ($path // '/page/') . " HTTP/1.0\r\n"
                          . "Cookie: keepers=$cookie\r\n\r\n");
        $begun{$socket} = time();
        $select->add($socket);
    }

    $seen{longest} = 0;

    my $until = time() + 10;

    # can_read() also returns when a process of ours stops
    while ($select->count() && time() < $until) {
        for my $socket ($select->can_read(1)) {
            my $answer = '';

            while ($socket->sysread($answer, 65536, length($answer))) { }

            my $took = time() - $begun{$socket};

            $seen{$answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 'none'}++;
            $seen{cookie}++ if $answer =~ /^Set-Cookie:/mi;
            $seen{longest} = $took if $took > $seen{longest};
            $select->remove($socket);
        }
    }

    return \%seen;
}


sub metric {
    my ($nginx, $name) = @_;

    my $text = ua()->get("$nginx->{url}/status")->res->body;
    return $text =~ /^\Q$name\E (\d+)/m ? $1 : undef;
}


sub is_well {
    my ($nginx, $why) = @_;

    return ok(wait_for { (crowd($nginx, 1)->{200} // 0) == 1 }, $why);
}


# What came of a crowd at a Redis that is slow: the first that is as it should be,
# or the last of three, for a machine that is busy makes all slower.
sub slow {
    my ($n, $good) = @_;
    my $seen;

    for (1 .. 3) {
        $fake->mode('right');
        is_well($through, 'well before');
        $fake->mode('slow:0.08');
        $seen = crowd($through, $n);
        last if $good->($seen);
    }

    return $seen;
}


is_well($straight, 'a page');
is_well($through, 'and one through the other');

subtest 'Redis stops' => sub {
    my @all;

    pause($p->{redis});

    my $first = crowd($straight, 20);

    is($first->{503}, 20, 'who asks then gets a 503')
        or diag(explain($first));
    cmp_ok($first->{longest}, '<', 2 * TIMEOUT_S + 1,
           'within the time-out') or diag($first->{longest});

    push(@all, crowd($straight, 5)) for 1 .. 40;
    push(@all, $first);

    my @late = grep { $_->{longest} > TIMEOUT_S * 3 / 4 } @all;

    cmp_ok(scalar(@late), '<=', 10, 'the others need not wait for it');
    is(crowd($straight, 20, '/open/')->{200}, 20, 'open pages are served');

    resume($p->{redis});

    is(scalar(grep { $_->{cookie} || $_->{200} || $_->{401} } @all), 0,
       'never a page, a sign-out or a cookie');
    is_well($straight, 'then the same session is good again');
    is(crowd($straight, 20)->{200}, 20, 'for everyone');
};

subtest 'commands in flight are bounded' => sub {
    my $name = 'keepers_redis_errors_total{kind="busy"}';
    my $before = metric($straight, $name);

    pause($p->{redis});
    my $seen = crowd($straight, 100);
    resume($p->{redis});

    is($seen->{503}, 100, 'all are refused');

    my $refused = metric($straight, $name) - $before;

    cmp_ok($refused, '>=', 100 - 32 - 1, 'those above the bound at once');
    is_well($straight, 'and then well');
};

subtest 'a Redis that is slow, but moves' => sub {
    # the pauses of the Redis behind it were outages for this one too
    is_well($through, 'well at first');

    my @workers = workers($through);

    # the fourth waits for 0.32 s, longer than the time-out
    my $seen = slow(4, sub { ($_[0]{200} // 0) == 4 });

    is($seen->{200}, 4, 'is not taken for one that hangs')
        or diag(explain($seen));
    cmp_ok($seen->{longest}, '>', TIMEOUT_S, 'though the last one waits');

    # the twelfth would wait for nearly a second
    $seen = slow(12, sub { $_[0]{503}
                           && $_[0]{longest} < 2 * TIMEOUT_S + 0.15 });
    ok($seen->{503}, 'but nobody waits for ever');
    cmp_ok($seen->{longest}, '<', 2 * TIMEOUT_S + 0.15,
           'only twice the time-out') or diag(explain($seen));
    ok(!$seen->{401} && !$seen->{cookie}, 'and nobody is signed out');

    $fake->mode('right');
    is_well($through, 'and then well');
    is("@{[workers($through)]}", "@workers", 'by the same workers');
};

subtest 'an nginx that is late itself' => sub {
    is_well($through, 'well at first');

    my ($worker) = workers($through);

    $fake->mode('slow:0.1');

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $through->{port});

    $socket->syswrite("GET /page/ HTTP/1.0\r\nCookie: keepers=$cookie\r\n\r\n");
    sleep(0.05);
    kill('STOP', $worker);
    sleep(4 * TIMEOUT_S);
    kill('CONT', $worker);

    my $answer = '';

    while ($socket->sysread($answer, 65536, length($answer))) { }
    like($answer, qr/ 200 .*MARKER/s, 'does not blame Redis');

    $fake->mode('right');
    is_well($through, 'and goes on');
};

$fake->stop();
done_testing();
