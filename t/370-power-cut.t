#!/usr/bin/perl

# Copyright (C) Keepers

# What was answered "received" survives a power cut, which drops all that was
# written and not synchronized.  A kill -9 alone would prove nothing: it keeps
# what the system still has in memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Load;
use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');
my $load = Keepers::Load->new($p);
my $data = "$p->{dir}/data";
my $notes = work_dir() . '/notes';
my $shim = work_dir() . '/powercut.so';
my $writer = $p->{writer};
my @command = @{$writer->{command}};

mkdir($notes);
system('cc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o',
       $shim, "$FindBin::Bin/tools/powercut.c", '-ldl') == 0
    or die("powercut.c does not compile\n");


# The writer on a disk that forgets, or on one that also lies.
sub on_disk {
    my (@lie) = @_;

    return ['env', "LD_PRELOAD=$shim", "KEEPERS_POWERCUT_DIR=$data/",
            "KEEPERS_POWERCUT_NOTES=$notes", @lie,
            'ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0', @command];
}


# Takes back, last one first, what was written since the last fsync.
sub cut_power {
    my $taken = 0;

    kill_hard($writer);

    for my $file (glob("$notes/*.notes")) {
        my $text = slurp($file);
        my ($name) = $file =~ m{([^/]+)\.notes$};
        my ($at, @writes) = (0);

        # a note that was cut short is of a write that was never made
        while ($at + 20 <= length($text)) {
            my ($offset, $size, $n) = unpack('QQL', substr($text, $at, 20));

            last if $at + 20 + $n > length($text);

            push(@writes, [$offset, $size, substr($text, $at + 20, $n)]);
            $at += 20 + $n;
        }

        $taken += @writes;
        take_back("$data/$name", reverse @writes);
        unlink($file);
    }

    unlink(glob("$data/*-shm"));
    return $taken;
}


sub take_back {
    my ($path, @writes) = @_;

    # a file that was removed since then has nothing to lose
    open(my $to, '+<:raw', $path) or return;

    for my $write (@writes) {
        my ($offset, $size, $old) = @$write;

        if (length($old)) {
            seek($to, $offset, 0);
            print $to $old;
            $to->flush;
        }

        truncate($to, $size);
    }

    close($to);
    return;
}


sub start_again {
    my (@lie) = @_;

    $writer->{command} = on_disk(@lie);
    restart($writer);
    return wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 };
}


start_again();

subtest 'an honest disk' => sub {
    my $taken = 0;

    for my $round (1 .. 12) {
        $load->run(0.3, sub { $taken += cut_power() });
        ok(start_again(), "round $round: it is back");
    }

    my ($lost, $doubled) = $load->lost_and_doubled;

    cmp_ok($load->received, '>', 200, 'many were received');
    cmp_ok($taken, '>', 0, 'the cuts took something');
    is($lost, 0, 'nothing that was received is lost');
    is($doubled, 0, 'nothing is there twice');

    stop($writer);
    is(qx(sqlite3 '$data/keepers.db' 'PRAGMA integrity_check'), "ok\n",
       'the database is whole');
    is(qx(sqlite3 '$data/keepers.db' 'PRAGMA foreign_key_check'), '',
       'and so are its references');
};

subtest 'a disk that lies' => sub {
    ok(start_again('KEEPERS_POWERCUT_LIE=1'), 'it starts');

    $load->run(0.3);
    cut_power();
    start_again();

    my ($lost) = $load->lost_and_doubled;

    cmp_ok($lost, '>', 0, 'is noticed: this test can fail');
};

done_testing();
