#!/usr/bin/perl

# Copyright (C) Keepers

# Two hundred people scan the poster of one cafe in the same minute, behind one
# address: all of them join, and nobody is told to wait.  A script that posts
# as fast as it can from there is told so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep);


my $people = 200;
my $p = start_platform();           # with the limits that are shipped
my $ua = ua()->max_connections(32);
my (%codes, @tokens);


# Runs one of these for each of so many, sixteen at a time.
sub each_of {
    my ($n, $one) = @_;
    my $next = 0;
    my $go;

    $go = sub {
        my $i = $next++;
        return $i < $n ? $one->($i)->then($go) : Mojo::Promise->resolve;
    };

    Mojo::Promise->all(map { $go->() } 1 .. 16)->wait;
    return;
}


each_of($people, sub {
    my ($i) = @_;

    return $ua->get_p($p->{link_url})->then(sub {
        my $res = $_[0]->res;

        $codes{'GET ' . $res->code}++;
        $tokens[$i] = $res->dom->at('input[name=token]')->attr('value');
    });
});

# people type, a bot does not
sleep(2.1);

each_of($people, sub {
    my ($i) = @_;

    return $ua->post_p($p->{link_url} => form => {
        token => $tokens[$i], name => "Guest $i",
        email => "canary-guest$i\@example.org",
    })->then(sub { $codes{'POST ' . $_[0]->res->code}++ });
});

is_deeply(\%codes, { 'GET 200' => $people, 'POST 303' => $people },
          'everybody sees the page and joins');

my $owner = sign_in($p);

is(decode_json($owner->get("$p->{url}/api/v1/summary")->res->body)->{total},
   $people, 'and is stored');

subtest 'a script' => sub {
    my (%answers, $retry);

    each_of(120, sub {
        my ($i) = @_;

        return $ua->post_p($p->{link_url}
            => { 'Idempotency-Key' => "canary-bot-$i" }
            => json => { name => 'Bot', email => "canary-bot$i\@example.org" })
        ->then(sub {
            my $res = $_[0]->res;

            $answers{$res->code}++;
            $retry = $res->headers->header('Retry-After') if $res->code == 429;
        });
    });

    cmp_ok($answers{429} // 0, '>', 100, 'is refused');
    cmp_ok($retry // 0, '>', 0, 'and told for how long');
    is(join(' ', sort keys %answers), $answers{202} ? '202 429' : '429',
       'and nothing else');
    is($ua->get($p->{link_url})->res->code, 200,
       'the page is there for the others');

    my $form = $ua->post($p->{link_url} => form => { token => $tokens[0],
        name => 'Late Guest', email => 'canary-late@example.org' })->res;

    is($form->code, 429, 'a person behind it is asked to wait');
    is($form->dom->at('input[name=name]')->attr('value'), 'Late Guest',
       'and has typed nothing in vain');
    ok($form->headers->header('Retry-After'), 'with a time');
};

done_testing();
