#!/usr/bin/perl

# Copyright (C) Keepers

# What was answered "received" survives a power cut, which drops all that was
# written and not synchronized.  A kill -9 alone would prove nothing: it keeps
# what the system still has in memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Disk;
use Keepers::Load;
use Keepers::Test;
use Test::More;


# its log is moved all the time, too
local $ENV{KEEPERS_WRITER_STORE_LOG_MIB} = 1;

my $p = start_platform(limits => 'off');
my $load = Keepers::Load->new($p);
my $disk = Keepers::Disk->new($p);


$disk->start();

subtest 'an honest disk' => sub {
    my $taken = 0;

    # all that was not synchronized is gone, or half of it
    for my $round (1 .. 12) {
        $load->run(0.3, sub {
            $taken += $disk->cut_power($round % 2 ? 0 : 0.5);
        });
        ok($disk->start(), "round $round: it is back");
    }

    my ($lost, $doubled) = $load->lost_and_doubled;

    cmp_ok($load->received, '>', 200, 'many were received');
    cmp_ok($taken, '>', 0, 'the cuts took something');
    is($lost, 0, 'nothing that was received is lost');
    is($doubled, 0, 'nothing is there twice');

    ok(!$disk->early, 'the database is never ahead of the log');
    is($disk->broken, '', 'the database is whole');
};

# A sync of SQLite's own it may try again; one of ours it may not.
subtest 'a disk that fails' => sub {
    my $gone = 0;

    for my $which (3 .. 7) {
        my $until = time() + 3;

        # it may be gone before it is ready
        eval { $disk->start("KEEPERS_POWERCUT_FAIL=$which") };
        $load->run(0.5) while alive($p->{writer}) && time() < $until;
        $gone += !alive($p->{writer});
        ok($disk->start(), "sync $which fails: it starts again");
    }

    my ($lost, $doubled) = $load->lost_and_doubled;

    is(scalar(logs('event=store code=1034|event=store_sync code=1034')), 5,
       'each was noticed');
    is(scalar(logs('event=store_sync code=1034')), $gone,
       'and it says why it gives up');
    cmp_ok($gone, '>', 0, 'which it does');
    is($lost, 0, 'nothing that was received is lost');
    is($doubled, 0, 'nothing is there twice');
    is($disk->broken, '', 'the database is whole');
};

# More may be committed by then, behind what is gone; and what is gone can still
# be read, as if it were there.
subtest 'a disk that does not keep the log' => sub {
    my ($gone, $ready) = (0, 0);

    for my $which (2 .. 8) {
        my $until = time() + 5;

        eval { $disk->start("KEEPERS_POWERCUT_FAIL_LOG=$which") };
        $load->run(0.3) while alive($p->{writer}) && time() < $until;
        $gone += !alive($p->{writer});

        # what is received behind that, too, outlives a power cut
        $ready += $disk->start();
        $load->run(0.3);
        $disk->cut_power if $which > 3;
        $disk->start();
    }

    my ($lost, $doubled) = $load->lost_and_doubled;

    is($gone, 7, 'the writer gives up each time');
    is($ready, 7, 'and starts again');
    is($lost, 0, 'nothing that was received is lost');
    is($doubled, 0, 'nothing is there twice');
    is($disk->broken, '', 'the database is whole');
};

subtest 'a disk that lies' => sub {
    ok($disk->start('KEEPERS_POWERCUT_LIE=1'), 'it starts');

    $load->run(0.3);
    $disk->cut_power;
    $disk->start();

    my ($lost) = $load->lost_and_doubled;

    cmp_ok($lost, '>', 0, 'is noticed: this test can fail');
};

done_testing();
