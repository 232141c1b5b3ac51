#!/usr/bin/perl

# Copyright (C) Keepers

# What somebody agreed to stays as it was said: to which words, when, in which
# language, by which link and how.  Nothing that a business, an operator or a
# stranger can do changes it, nor does a mistake of ours, for the database
# refuses; it goes with its customer alone.

use strict;
use utf8;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);

my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my %owner = (%$ids, role => 'owner');
my %words = (tea => ['Write to me.', 'Text me.'],
             cake => ['Tell me of cakes.', 'Text me of cakes.']);
my $trap = 0x8;                             # KEEPERS_SIGNUP_HELD_TRAP
my $form = 0x10;                            # KEEPERS_SIGNUP_FORM
my $id = 0;


sub link_add {
    my ($slug, @option) = @_;

    return $writer->command('', qw(link add --offer Tea --country GB --slug),
        $slug, '--business', $ids->{business}, '--consent-email',
        $words{$slug}[0], '--consent-sms', $words{$slug}[1], @option);
}


sub uuid { return sprintf('01900000-0000-7000-8000-%012x', $_[0]) }

sub person {
    my ($slug, %field) = @_;

    return (slug => $slug, name => 'Ana', locale => 'de', flags => $form,
            email => 'canary-ana@example.org', id => uuid(++$id),
            consent_email => $words{$slug}[0], %field);
}


sub row { return sql({ database => $writer->{database} }, $_[0]) }

# Everything about all consents, and the texts that they are to.
sub consents {
    return row('SELECT hex(customer), kind, hex(signup), link, hex(hash),'
        . ' locale, method, given_ms FROM consents_given ORDER BY given_ms,'
        . ' kind');
}

sub texts { return row('SELECT hex(hash), text FROM consent_texts ORDER BY 1') }

# What was there is there, to the byte, and so many came behind.
sub only_more {
    my ($before, $more, $what) = @_;
    my @now = split(/\n/, consents());

    is(join("\n", grep { index($before, $_) >= 0 } @now), $before,
       "$what: what was said stays");
    is(@now - split(/\n/, $before), $more, "$what: $more more");
    return join("\n", @now);
}


# By hand, with foreign keys as SQLite has them, or as the writer has.
sub by_hand {
    my ($statement) = @_;
    my @said;

    for my $keys (qw(OFF ON)) {
        open(my $out, '-|', "sqlite3 '$writer->{database}' 'PRAGMA"
             . " foreign_keys=$keys' \"$statement\" 2>&1") or die("sqlite3\n");
        push(@said, join('', <$out>));
    }

    return join('', @said);
}


link_add('tea');
link_add('cake');
$writer->start;

my $start = int(time() * 1000);

is($writer->signup(person('tea', consent_sms => $words{tea}[1]))->code, 202,
   'somebody agrees twice');

my $said = consents();
my $texts = texts();
my ($ana) = @{$writer->items(\%owner, 'customers')};
my $shown = sub {
    return decode_json($writer->api(\%owner, GET => "customers/$ana->{id}")
                           ->body)->{consents};
};
my @given = @{$shown->()};

subtest 'what is kept' => sub {
    my @rows = map { [split(/\|/)] } split(/\n/, $said);
    my %text = map { split(/\|/, $_, 2) } split(/\n/, $texts);

    is(scalar @rows, 2, 'two');
    is($text{$rows[$_][4]}, $words{tea}[$_], 'the hash is of the text')
        for 0, 1;
    is($_->[5], 'de', 'the language') for @rows;
    is($_->[6], 1, 'that it was a form') for @rows;
    cmp_ok($_->[7], '>=', $start, 'when') for @rows;
    is_deeply([map { "$_->{kind} $_->{text} $_->{locale} $_->{link}"
                     . " $_->{method}" } @given],
              ["email $words{tea}[0] de tea form",
               "sms $words{tea}[1] de tea form"], 'and the business sees it');
};

subtest 'where it is' => sub {
    is(row('SELECT count(*) FROM consents'), 0, 'what somebody new agrees to');
    is(row('SELECT count(*) FROM customers WHERE consent_email NOT NULL'
           . ' AND consent_sms NOT NULL'), 1, 'is in their row');

    is($writer->signup(person('tea', email => 'canary-none@example.org',
                              consent_email => ''))->code, 202, 'to nothing');
    is(row("SELECT consent_email IS NULL, consent_sms IS NULL, locale, method,"
           . " hex(net) FROM customers WHERE signup = x'"
           . uuid($id) =~ s/-//gr . "'"), '1|1||0|0000000000000000',
       'nor is kept where and how');
    $said = only_more($said, 0, 'nothing');
};

subtest 'who signs up again' => sub {
    is($writer->signup(person('tea', id => uuid(1), locale => 'fr',
                              flags => 0, consent_sms => ''))->code, 202,
       'with the same id');
    $said = only_more($said, 0, 'a repeat');

    is($writer->signup(person('tea', consent_email => ''))->code, 202,
       'without a tick');
    $said = only_more($said, 0, 'no tick');

    is($writer->signup(person('tea', locale => 'fr', flags => 0,
                              name => 'Mallory'))->code, 202, 'by JSON');
    $said = only_more($said, 1, 'again');

    is($writer->signup(person('cake', locale => 'en',
                              consent_sms => $words{cake}[1]))->code, 202,
       'by another link');
    $said = only_more($said, 2, 'another link');
    is(row('SELECT count(*) FROM consents'), 3, 'later ones have rows');

    is($writer->signup(person('tea', received_ms => $start - 86400000))->code,
       202, 'of yesterday, from a spool');
    $said = only_more($said, 1, 'an older one');
    is_deeply([grep { my $one = $_; grep { $_->{text} eq $one->{text}
                  && $_->{given} eq $one->{given}
                  && $_->{locale} eq $one->{locale} } @given } @{$shown->()}],
              \@given, 'the business sees the first as before');
};

subtest 'who is held' => sub {
    for my $verb (qw(accept discard)) {
        is($writer->signup(person('tea', flags => $form | $trap,
               email => "canary-$verb\@example.org"))->code, 202, 'is held');
        $said = only_more($said, 0, 'held');

        my ($held) = @{$writer->items(\%owner, 'held')};

        is($writer->api(\%owner, POST => "held/$held->{id}/$verb")->code, 204,
           "and ${verb}ed");
        $said = only_more($said, $verb eq 'accept' ? 1 : 0, $verb);
    }
};

subtest 'a business' => sub {
    my $to = "customers/$ana->{id}";

    for my $method (qw(PUT PATCH POST)) {
        for my $path ($to, "$to/consents", "$to/consents/email", 'consents') {
            like($writer->api(\%owner, $method => $path, json =>
                     { consents => [], consent_email => undef })->code,
                 qr/^40[45]$/, "$method $path");
        }
    }

    like($writer->api(\%owner, DELETE => $_)->code, qr/^40[45]$/, "DELETE $_")
        for "$to/consents", "$to/consents/email", 'consents', 'links/tea';
    is($writer->api(\%owner, POST => "links/tea/$_")->code, 204, "link $_")
        for qw(close open);
    $said = only_more($said, 0, 'the API');
};

subtest 'an operator' => sub {
    isnt((link_add('tea'))[0], 0, 'a link twice');
    $words{new} = ['Write to me.', 'Other words.'];
    is((link_add('new'))[0], 0, 'a link with a text that is there');
    is(($writer->command('', 'link', $_, qw(--slug tea)))[0], 0, "link $_")
        for qw(close open delete);
    is(($writer->command("canary-other-password\n", qw(account password
        --email canary-owner@example.org)))[0], 0, 'account password');

    $said = only_more($said, 0, 'commands');
    stop($writer->{process});
    is(($writer->command('', 'migrate'))[0], 0, 'migrate');
    is(($writer->command('', 'check-config'))[0], 0, 'check-config');
    $writer->start;
    $said = only_more($said, 0, 'a migration');

    stop($writer->{process});
    row('INSERT INTO consents SELECT * FROM consents_given WHERE true'
        . ' ON CONFLICT DO NOTHING');
    $writer->as_of(10);
    $writer->start;
    $said = only_more($said, 0, 'from before they were in the row');
    is($writer->signup(person('cake', email => 'canary-later@example.org'))
           ->code, 202, 'somebody new');
    $said = only_more($said, 1, 'who agrees behind it');

    kill_hard($writer->{process});
    $writer->start;
    $said = only_more($said, 0, 'a kill');

    my %texts = map { $_ => 1 } split(/\n/, texts());

    is(scalar(grep { !$texts{$_} } split(/\n/, $texts)), 0, 'all texts stay');
};

subtest 'a mistake' => sub {
    my $all = row('SELECT count(*) FROM consents_given');
    my %to = (customer => 'zeroblob(16)', kind => '3 - kind',
              signup => 'zeroblob(16)', link => 'link + 1',
              hash => '(SELECT max(hash) FROM consent_texts)',
              locale => "'xx'", method => '3 - method',
              given_ms => 'given_ms + 1');
    my %in_row = (id => 'zeroblob(16)', link => 'link + 1',
                  joined_ms => 'joined_ms + 1', signup => 'zeroblob(16)',
                  consent_email => 'NULL', consent_sms => 'consent_email',
                  locale => "'xx'", method => '3 - method',
                  net => 'zeroblob(8)');

    stop($writer->{process});

    like(by_hand("UPDATE customers SET $_ = $in_row{$_}"),
         qr/a consent is never changed.*a consent is never changed/s,
         "in a customer's $_") for sort keys %in_row;
    is(by_hand('UPDATE customers SET expires_ms = expires_ms'), '',
       'how long somebody is kept is none');

    like(by_hand("UPDATE consents SET $_ = $to{$_}"),
         qr/a consent is never changed.*a consent is never changed/s,
         "in $_") for sort keys %to;
    like(by_hand($_), qr/goes with its customer.*goes with its customer/s, $_)
        for 'DELETE FROM consents', 'DELETE FROM consents WHERE kind = 2';
    like(by_hand("UPDATE consent_texts SET text = 'I agree to all.'"),
         qr/never changed.*never changed/s, 'in a text');
    like(by_hand('DELETE FROM consent_texts'),
         qr/never deleted.*never deleted/s, 'no text is lost');

    is(by_hand("$_ INTO consents SELECT customer, kind, signup, link, hash,"
               . " 'xx', method, 1, x'' FROM consents"), '', $_)
        for 'REPLACE', 'INSERT OR REPLACE', 'INSERT OR IGNORE';
    is(by_hand("REPLACE INTO consent_texts SELECT hash, 'I agree to all.'"
               . ' FROM consent_texts'), '', 'REPLACE of a text');

    $writer->start;
    $said = only_more($said, 0, 'by hand');
    is(row('SELECT count(*) FROM consents_given'), $all, 'and none is added');
    is(row("SELECT count(*) FROM consent_texts WHERE text LIKE 'I agree%'"), 0,
       'and no text');
};

subtest 'erasure' => sub {
    my $of = uc($ana->{id} =~ s/-//gr);
    my @others = grep { !/^$of/ } split(/\n/, $said);
    my $kept = texts();

    is($writer->api(\%owner, DELETE => "customers/$ana->{id}")->code, 204,
       'a customer is erased');
    is(consents(), join("\n", @others), 'with their consents and no others');
    cmp_ok(scalar @others, '>', 0, 'of which there are some');
    is(texts(), $kept, 'the texts are of nobody, and stay');
};

done_testing();
