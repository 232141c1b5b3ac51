#!/usr/bin/perl

# Copyright (C) Keepers

# The time of a refusal does not say whether there is such an account.
# (./build.sh timing looks longer.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Keepers::Distance;
use Keepers::Writer;
use Test::More;

my $N = 250;

my $writer = Keepers::Writer->new('argon2.passes' => 1);
my $password = canary('canary-correct-horse');
my @known = map { sprintf('canary-%02d@example.org', $_) } 1 .. 2;

$writer->account(business => 'Tea', role => 'owner', email => $_,
                 password => $password) for @known;
$writer->start;


subtest 'the test' => sub {
    my @even = map { $_ / 1000 } 1 .. 1000;
    my ($d, $p) = ks(\@even, [map { $_ + 0.0001 } @even]);

    cmp_ok($d, '<', 0.002, 'two that are alike are near');
    cmp_ok($p, '>', 0.99, '... as one expects');

    ($d, $p) = ks(\@even, [map { $_ + 0.1 } @even]);
    cmp_ok(abs($d - 0.1), '<', 0.002, 'one that is later is as far as that');
    cmp_ok($p, '<', 1e-4, '... which is not by chance');
    cmp_ok($p, '>', 5e-5, '... though it might be');

    ($d, $p) = ks([(1) x 50], [(2) x 50]);
    is($d, 1, 'two that do not meet are far');
    cmp_ok($p, '<', 1e-9, '... for certain');
    cmp_ok(abs(ks_bound(5000, 0.05) - 0.02716), '<', 1e-4, 'the bound');
};


my $socket = IO::Socket::UNIX->new($writer->{socket}) or die("connect: $!\n");

sub request {
    my ($email) = @_;
    my $bytes = $writer->seal(signin => email => $email, password => 'wrong');

    return join("\r\n", 'POST /v1/signin HTTP/1.1', 'Host: x',
                'Content-Type: application/octet-stream',
                'Content-Length: ' . length($bytes), '', $bytes);
}


# Of a sign-in with each of these addresses.
sub times_of {
    my (%email) = @_;

    return interleaved($N, 10, sub {
        return map {
            my $bytes = request($email{$_});

            ($_ => sub {
                exchange($socket, $bytes) =~ m{^HTTP/1\.1 401 }
                    or die("not refused\n");
            })
        } sort keys %email;
    });
}


subtest 'an account that is not there' => sub {
    exchange($socket, request($_)) for (@known) x 3;

    my $times = times_of(known => $known[0],
                         unknown => $known[1] =~ s/02/no/r);
    my ($d, $p) = ks($times->{known}, $times->{unknown});

    cmp_ok($d, '<', ks_bound($N, 1e-6),
           sprintf('is as slow as one that is: %.3f, p = %.3f', $d, $p));
};

done_testing();
