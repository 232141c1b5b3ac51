#!/usr/bin/perl

# Copyright (C) Keepers

# Sign-ins with a wrong password, as many at an account that is there as at one
# that is not, in an order of chance, and whether the two can be told apart by
# their times, or by those of what comes behind them.  Started by
# ./build.sh timing [SAMPLES]; 5,000 of each by default.
#
# A hash is as cheap here as the writer allows, since what a dear one adds to
# both would hide what differs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Process;
use Keepers::Test;
use Keepers::Distance;
use Test::More;


my ($n) = (@ARGV, 5000);
my $password = canary('canary-wrong-7Qx');

$ENV{KEEPERS_WRITER_ARGON2_MEMORY_KIB} = 8192;
$ENV{KEEPERS_WRITER_ARGON2_PASSES} = 1;

my $p = start_platform(limits => 'off');
my $socket = listens($p->{nginx}{port}) or die("nginx: $!\n");


sub request {
    my ($email) = @_;
    my $body = "email=$email&password=$password";

    return join("\r\n", 'POST /signin HTTP/1.1', 'Host: x',
                "Origin: http://x", 'Sec-Fetch-Site: same-origin',
                'Content-Type: application/x-www-form-urlencoded',
                'Content-Length: ' . length($body), '', $body);
}


sub us { return sprintf('%.0f us', 1e6 * $_[0]) }

sub part {
    my ($part, $times) = @_;

    return us((sort { $a <=> $b } @$times)[$part * $#$times]);
}


# What of them is told apart once in a thousand runs by chance is too much.
sub alike {
    my ($what, $times) = @_;
    my ($d, $chance) = ks(@$times{qw(known unknown)});

    for my $kind (qw(known unknown)) {
        note(sprintf('%-8s %-8s p10 %s, p50 %s, p90 %s, p99 %s', $what, $kind,
                     map { part($_, $times->{$kind}) } 0.1, 0.5, 0.9, 0.99));
    }

    cmp_ok($d, '<', ks_bound($n, 1e-3),
           sprintf('%s: D = %.4f, p = %.3f', $what, $d, $chance));
    return;
}


# Both addresses are as long.
my %email = (known => $p->{owner_email},
             unknown => $p->{owner_email} =~ s/^owner/nobod/r);
my %request = map { $_ => request($email{$_}) } keys %email;

my $ask = sub {
    my ($kind) = @_;

    # nginx closes a connection after so many requests
    my $answer = eval { exchange($socket, $request{$kind}) };

    if (!defined $answer) {
        $socket = listens($p->{nginx}{port});
        $answer = exchange($socket, $request{$kind});
    }

    $answer =~ m{^HTTP/1\.1 401 } or die('answered: ' . substr($answer, 0, 40));
};

$ask->($_) for (qw(known unknown)) x 10;

my $times = interleaved($n, 1e9, sub {
    return map { my $kind = $_; ($kind => sub { $ask->($kind) }) } keys %email;
});

note("$n sign-ins of each");
alike('a sign-in', $times);
alike('the next', $times->{after});
done_testing();
