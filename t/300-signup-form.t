#!/usr/bin/perl

# Copyright (C) Keepers

# A customer fills in the form of a link: who did it right is thanked, who
# made a mistake is told where and types nothing twice, and what looks odd
# costs one more tap but never the signup.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(encode);
use Test::More;


my $p = start_platform(limits => 'off');
my $owner = sign_in($p);
my $link = $p->{link_url};
my $club = $p->{link2_url};
my $n = 0;


# The fields of a page's form, as a browser would send them.
sub fields {
    my ($res, %change) = @_;
    my %field;

    for my $input (@{$res->dom->find('input[name]')}) {
        next if ($input->{type} // '') eq 'checkbox'
            && !exists $input->{checked};
        $field{$input->{name}} = $input->{value} // '';
    }

    return { %field, %change };
}


sub page {
    my ($url, %change) = @_;

    return fields(ua()->get($url)->res, %change);
}


sub post {
    my ($url, $form) = @_;

    return ua()->post($url => form => $form)->res;
}


# Forms that are old enough for the time trap: fetched together, at the start.
my %old = map { my $url = $_; $url => [map { page($url) } 1 .. 16] }
              $link, $club;

sleep(3);

sub ready {
    my ($url, %change) = @_;
    my $form = shift(@{$old{$url}}) // die("more forms are needed\n");

    return { %$form, %change };
}


sub address { return 'guest' . ++$n . '@example.com' }


sub customers {
    my ($q) = @_;

    return $owner->get("$p->{url}/api/v1/customers" => form => { q => $q })
        ->res->json->{items};
}


sub head_of {
    my ($res) = @_;

    return join("\n", map { my $name = $_;
        map { "$name: $_" } @{$res->headers->every_header($name)}
    } grep { $_ ne 'Date' } sort @{$res->headers->names});
}


my ($mine, $thanks);

subtest 'a signup' => sub {
    my $email = address();
    my $form = ready($link, name => 'Ana', email => " \u$email ",
                     consent_email => 1);
    my $res = post($link, $form);

    is($res->code, 303, 'leads on');
    is($res->headers->location, '/l/corner-coffee/thanks', 'to the thanks');
    is($res->body, '', 'without a body');
    is($res->headers->header('Cache-Control'), 'no-store', 'not stored');
    is(ua()->get("$p->{url}/l/corner-coffee/thanks")->res->code, 200,
       'which are served');

    my $items = customers("\u$email");

    is(scalar @$items, 1, 'the business has one customer more');
    is($items->[0]{name}, 'Ana', 'by this name');
    is($items->[0]{email}, "\u$email", 'and address');

    ($mine, $thanks) = ($form, $res);
};

subtest 'a second click' => sub {
    my $res = post($link, $mine);

    is($res->code, 303, 'is thanked as well');
    is(head_of($res), head_of($thanks), 'in the same words');
    is(scalar @{customers('guest1@')}, 1, 'and stored once');
};

subtest 'someone who is known already' => sub {
    my $form = ready($link, name => 'Somebody Else',
                     email => 'Guest1@example.com');
    my $res = post($link, $form);

    is($res->code, 303, 'is thanked');
    is(head_of($res), head_of($thanks), 'like someone new, to the byte');
    is(customers('guest1@')->[0]{name}, 'Ana', 'and nothing is overwritten');
};

subtest 'faults' => sub {
    my $form = ready($link, name => 'x' x 500, email => 'a@b');
    my $res = post($link, $form);
    my $dom = $res->dom;

    is($res->code, 422, 'are shown on the page');
    is($dom->at('#name')->{value}, 'x' x 500, 'the name is kept');
    is($dom->at('#email')->{value}, 'a@b', 'so is the address');
    is($dom->at('#email')->{'aria-invalid'}, 'true', 'marked as wrong');
    ok($dom->at('#email-fault')->text, 'with words');
    is(fields($res)->{token}, $form->{token},
       'the token stays as old as it is');

    my $again = fields($res, name => 'Bo', email => address());

    is(post($link, $again)->code, 303, 'corrected, it is taken at once');
};

subtest 'a phone number that is none' => sub {
    my $form = ready($club, name => '', email => address(), phone => 'call me');
    my $res = post($club, $form);

    is($res->code, 422, 'is a fault');
    ok($res->dom->at('button[name=no_phone]'), 'with a way round it');
    is(post($club, fields($res, no_phone => 1))->code, 303, 'that works');
    is(post($club, ready($club, email => address(),
                         phone => '(020) 7946 0958'))->code, 303,
       'one with blanks and brackets is a number');
};

subtest 'too fast' => sub {
    my $email = address();
    my $form = page($link, name => 'Cy', email => $email);
    my $res = post($link, $form);

    is($res->code, 200, 'is asked for one more tap');
    ok($res->dom->at('.tap button'), 'with a button');
    is($res->dom->at('#email')->{value}, $email, 'and what was typed');
    isnt(fields($res)->{token}, $form->{token}, 'and a token of its own');
    is(scalar @{customers($email)}, 0, 'nothing is stored yet');
    is(post($link, fields($res))->code, 303, 'the tap is enough, at any speed');
    is(scalar @{customers($email)}, 1, 'and stored');
};

subtest 'the honeypot' => sub {
    my $email = address();
    my $form = ready($link, name => 'Di', email => $email,
                     website_confirm => 'filled');
    my $res = post($link, $form);

    is($res->code, 200, 'asks for a tap');
    is(post($link, fields($res))->code, 303, 'which is enough');
    is(scalar @{customers($email)}, 1, 'when it is empty then');

    $email = address();
    $form = ready($link, name => 'Di', email => $email,
                  website_confirm => 'filled');
    $res = post($link, $form);
    is(post($link, fields($res, website_confirm => 'again'))->code, 303,
       'filled again, the answer is the same');
    is(scalar @{customers($email)}, 0, 'but there is no customer');

    my $held = $owner->get("$p->{url}/api/v1/held")->res->json->{items};

    ok(scalar(grep { $_->{email} eq $email } @$held),
       'the business sees it held');
};

subtest 'tokens' => sub {
    my $email = address();
    my $res = post($link, page($link, name => 'Ed', email => $email,
                               token => 'A' x 54));
    my $other = page($club)->{token};

    is($res->code, 403, 'a forged one is refused');
    is($res->dom->at('#email')->{value}, $email, 'with what was typed');
    isnt(fields($res)->{token}, 'A' x 54, 'and a new token');
    is(post($link, page($link, email => $email, token => $other))->code, 403,
       'so is one of another link');
    is(post($link, page($link, email => $email, token => ''))->code, 403,
       'and none');
    is(scalar @{customers($email)}, 0, 'nothing was stored');
};

subtest 'names of this world' => sub {
    for my $name ("O'Connor-Nu\x{f1}ez", 'X', "\x{674e}",
                  "\x{645}\x{62d}\x{645}\x{62f}",
                  "\x{646}\x{645}\x{6cc}\x{200c}\x{62e}\x{648}\x{627}")
    {
        my $email = address();

        is(post($link, ready($link, name => $name, email => $email))->code, 303,
           'is thanked');
        is(customers($email)->[0]{name}, $name,
           encode('UTF-8', "stored: $name"));
    }

    my $email = address();
    my $res = post($link, ready($link, name => '<script>alert(1)</script>',
                                email => $email));

    is($res->code, 303, 'markup is no fault');
    is(scalar @{customers($email)}, 0, 'but held');

    $res = post($link, page($link, name => '"><img src=x>', email => 'no'));
    is($res->dom->at('#name')->{value}, '"><img src=x>', 'and shown as text');
    is($res->dom->at('img'), undef, 'nothing else');
};

subtest 'fields' => sub {
    my $form = ready($link, name => 'Fi', email => address(), is_admin => 1,
                     business_id => 2);

    is(post($link, $form)->code, 303, 'unknown ones are ignored');

    for my $body ('email=a&email=b', 'email=%zz') {
        is(ua()->post($link => { 'Content-Type' =>
                                 'application/x-www-form-urlencoded' } => $body)
           ->res->code, 400, "bad: $body");
    }

    is(ua()->post($link => { 'Content-Type' =>
                             'application/x-www-form-urlencoded' }
                  => 'name=%C3%28&email=x')->res->code, 422, 'not UTF-8');
    is(ua()->post($link => { 'Content-Type' => 'text/plain' } => 'x')
       ->res->code, 415, 'another type');
    is(ua()->post($link => form => { name => 'x' x 20000 })->res->code, 413,
       'too much');
};

done_testing();
