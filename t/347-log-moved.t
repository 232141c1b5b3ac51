#!/usr/bin/perl

# Copyright (C) Keepers

# The database's log is moved into it under load and begins anew: it stays as
# long as [store] log_mib says, unless somebody reads what it was before, and
# nobody waits for that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IPC::Open2;
use Keepers::Disk;
use Keepers::Load;
use Keepers::Test;
use Test::More;


local $ENV{KEEPERS_WRITER_STORE_LOG_MIB} = 1;

my $p = start_platform(limits => 'off');
my $load = Keepers::Load->new($p);
my $disk = Keepers::Disk->new($p);
my $log = "$p->{database}-wal";


sub mib { return (-s $log) / (1 << 20) }


# Signups for so many seconds; how many were received.
sub signups {
    my ($seconds) = @_;
    my $before = $load->received;

    $load->run($seconds);

    return $load->received - $before;
}


# Until so many more have come, however slow the machine.
sub many {
    my ($want) = @_;
    my $until = time() + 60;

    while ($want > 0 && time() < $until) {
        $want -= signups(1.5);
    }

    return $want <= 0;
}


subtest 'it begins anew' => sub {
    # at least 8 KB a signup in batches of 16
    ok(many(1500), 'twelve times what the log may hold');
    cmp_ok(mib(), '>=', 1, 'it was used');
    cmp_ok(mib(), '<', 4, 'and moved: ' . mib());
};

subtest 'a slow disk' => sub {
    # megabytes come while one is moved
    ok($disk->start('KEEPERS_POWERCUT_SLOW=1'), 'it starts');
    cmp_ok(signups(6), '>', 500, 'signups are taken');
    cmp_ok(mib(), '<', 20, 'the log begins anew: ' . mib());
};

subtest 'a reader is in the way' => sub {
    ok($disk->start(), 'on a disk that is not slow');

    my $pid = open2(my $out, my $in, 'sqlite3', $p->{database});

    $in->autoflush(1);
    print $in "BEGIN;\nSELECT count(*) > 0 FROM customers;\n";
    is(<$out>, "1\n", 'it reads, and goes on reading');

    my $before = mib();

    ok(many(1500), 'signups are taken meanwhile');
    cmp_ok(mib(), '>', $before + 3, 'what it reads is not replaced: ' . mib());

    close($in);
    waitpid($pid, 0);

    my $long = mib();

    ok(many(1500), 'it is gone');
    cmp_ok(mib(), '<', $long + 6, 'the log begins anew: ' . mib());
};

subtest 'what it held is there' => sub {
    my ($lost, $doubled) = $load->lost_and_doubled;

    is($lost, 0, 'nothing is lost');
    is($doubled, 0, 'nothing is there twice');
    is(sql($p, 'PRAGMA integrity_check'), 'ok', 'the database is whole');
};

done_testing();
