#!/usr/bin/perl

# Copyright (C) Keepers

# Signups, 32 at a time, while the writer is killed again and again, then has
# its power cut, then while Redis is killed.  Fails if one that was answered
# "received" is not stored, or one is stored twice.  Started by
# ./build.sh durable [KILLS [CUTS [REDIS]]].

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Disk;
use Keepers::Load;
use Keepers::Test;
use Test::More;


my ($kills, $cuts, $redis) = (@ARGV, (100, 20, 20)[@ARGV .. 2]);

# its log is moved all the time, too
local $ENV{KEEPERS_WRITER_STORE_LOG_MIB} = 1;

my $p = start_platform(limits => 'off');
my $disk = Keepers::Disk->new($p);
my $load = Keepers::Load->new($p);


sub served {
    return wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 };
}


# So many times the same fault under load, then what became of the signups.
sub endures {
    my ($times, $what, $fault, $mend) = @_;
    my ($before, $back) = ($load->received, 0);

    for my $round (1 .. $times) {
        $load->run(0.4, $fault);
        $mend->();
        $back += served();
        note("$what: $round of $times") if $round % 10 == 0;
    }

    is($back, $times, "$what $times times: back each time");

    my ($lost, $doubled) = $load->lost_and_doubled;

    cmp_ok($load->received - $before, '>', 10 * $times,
           ($load->received - $before) . ' signups were received');
    is($lost, 0, 'none of them is lost');
    is($doubled, 0, 'none is stored twice');
    return;
}


endures($kills, 'the writer is killed', sub { kill_hard($p->{writer}) },
        sub { restart($p->{writer}) });

$disk->start();

my ($taken, $cut) = (0, 0);

endures($cuts, 'the power is cut',
        sub { $taken += $disk->cut_power($cut++ % 2 ? 0.5 : 0) },
        sub { $disk->start() });
cmp_ok($taken, '>', 0, 'the cuts took something');

endures($redis, 'Redis is killed', sub { kill_hard($p->{redis}) },
        sub { restart($p->{redis}) });

is($disk->broken, '', 'the database is whole');

done_testing();
