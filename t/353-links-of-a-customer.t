#!/usr/bin/perl

# Copyright (C) Keepers

# By which links somebody has joined, and since when: the first is in their row,
# further ones are beside it, and in a database of an earlier release the first
# is beside it too.  And the clock says nothing of who is new.

use strict;
use utf8;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my %owner = (%$ids, role => 'owner');
my $database = { database => $writer->{database} };
my $id = 0;


sub uuid { return sprintf('01900000-0000-7000-8000-%012x', $_[0]) }

sub joins {
    my ($who, $slug, %field) = @_;

    return $writer->signup(slug => $slug, name => 'Ana', locale => 'en',
        email => "canary-$who\@example.org", id => uuid(++$id), %field)->code;
}


sub one {
    my ($who) = @_;
    my $found = $writer->items(\%owner, "customers?q=canary-$who\@")->[0]
        // return;

    return decode_json($writer->api(\%owner, GET => "customers/$found->{id}")
                           ->body);
}


sub links { return join(' ', map { $_->{slug} } @{one($_[0])->{links}}) }

# How often somebody has joined by each link, and the business altogether.
sub counted {
    my %n = map { ($_->{slug} => $_->{signups}) }
                @{$writer->items(\%owner, 'links')};

    return join(' ', map { "$_ $n{$_}" } sort keys %n) . ', '
           . decode_json($writer->api(\%owner, GET => 'summary')->body)
             ->{total};
}


for my $slug (qw(tea cake milk)) {
    my ($status, $text) = $writer->command('', qw(link add --offer Tea --slug),
                                           $slug, '--business',
                                           $ids->{business});
    $status == 0 or die($text);
}

$writer->start;

subtest 'of somebody new' => sub {
    is(joins('new', 'tea'), 202, 'who joins');
    is(links('new'), 'tea', 'has the link');
    is(sql($database, 'SELECT count(*) FROM memberships'), 0, 'in their row');
    is(sql($database, 'SELECT lower(hex(signup)) FROM customers'),
       uuid($id) =~ s/-//gr, 'with the signup');
    is(counted(), 'cake 0 milk 0 tea 1, 1', 'and is counted');
    is(joins('new', 'tea'), 202, 'who comes again');
    is(links('new'), 'tea', 'has it once');
    is(counted(), 'cake 0 milk 0 tea 1, 1', 'and is counted once');
};

subtest 'further ones' => sub {
    is(joins('new', 'cake'), 202, 'another link');
    is(joins('new', 'milk'), 202, 'and another');
    is(joins('new', 'cake'), 202, 'which comes again');
    is(links('new'), 'tea cake milk', 'are there once, as they came');
    is(counted(), 'cake 1 milk 1 tea 1, 1', 'and counted once');

    my @since = map { $_->{joined} } @{one('new')->{links}};

    like("@since", qr/^(\d{4}-\S+ ?){3}$/, 'each since when');
    is_deeply(\@since, [sort @since], 'in that order');
};

subtest 'from before' => sub {
    is(joins('old', 'milk'), 202, 'who has joined by one');
    stop($writer->{process});
    sql($database, 'INSERT INTO memberships (customer, link, signup, joined_ms)'
        . ' SELECT id, link, signup, joined_ms FROM customers');
    $writer->as_of(9);
    $writer->start;
    is(links('old'), 'milk', 'has it once');
    is(links('new'), 'tea cake milk', 'and so has who has more');

    my $before = counted();

    is(joins('old', 'milk'), 202, 'who comes again by it');
    is(counted(), $before, 'is not counted again');
    is(joins('old', 'tea'), 202, 'who comes by another');
    is(links('old'), 'milk tea', 'has both');
    is(sql($database, "SELECT count(*) FROM customers WHERE signup = x''"), 2,
       'by which signup they came is where it was');
};

subtest 'erased' => sub {
    is($writer->api(\%owner, DELETE => 'customers/' . one('new')->{id})->code,
       204, 'who is erased');
    is(one('new'), undef, 'is gone');
    is(sql($database, 'SELECT count(*) FROM memberships m WHERE NOT EXISTS'
           . ' (SELECT 1 FROM customers WHERE id = m.customer)'), 0,
       'with all links');
};

# Less is stored of who is known, which would be answered sooner.  Without a
# user agent, which takes a millisecond itself.
subtest 'no answer is quicker than a millisecond' => sub {
    my $socket = IO::Socket::UNIX->new(Peer => $writer->{socket})
        or die("writer: $!\n");

    for my $who (qw(old clock)) {
        my @times = map {
            my $body = $writer->seal(signup => slug => 'tea', name => 'Ana',
                locale => 'en', id => uuid(++$id),
                email => "canary-$who\@example.org");
            my $text = "POST /v1/signups HTTP/1.1\r\nHost: writer\r\n"
                       . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
            my $start = time();

            $socket->syswrite($text);
            $socket->sysread(my $answer, 4096);

            my $took = time() - $start;

            like($answer, qr{^HTTP/1\.1 202 }, 'it is received');
            $took;
        } 1 .. 20;
        my ($least) = sort { $a <=> $b } @times;

        note(sprintf('%s: the quickest of 20 took %.2f ms', $who,
                     $least * 1000));

        cmp_ok($least, '>=', 0.001, "$who: each comes by the clock");
        cmp_ok($least, '<', 0.1, "$who: and soon");
    }
};

done_testing();
