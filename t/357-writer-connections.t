#!/usr/bin/perl

# Copyright (C) Keepers

# Connections to the writer while what they asked for is being stored: a next
# request that is sent ahead, far too much of it, and clients that leave.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::UNIX;
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my %owner = (%$ids, role => 'owner');
my ($n, $stored) = (0, 0);


# A signup that nobody has made yet, as an edge sends it.
sub signup {
    my $body = $writer->seal(signup => slug => 'tea', name => 'Ana',
        locale => 'en', email => 'canary-c' . ++$n . '@example.org');

    return "POST /v1/signups HTTP/1.1\r\nHost: writer\r\n"
           . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


sub connection {
    my ($bytes) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $writer->{socket})
        or die("writer: $!\n");

    $socket->syswrite($bytes);
    return $socket;
}


# The codes of the answers, until so many have come, it is closed or 5 s over.
sub codes {
    my ($socket, $want) = @_;
    my $until = time() + 5;
    my ($text, @codes) = ('');

    while (@codes < $want && (my $left = $until - time()) > 0) {
        IO::Select->new($socket)->can_read($left) or last;
        $socket->sysread($text, 65536, length($text)) or last;
        @codes = $text =~ m{^HTTP/1\.1 (\d+)}mg;
    }

    return "@codes";
}


# And long enough for the loop to have seen it all.
sub meanwhile {
    my ($do) = @_;

    return $writer->held_up(sub { $do->(); sleep(0.3) });
}


sub total {
    return decode_json($writer->api(\%owner, GET => 'summary')->body)->{total};
}


sub stores {
    my ($more, $what) = @_;

    $stored += $more;
    ok(wait_for { total() == $stored }, "$what: stored");
    return;
}


my ($status, $text) = $writer->command('', qw(link add --offer Tea), '--business',
                                       $ids->{business}, qw(--slug tea));
$status == 0 or die($text);
$writer->start;
local $SIG{PIPE} = 'IGNORE';

subtest 'requests that are sent ahead' => sub {
    my $socket = connection(signup() . signup() . signup());

    is(codes($socket, 3), '202 202 202', 'in one piece');

    my $bytes = signup();

    for my $cut (1, 4, 40, length($bytes) - 1) {
        $bytes = signup();

        meanwhile(sub {
            $socket->syswrite(signup());
            sleep(0.05);
            $socket->syswrite(substr($bytes, 0, $cut));
        });

        $socket->syswrite(substr($bytes, $cut));
        is(codes($socket, 2), '202 202', "cut at $cut");
    }

    stores(3 + 4 * 2, 'all');
};

subtest 'a request that comes behind an answer' => sub {
    my $socket = connection(signup());

    is(codes($socket, 1), '202', 'the first');
    $socket->syswrite(signup());
    is(codes($socket, 1), '202', 'the second');
    stores(2, 'both');
};

subtest 'far too much ahead' => sub {
    my @sockets;

    meanwhile(sub {
        for (1 .. 20) {
            my $socket = connection(signup());

            $socket->blocking(0);
            push(@sockets, $socket);
        }

        for (1 .. 40) {
            sleep(0.01);
            $_->syswrite('x' x 131072) for @sockets;
        }

        my ($kb) = slurp("/proc/$writer->{process}{pid}/status")
                   =~ /^VmRSS:\s+(\d+)/m;

        cmp_ok($kb, '<', 60_000, "it waits outside: $kb KB");
        is($writer->{ua}->get($writer->url('/healthz'))->res->code, 200,
           'others are served');
    });

    # what came behind it is no request
    is(join(' ', map { codes($_, 1) =~ s/ 400$//r } @sockets),
       join(' ', ('202') x 20), 'each signup is answered');
    stores(20, 'all');
};

subtest 'clients that leave' => sub {
    meanwhile(sub { connection(signup())->close for 1 .. 40 });
    stores(40, 'what they sent');

    meanwhile(sub {
        my $socket = connection(signup());

        $socket->shutdown(1);
        sleep(0.05);
        $socket->close;
    });
    stores(1, 'one that said first that it would send no more');

    connection(substr(signup(), 0, 60))->close for 1 .. 5;
    is(codes(connection(signup()), 1), '202', 'the next one');
    stores(1, 'it');
};

subtest 'nothing is under way any more' => sub {
    my $before = time();

    stop($writer->{process});
    cmp_ok(time() - $before, '<', 2, 'it stops at once');
    is(scalar(grep { /event=stopping busy=0/ } logs('event=stopping')), 1,
       'and waits for nobody');
};

done_testing();
