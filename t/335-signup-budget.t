#!/usr/bin/perl

# Copyright (C) Keepers

# A script joins one link from five hundred addresses and uses its budget up: a
# person who scans the poster then still joins, with one more tap; programs
# wait.  Who is signed up at one business after another waits to be accepted,
# and nobody learns of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep);


# Compressed: a link has a budget of a hundred; and clients of a test have
# addresses of their own.
my $p = start_platform(conf => sub {
    my ($file) = @_;
    my $limits = $file =~ s{[^/]+$}{keepers-limits.conf}r;

    spew($limits, slurp($limits) =~ s{(signup_link\s.*?)rate=\S+ burst=\d+}
                                     {${1}rate=6/m burst=100}sr
                                 =~ s{(page_network\s.*?)rate=\S+ burst=\d+}
                                     {${1}rate=6/h burst=20}sr, 0644);
    spew($file, slurp($file) =~ s{(server_name  _;)}
                                 {$1 set_real_ip_from 127.0.0.1;
                                  real_ip_header X-Client;}r, 0644);
});
my $ua = ua()->max_connections(32);


sub token { return $_[0]->dom->at('input[name=token]')->attr('value') }

sub json_p {
    my ($i, $email, $address, $path) = @_;

    return $ua->post_p($path // $p->{link_url}
        => { 'Idempotency-Key' => "canary-$i", 'X-Client' => $address }
        => json => { name => "Guest $i", email => $email });
}

sub summary { return decode_json($_[0]->get("$p->{url}/api/v1/summary")
                                       ->res->body) }


# The script

my (%codes, @go);

for my $i (0 .. 499) {
    my $address = sprintf('198.51.%d.%d', 100 + $i / 250, 1 + $i % 250);

    push(@go, [$i, "canary-bot$i\@example.org", $address]);
}

my $next;
$next = sub {
    my $one = shift @go or return Mojo::Promise->resolve;

    return json_p(@$one)->then(sub {
        $codes{$_[0]->res->code}++;
        return $next->();
    });
};

Mojo::Promise->all(map { $next->() } 1 .. 16)->wait;

cmp_ok($codes{202}, '>=', 100, 'the budget of the link');
cmp_ok($codes{202}, '<=', 110, 'and no more');
is($codes{202} + $codes{429}, 500, 'programs are told to wait');


# A person

my %visitor = ('X-Client' => '203.0.113.9');
my $page = $ua->get($p->{link_url}, \%visitor)->res;
my %form = (name => 'Real Guest', email => 'canary-real@example.org');

sleep(2.1);                         # people type

my $tap = $ua->post($p->{link_url}, \%visitor,
                    form => { %form, token => token($page) })->res;

is($tap->code, 200, 'a person is asked');
is($tap->dom->at('input[name=name]')->attr('value'), 'Real Guest',
   'and has typed nothing in vain');

my $owner = sign_in($p);
my $before = summary($owner);

my $res = $ua->post($p->{link_url}, \%visitor,
                    form => { %form, token => token($tap) })->res;

is($res->code, 303, 'one more tap and they have joined');
is(summary($owner)->{total}, $before->{total} + 1, 'as a customer');
is(summary($owner)->{held}, $before->{held}, 'who is not held');


# Neighbours who read the page until nobody of their network may

my %cafe = ('X-Client' => '203.0.113.50');
my $link2 = $p->{link2_url};

$page = $ua->get($link2, \%cafe)->res;
sleep(2.1);

ok((wait_for { $ua->get($link2, \%cafe)->res->code == 429 }),
   'a network that reads and reads is refused the page');
is($ua->post($link2, \%cafe, form => { token => token($page),
   name => 'Cafe Guest', email => 'canary-cafe@example.org' })->res->code, 303,
   'and who has filled the form in joins');


# One address, one business after another

my @shops = map { shop($_) } 1 .. 6;

sub shop {
    my ($i) = @_;
    my ($email, $password) = ("canary-owner$i\@example.org",
                              'canary-long-password');
    my (undef, $out) = operator($p, "$password\n", 'account', 'add',
                                '--business', "Shop $i", '--email', $email,
                                '--role', 'owner');
    my ($business) = $out =~ /business=(\S+)/;
    my $url = $p->{link_url} =~ s/[^\/]+$/shop-$i/r;

    operator($p, '', 'link', 'add', '--business', $business,
             '--slug', "shop-$i", '--offer', 'Tea');

    # each time somebody else: who asks again and again is refused the page
    ok((wait_for {
        my %who = ('X-Client' => join('.', 192, 0, 2 + int(rand(90)),
                                      1 + int(rand(250))));

        $ua->get($url, \%who)->res->code == 200;
    }), "shop $i is open");

    return { owner => sign_in($p, $email, $password), url => $url };
}

my @answers = map { json_p("bomb$_", 'canary-victim@example.org',
                           '203.0.113.77', $shops[$_]{url}) } 0 .. 5;
my %bodies;

for my $answer (@answers) {
    $answer->then(sub {
        my $res = $_[0]->res;
        # what remains of the network's own budget is no secret
        my $headers = join("\n", grep { !/^(?:Date|RateLimit):/ }
                                 split(/\r\n/, $res->headers->to_string));

        $bodies{$res->code . $headers . $res->body}++;
    })->wait;
}

is(scalar keys %bodies, 1, 'six businesses answer alike');

# they were sent at once, and came in any order
@shops = sort { $b->{total} <=> $a->{total} }
             map { { %$_, total => summary($_->{owner})->{total} } } @shops;

is(join(' ', map { $_->{total} } @shops), '1 1 1 1 1 0',
   'five of them have a new customer');

my $held = decode_json($shops[5]{owner}->get("$p->{url}/api/v1/held")
                                        ->res->body)->{items};

is(scalar @$held, 1, 'the sixth may accept one');
is($held->[0]{reason}, 'budget', 'and sees why');

# a second click is one signup
my $shop = $shops[0];

for my $who (1 .. 2) {
    my $form = $ua->get($shop->{url}, \%visitor)->res;

    sleep(2.1);
    $_->wait for map {
        $ua->post_p($shop->{url}, \%visitor, form => {
            token => token($form), name => 'Twice',
            email => "canary-twice$who\@example.org" })
    } 1 .. 3;
}

is(summary($shop->{owner})->{held}, 0, 'nobody is held for clicking thrice');

done_testing();
