#!/usr/bin/perl

# Copyright (C) Keepers

# A signup asks Redis for its reservation and for all of its limits in one
# call: who comes again is answered as before and charged nothing, who is
# refused leaves nothing behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Promise;
use Test::More;


# An address may be given twice a day, and who gives it again is refused.
sub platform {
    my ($more) = @_;

    return start_platform(conf => sub {
        my ($file) = @_;
        my $limits = $file =~ s{[^/]+$}{keepers-limits.conf}r;
        my $text = slurp($limits);

        $text =~ s{(signup_recipient\s.*?)rate=\S+ burst=\d+ mode=hold}
                  {${1}rate=2/d burst=2}s or die("no limit of recipients\n");
        spew($limits, $text, 0644);
        $more->($file =~ s{[^/]+$}{redis.conf}r) if $more;
    });
}

my $p = platform();


sub signup {
    my ($key, %fields) = @_;

    return ua()->post($p->{link_url} => { 'Idempotency-Key' => $key }
                      => json => { name => 'Ana', email => 'ana@example.com',
                                   %fields })->res;
}

sub calls {
    my $text = redis_cli($p->{redis}, 'INFO', 'commandstats');
    my %n = $text =~ /^cmdstat_(\w+):calls=(\d+)/mg;

    return \%n;
}

sub reservations { return split(/\n/, redis_cli($p->{redis}, 'KEYS', '*:i')) }


# the link is in the zone from now on
is(signup('one')->code, 202, 'a signup is received');

subtest 'what it asks of Redis' => sub {
    my $before = calls();

    is(signup('two', email => 'bo@example.com')->code, 202, 'another');

    my $after = calls();

    is($after->{evalsha} - $before->{evalsha}, 1,
       'the limits of the network, of the link and of what it says');
    is(($after->{setnx} // 0) - ($before->{setnx} // 0), 0,
       'and no reservation by itself');
    is(scalar(reservations()), 2, 'though there is one');
};

subtest 'the same once more' => sub {
    my $first = signup('one');

    is($first->code, 202, 'is answered alike');
    is($first->body, signup('two', email => 'bo@example.com')->body,
       'byte for byte');
    is(signup('one', name => 'Eva')->code, 422, 'but not with another body');
};

sub budget {
    is(signup('three')->code, 202, 'the repeats have used none of it');
    is(signup('four')->code, 429, 'now it is');
    is(scalar(reservations()), 3, 'who is refused reserves nothing');
    is(signup('four')->code, 429, 'nor later, when the zone knows');
    is(scalar(reservations()), 3, 'that he is');
    is(signup('three')->code, 202, 'what was received stays received');
    is(signup('one')->code, 202, 'whatever the budget says');
    return;
}

subtest 'a budget that is used up' => \&budget;

subtest 'many at once' => sub {
    my $ua = ua()->max_connections(30);
    my %codes;

    my @going = map {
        $ua->post_p($p->{link_url} => { 'Idempotency-Key' => 'many' }
                    => json => { name => 'Cy', email => 'cy@example.com' })
           ->then(sub { $codes{$_[0]->res->code}++ })
    } 1 .. 30;

    Mojo::Promise->all(@going)->wait;

    is($codes{202} + ($codes{409} // 0), 30,
       'of one key, each is received or told that one is under way');
    cmp_ok($codes{202}, '>=', 1, 'at least one is received');
    is(signup('cy', email => 'cy@example.com')->code, 202,
       'and one alone was charged');
};

# The node of a cluster, whose keys are of several slots: one after the other.
subtest 'on a node of a cluster' => sub {
    my ($port, $bus) = (free_port(), free_port());

    allow_log(qr/CROSSSLOT/);

    $p = platform(sub {
        my ($file) = @_;
        my ($dir) = slurp($file) =~ /^dir\s+(\S+)/m;

        spew("$dir/nodes.conf", 'a' x 40 . " 127.0.0.1:$port\@$bus "
             . "myself,master - 0 0 1 connected 0-16383\n"
             . "vars currentEpoch 1 lastVoteEpoch 0\n", 0644);
        spew($file, slurp($file) . "\nport $port\nbind 127.0.0.1\n"
             . "cluster-enabled yes\ncluster-port $bus\n"
             . "cluster-config-file nodes.conf\n", 0600);
    });

    is(signup('one')->code, 202, 'a signup is received');
    is(signup('two', email => 'bo@example.com')->code, 202, 'another');
    budget();
    cmp_ok(scalar(logs(qr/CROSSSLOT/)), '>=', 1, 'and it was one');
};

done_testing();
