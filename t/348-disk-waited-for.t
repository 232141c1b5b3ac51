#!/usr/bin/perl

# Copyright (C) Keepers

# The committer goes on while the disk is busy, and nobody is answered before
# the disk has what they sent: what a power cut takes was promised to nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Disk;
use Keepers::Test;
use Keepers::Writer;
use Mojo::Promise;
use Test::More;


my $least = 16;                             # WRITER_COMMIT_LEAST
my $ahead = 512;                            # WRITER_COMMIT_BATCH

my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my ($n, $under_way) = (0, 0);
my @codes;

$writer->command('', qw(link add --offer Tea --slug tea --business),
                 $ids->{business});
$writer->{ua}->max_connections(0)->inactivity_timeout(0);
$writer->start;

my $disk = Keepers::Disk->new($writer);
my $hold = "$writer->{dir}/hold";


sub sealed {
    return $writer->seal(signup => slug => 'tea', name => 'Ana',
        locale => 'en', email => 'canary-d' . ++$n . '@example.org');
}


sub batch { return 'KB' . join('', map { pack('n/a*', $_) } @_) }


# Sends signups and waits for no answer; @codes has those that come.
sub send_signups {
    for my $body (@_) {
        $under_way++;
        $writer->post_p('/v1/signups', $body)->then(
            sub { push(@codes, $_[0]->res->code) },
            sub { push(@codes, 'cut off') })
            ->finally(sub { $under_way-- });
    }
    return;
}


sub stored { return sql($writer, 'SELECT count(*) FROM customers') }


# Lets answers come, until it is so; false if it is not within ten seconds.
sub soon {
    my ($is_so) = @_;
    my $until = time() + 10;

    Mojo::IOLoop->one_tick while time() < $until && !$is_so->();
    return $is_so->();
}


sub settle {
    my ($seconds) = @_;

    Mojo::Promise->timer($seconds)->wait;
    return;
}


# A writer whose log has begun: its header is waited for by itself.
sub begin {
    @codes = ();
    $disk->start("KEEPERS_POWERCUT_HOLD=$hold");
    send_signups(sealed());
    ok((soon(sub { !$under_way })), 'a signup before it');
    is("@codes", '202', '... is received');
    @codes = ();
    return;
}


my $timer = Mojo::IOLoop->recurring(0.02 => sub { });

# Frames that are on the disk before it would be read as part of the log before.
subtest 'the beginning of a log' => sub {
    $disk->start("KEEPERS_POWERCUT_HOLD=$hold");
    spew($hold, '');
    send_signups(sealed());
    settle(0.5);
    is(stored(), 0, 'nothing is committed behind a header');
    unlink($hold);
    ok((soon(sub { !$under_way })), 'that the disk does not have');
    is("@codes", '202', 'then it is');
};

subtest 'a disk that takes its time' => sub {
    begin();
    spew($hold, '');
    send_signups(sealed());
    ok((soon(sub { stored() == 3 })), 'a signup is committed');
    settle(0.5);
    is("@codes", '', 'and not answered');

    send_signups(map { sealed() } 2 .. $least);
    settle(0.5);
    is(stored(), 3, 'fewer than a transaction is worth wait');

    send_signups(sealed());
    ok((soon(sub { stored() == 3 + $least })), 'as many do not');
    settle(0.5);
    is("@codes", '', 'still nobody is answered');

    unlink($hold);
    ok((soon(sub { !$under_way })), 'the disk is free: all are answered');
    is("@codes", join(' ', (202) x ($least + 1)), 'received');
};

# What was committed when a sync had begun waits for the next one.
subtest 'one sync behind another' => sub {
    my $had = stored();
    my @bodies = map { sealed() } 1 .. $least;

    @codes = ();
    spew($hold, '');
    send_signups(sealed());
    ok((soon(sub { stored() == $had + 1 })), 'one is committed');
    settle(0.2);
    send_signups(@bodies);
    ok((soon(sub { stored() == $had + 1 + $least })), 'others behind it');

    rename($hold, "$hold.next");
    ok((soon(sub { @codes > 0 })), 'the disk has the first');
    settle(0.5);
    is("@codes", '202', 'it alone is answered');

    unlink("$hold.next");
    ok((soon(sub { !$under_way })), 'the disk has the others');
    is("@codes", join(' ', (202) x (1 + $least)), 'all are answered');
};

subtest 'a disk that stands still' => sub {
    my $had = stored();
    my @batches = map { batch(map { sealed() } 1 .. 32) } 1 .. 2 * $ahead / 32;

    @codes = ();
    spew($hold, '');
    send_signups(sealed());
    ok((soon(sub { stored() == $had + 1 })), 'it waits for one');

    send_signups(@batches);
    ok((soon(sub { stored() >= $had + $ahead })), 'more are committed');
    settle(0.7);
    cmp_ok(stored(), '<', $had + 2 * $ahead, 'but not all that come');
    is("@codes", '', 'nobody is answered');

    unlink($hold);
    ok((soon(sub { !$under_way })), 'it goes on: all are answered');
    is("@codes", join(' ', (202) x (1 + @batches)), 'received');
    is(stored(), $had + 1 + 2 * $ahead, 'each is stored once');
};

subtest 'a power cut meanwhile' => sub {
    my $had = stored();
    my @bodies = map { sealed() } 0 .. $least;

    @codes = ();
    spew($hold, '');
    send_signups(shift(@bodies));
    ok((soon(sub { stored() == $had + 1 })), 'one is committed');
    send_signups(@bodies);
    ok((soon(sub { stored() == $had + 1 + $least })), 'others behind it');

    $disk->cut_power;
    ok((soon(sub { !$under_way })), 'it is dark');
    is("@codes", join(' ', ('cut off') x ($least + 1)), 'nobody was answered');

    unlink($hold);
    ok($disk->start(), 'it starts again');
    is(stored(), $had, 'none of them is there');
};

subtest 'a writer that is told to stop' => sub {
    begin();

    my $had = stored();

    spew($hold, '');
    send_signups(batch(map { sealed() } 1 .. 3));
    ok((soon(sub { stored() == $had + 3 })), 'three are committed');
    kill('TERM', $writer->{process}{pid});
    settle(0.5);
    is("@codes", '', 'it does not answer');
    ok(alive($writer->{process}), '... nor end');

    unlink($hold);
    ok((soon(sub { !$under_way })), 'the disk is free');
    is("@codes", '202', 'they are received');
    ok((soon(sub { !alive($writer->{process}) })), '... and it ends');
    is(stored(), $had + 3, 'what was received is there');
};

is($disk->broken, '', 'the database is whole');

done_testing();
