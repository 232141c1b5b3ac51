package Keepers::Distance;

# Copyright (C) Keepers

# Whether two kinds of request can be told apart by their time.
#
#     my $times = interleaved(200, 10, sub { known => .., unknown => .. });
#     my ($d, $p) = ks($times->{known}, $times->{unknown});
#
# An answer is timed from the first byte sent to the last received, over a
# connection that is kept: "exchange" does one.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use List::Util qw(shuffle);
use Time::HiRes qw(time);

our @EXPORT = qw(exchange interleaved ks ks_bound);


# Sends a request and returns its answer, which has a Content-Length.
sub exchange {
    my ($socket, $bytes) = @_;
    my $text = '';

    $socket->syswrite($bytes);

    while (1) {
        if ($text =~ /^(.*?\r\n\r\n)/s) {
            my $head = length($1);
            my ($length) = $text =~ /^Content-Length: (\d+)\r$/mi;

            return $text if length($text) >= $head + ($length // 0);
        }

        IO::Select->new($socket)->can_read(30) or die("no answer\n");
        $socket->sysread($text, 65536, length($text)) or die("closed\n");
    }
}


# So many times of each kind, in seconds, in an order of chance: what else the
# machine does, and what a request leaves behind for the next, is of both alike.
# "make" returns what to call for each kind, and is called every so many seconds,
# for what is sealed does not keep.  {after}{kind}: of what came behind that one.
sub interleaved {
    my ($n, $every_s, $make) = @_;
    my (%ask, %times, $last);
    my $until = 0;
    my @order;

    while (1) {
        if (time() >= $until) {
            %ask = $make->();
            $until = time() + $every_s;
            @order = shuffle(map { ($_) x $n } sort keys %ask) unless @order;
        }

        my $kind = shift(@order);
        my $began = time();

        $ask{$kind}->();

        my $took = time() - $began;

        push(@{$times{$kind}}, $took);
        push(@{$times{after}{$last}}, $took) if defined $last;
        $last = $kind;
        return \%times unless @order;
    }
}


# The two-sample test of Kolmogorov and Smirnov: the largest distance between
# the two distributions, and how likely one like it is if they are the same.
sub ks {
    my ($first, $second) = @_;
    my @of = map { [sort { $a <=> $b } @$_] } $first, $second;
    my @n = map { scalar(@$_) } @of;
    my ($i, $j, $d) = (0, 0, 0);

    while ($i < $n[0] && $j < $n[1]) {
        my $at = $of[0][$i] < $of[1][$j] ? $of[0][$i] : $of[1][$j];

        $i++ while $i < $n[0] && $of[0][$i] <= $at;
        $j++ while $j < $n[1] && $of[1][$j] <= $at;

        my $distance = abs($i / $n[0] - $j / $n[1]);

        $d = $distance if $distance > $d;
    }

    my $root = sqrt($n[0] * $n[1] / ($n[0] + $n[1]));
    my $lambda = ($root + 0.12 + 0.11 / $root) * $d;
    my $p = 0;

    $p += 2 * (-1) ** ($_ - 1) * exp(-2 * $_ ** 2 * $lambda ** 2) for 1 .. 100;

    return ($d, $lambda < 0.2 || $p > 1 ? 1 : $p);
}


# The distance that two samples of n of the same exceed once in 1 / alpha times.
sub ks_bound {
    my ($n, $alpha) = @_;

    return sqrt(-log($alpha / 2) / 2) * sqrt(2 / $n);
}


1;
