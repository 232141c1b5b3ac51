#!/usr/bin/perl

# Copyright (C) Keepers

# What the writer takes from an edge and what it refuses, told to it directly:
# whose envelopes, how old, which links, how often, and what waits for a word
# of the business.

use strict;
use utf8;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Keepers::Writer;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);

my $day_ms = 86400000;
my $trap = 0x8;                             # KEEPERS_SIGNUP_HELD_TRAP
my $received = '202';                       # and no body

my $writer = Keepers::Writer->new;
my $ids = $writer->account(business => 'Café', role => 'owner',
                           email => 'canary-owner@example.org');
my $others = $writer->account(business => 'Other', role => 'owner',
                              email => 'canary-other@example.org');
my %owner = (%$ids, role => 'owner');
my $n = 0;


sub now_ms { return int(time() * 1000) }

sub link_add {
    my ($slug, @options) = @_;
    my ($status, $text) = $writer->command('', qw(link add --offer Tea),
        '--business', $ids->{business}, '--slug', $slug, @options);

    $status == 0 or die($text);
    return;
}


# A sound signup, but for what is given.
sub person {
    my (%field) = @_;

    return (slug => 'tea', name => 'Ana', locale => 'en',
            email => 'canary-p' . ++$n . '@example.org', %field);
}


sub uuid { return sprintf('01900000-0000-7000-8000-%012x', $_[0]) }

sub total {
    return decode_json($writer->api(\%owner, GET => 'summary')->body)->{total};
}


sub told { my ($res) = @_; return $res->code . $res->body }


sub problem {
    my ($res) = @_;

    return $res->code . ' ' . (decode_json($res->body)->{code} // '');
}


link_add('tea');
link_add('talk', '--consent-email', 'Write to me.', '--phone',
         '--name-optional');
link_add($_) for qw(shut gone);
$writer->start;

subtest 'whose envelope' => sub {
    my $good = $writer->seal(signup => person());
    my $stranger = "$writer->{dir}/stranger/keys";

    mkdir("$writer->{dir}/stranger");
    Keepers::Writer::keygen($stranger);

    is(told($writer->post('/v1/signups', $good)), $received, 'ours');
    is(problem($writer->post('/v1/signups', $_)), '400 envelope', 'no junk')
        for '', 'K1', 'x' x 200, substr($good, 0, -1), "$good.";

    my %codes;

    for (my $i = 0; $i < length($good); $i += 5) {
        my $bent = $good;

        substr($bent, $i, 1) ^= "\x01";
        $codes{problem($writer->post('/v1/signups', $bent))}++;
    }

    is(join(', ', keys %codes), '400 envelope', 'no byte of it changed');
    is(problem($writer->signup(person(keys => $stranger))), '400 envelope',
       'no stranger\'s');

    # an edge of ours that seals to another writer, and the other way round
    for my $theirs (qw(writer.pub shared.keys)) {
        my $mixed = "$writer->{dir}/mixed-$theirs/keys";

        mkdir($mixed =~ s{/keys$}{}r);
        mkdir($mixed);
        spew("$mixed/$_", slurp(($_ eq $theirs ? $stranger : $writer->{keys})
                                . "/$_")) for qw(writer.pub shared.keys);
        is(problem($writer->signup(person(keys => $mixed))), '400 envelope',
           "not with another's $theirs");
    }

    is(problem($writer->post('/v1/signups', $writer->seal(
           signin => email => 'canary-owner@example.org', password => 'x'))),
       '400 envelope', 'no sign-in as a signup');
    is(problem($writer->post('/v1/signin', $good)), '400 envelope',
       'nor a signup as a sign-in');
    is(problem($writer->signup(person(now_ms => now_ms() - 5 * $day_ms))),
       '400 envelope', 'none of five days ago');
    is($writer->signup(person(now_ms => now_ms() - 2 * $day_ms))->code, 202,
       'but one that waited two days');
    is(total(), 2, 'two are stored');
};

subtest 'what is in it' => sub {
    is(problem($writer->signup(person(email => 'Canary-X@Example.ORG'))),
       '422 record', 'an edge normalises');
    is(problem($writer->signup(person(email => 'canary-x@'))), '422 record',
       'and checks');
    is(problem($writer->signup(person(name => "A\x01"))), '422 record',
       'all fields');
    is($writer->signup(person(name => ''))->json->{errors}[0]{field}, 'name',
       'a link that wants a name gets one');
    is($writer->signup(person(slug => 'talk', name => ''))->code, 202,
       'one that does not, does not');
    is($writer->signup(person(slug => 'talk',
                              consent_email => 'Write to me.'))->code, 202,
       'a consent to the text that was shown');
    is(problem($writer->signup(person(slug => 'talk',
                                      consent_email => 'Sell me.'))),
       '422 fields', 'and to no other');
    is(problem($writer->signup(person(slug => 'nowhere'))),
       '404 link_unknown', 'a link that is not there');
    is(problem($writer->signup(person(slug => 'a/b'))), '400 envelope',
       'or cannot be');
};

subtest 'links that end' => sub {
    my $before = now_ms();
    my %seen = person(slug => 'shut', id => uuid(1));

    is($writer->signup(%seen)->code, 202, 'open');
    sleep(0.05);
    $writer->command('', qw(link close --slug shut));
    is(problem($writer->signup(person(slug => 'shut'))), '409 link_closed',
       'closed');
    is($writer->signup(person(slug => 'shut', received_ms => $before))->code,
       202, 'but for whom an edge took before');
    is(told($writer->signup(%seen)), $received, 'and for a repeat');
    $writer->command('', qw(link open --slug shut));
    is($writer->signup(person(slug => 'shut'))->code, 202, 'open again');
    $writer->command('', qw(link delete --slug gone));
    is(problem($writer->signup(person(slug => 'gone'))), '404 link_unknown',
       'deleted');

    my ($status, $text) = $writer->command('', qw(link add --offer Tea --slug
                                           gone --business), $ids->{business});

    isnt($status, 0, 'its slug is not given out again');
    like($text, qr/slug_taken/, 'and that is said');
};

subtest 'one id, many times' => sub {
    my $before = total();
    my $same = $writer->seal(signup => person(id => uuid(2)));
    my %bodies;

    Mojo::Promise->all(map {
        $writer->post_p('/v1/signups', $same)->then(sub {
            $bodies{told($_[0]->res)}++;
        })
    } 1 .. 30)->wait;

    is_deeply(\%bodies, { $received => 30 }, 'one answer');
    is(total(), $before + 1, 'one customer');

    my ($mine) = grep { $_->{email} eq "canary-p$n\@example.org" }
                      @{$writer->items(\%owner, 'customers')};

    is($writer->api(\%owner, DELETE => "customers/$mine->{id}")->code, 204,
       'erased');
    is(told($writer->post('/v1/signups', $same)), $received, 'and sent again');
    is(total(), $before, 'an erased customer does not come back');
};

subtest 'an address that is known' => sub {
    my %ana = person(name => 'Ana Known', slug => 'tea');
    my $first = $writer->signup(%ana);
    my $before = total();
    my ($was) = @{$writer->items(\%owner, 'customers?q=Ana%20Known')};
    my $again = $writer->signup(%ana, name => 'Mallory', slug => 'talk',
                                phone => '02079460000');

    for my $res ($first, $again) {
        $res->headers->remove('Date');
    }

    is($again->build_start_line . $again->headers->to_string . $again->body,
       $first->build_start_line . $first->headers->to_string . $first->body,
       'is answered byte for byte as a new one');
    is(total(), $before, 'is no second customer');

    my ($is) = @{$writer->items(\%owner, 'customers?q=Ana%20Known')};
    my $one = decode_json($writer->api(\%owner,
                                       GET => "customers/$was->{id}")->body);

    is_deeply($is, $was, 'keeps its name, number and day');
    is_deeply([sort map { $_->{slug} } @{$one->{links}}], [qw(talk tea)],
              'gains the link');
    is($one->{changes}[0]{name}, 'Mallory', 'what differs is a proposal');
};

subtest 'what is held' => sub {
    my $before = total();
    my %shy = person(name => 'Shy', flags => $trap);
    my $held = sub { $writer->items($_[0] // \%owner, 'held') };

    is(told($writer->signup(%shy)), $received, 'is received like any');
    is($writer->signup(person(name => 'Bad', flags => $trap))->code, 202,
       'another');
    is(total(), $before, 'is no customer');

    my ($shy) = grep { $_->{name} eq 'Shy' } @{$held->()};
    my ($bad) = grep { $_->{name} eq 'Bad' } @{$held->()};

    is($shy->{email}, $shy{email}, 'is shown');
    is($shy->{reason}, 'honeypot', 'with the reason');
    like($held->({ %owner, role => 'staff' })->[0]{email}, qr/^c•••\@/,
         'masked for staff');
    is(scalar @{$held->({ %$others, role => 'owner' })}, 0,
       'not to another business');
    is(problem($writer->api({ %$others, role => 'owner' },
                            POST => "held/$shy->{id}/accept")),
       '404 not_found', 'which cannot accept it');
    is(problem($writer->api({ %owner, role => $_ },
                            POST => "held/$shy->{id}/accept")),
       '403 role', "nor can $_") for qw(staff auditor);
    is($writer->api(\%owner, POST => "held/$shy->{id}/accept")->code, 204,
       'accepted');
    is($writer->api(\%owner, POST => "held/$bad->{id}/discard")->code, 204,
       'discarded');
    is(scalar @{$held->()}, 0, 'neither waits');
    is(problem($writer->api(\%owner, POST => "held/$_->{id}/accept")),
       '404 not_found', 'nor can be had again') for $shy, $bad;
    is(total(), $before + 1, 'and one more is a customer');
    is($writer->items(\%owner, 'customers?q=Shy')->[0]{email}, $shy{email},
       'with the address');
};

subtest 'who asks' => sub {
    my $good = $writer->seal(identity => %owner);

    is($writer->api($good, GET => 'summary')->code, 200, 'an identity');
    is(problem($writer->api($_, GET => 'summary')), '401 identity', 'no other')
        for '', 'a.b.c', substr($good, 0, -1), "${good}x";
    is(problem($writer->api({ %owner, now_ms => now_ms() + $_ },
                            GET => 'summary')), '401 identity',
       "none of $_ ms") for -20000, 20000;
    is(problem($writer->api({ %owner, business => uuid(9) }, GET => 'links')),
       '404 not_found', 'a business that is not there');

    my %allow = ('customers' => 'GET, HEAD', 'links' => 'GET, HEAD, POST',
                 'links/tea/close' => 'POST', 'summary' => 'GET, HEAD',
                 'customers/' . uuid(1) => 'GET, HEAD, DELETE');

    for my $path (sort keys %allow) {
        my $res = $writer->api($good, PATCH => $path);

        is(problem($res), '405 method', "$path cannot be patched");
        is($res->headers->header('Allow'), $allow{$path}, 'and says what can');
    }

    is(problem($writer->api($good, GET => $_)), '404 not_found', "no $_")
        for 'customers/', 'customers/a/b', 'links/tea/qr.svg/', 'x', '';
    like($writer->api($good, GET => 'links/tea/qr.svg?url='
                      . 'https://keepers.example/l/tea')->body,
         qr/^<(?:\?xml|svg)/, 'the code of a link');
    is($writer->api($good, GET => "links/tea/qr.svg?url=$_")->code, 422,
       "none of $_") for 'javascript:/l/tea', 'https://x.example/l/talk', '';
};

subtest 'killed ten times' => sub {
    my $before = total();
    my @all = map { [$_, $writer->seal(signup => person(
                      id => uuid(1000 + $_), name => "kill$_"))] } 1 .. 400;
    my (%told, $cut);

    for my $round (1 .. 10) {
        my @some = grep { !$told{$_->[0]} } @all;
        my $answers = 0;

        Mojo::Promise->all(map {
            my $i = $_->[0];

            $writer->post_p('/v1/signups', $_->[1])->then(sub {
                $told{$i} = 1 if $_[0]->res->code == 202;
                kill_hard($writer->{process}) if ++$answers == 3 * $round;
            }, sub { $cut++ })
        } splice(@some, 0, 64))->wait;

        restart($writer->{process});
    }

    my $stored = stored();

    cmp_ok(scalar(keys %told), '>', 100, 'many were received');
    cmp_ok($cut, '>', 10, 'many were cut off');
    is(scalar(grep { !$stored->{"kill$_"} } keys %told), 0,
       'of those received none is lost');

    # an edge that got no answer sends again, one that got it may too
    my %again;

    $again{$writer->post('/v1/signups', $_->[1])->code}++ for @all;
    is_deeply(\%again, { 202 => 400 }, 'all are sent again');
    $stored = stored();
    is(scalar(grep { ($stored->{"kill$_"} // 0) != 1 } 1 .. 400), 0,
       'each is there once');
    is(total(), $before + 400, 'and counted once');
    note(keys(%told) . " received, $cut cut off");
};

done_testing();


sub stored {
    my (%times, $next);

    do {
        my $page = decode_json($writer->api(\%owner,
            GET => 'customers?limit=200' . ($next ? "&after=$next" : ''))
            ->body);

        $times{$_->{name}}++ for @{$page->{items}};
        $next = $page->{next};
    } while ($next);

    return \%times;
}
