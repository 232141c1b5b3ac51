#!/usr/bin/perl

# Copyright (C) Keepers

# A program signs customers up with JSON: the same rules as for the form, and
# an Idempotency-Key that makes a retry harmless.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(encode_json);
use Test::More;


my $p = start_platform(limits => 'off');
my $owner = sign_in($p);
my $club = $p->{link2_url};
my $n = 0;


sub post {
    my ($key, $body, $url) = @_;
    my %header = ('Content-Type' => 'application/json');

    $header{'Idempotency-Key'} = $key if defined $key;
    $body = encode_json($body) if ref $body;

    return ua()->post($url // $club => \%header => $body)->res;
}


sub key { return 'key-' . $$ . '-' . ++$n }


sub count {
    my ($q) = @_;

    return scalar @{$owner->get("$p->{url}/api/v1/customers"
                                => form => { q => $q })->res->json->{items}};
}


my %ana = (name => 'Ana', email => 'ana@example.com', consent_sms => \1);

subtest 'a signup' => sub {
    my $key = key();
    my $res = post($key, \%ana);

    is($res->code, 202, 'is received');
    is($res->body, '{"status":"received"}', 'in these words');
    is($res->headers->content_type, 'application/json', 'of this type');
    is(count('ana@'), 1, 'and stored');

    my $again = post($key, \%ana);

    is($again->code, 202, 'a retry is received');
    is($again->body, $res->body, 'in the same words');

    $again = post($key, { %ana, name => 'Bea' });
    is($again->code, 422, 'the same key with another body is not');
    is($again->json->{code}, 'key_reused', 'and says why');

    is(post(key(), { %ana, name => 'Bea' })->code, 202, 'a known address');
    is(count('ana@'), 1, 'is no second customer');
};

subtest 'keys' => sub {
    my $res = post(undef, \%ana);

    is($res->code, 400, 'are needed');
    is($res->json->{code}, 'idempotency_key_missing', 'by name');
    is($res->headers->content_type, 'application/problem+json', 'a problem');
    is(post('x' x 129, \%ana)->code, 400, 'of at most 128 characters');
    is(post('x' x 128, { %ana, email => 'long@example.com' })->code, 202,
       'which are taken');
};

subtest 'faults' => sub {
    my $res = post(key(), { name => 7, email => 'a@b', phone => 'call me' });

    is($res->code, 422, 'are told');
    is($res->json->{code}, 'invalid', 'as such');
    is_deeply($res->json->{errors},
              [{ field => 'name', code => 'type' },
               { field => 'email', code => 'syntax' },
               { field => 'phone', code => 'possible' }], 'one by one');
    is(post(key(), {})->json->{errors}[0]{code}, 'required', 'a missing one');
};

subtest 'bodies' => sub {
    my %bad = ('{"email":"a","email":"b"}' => [400, 'duplicate_field'],
               '{"email":"\ud800"}' => [422, 'encoding'],
               "{\"email\":\"\xc3\x28\"}" => [422, 'encoding'],
               '{"email":' => [400, 'malformed'], '' => [400, 'malformed'],
               '[1]' => [400, 'malformed'],
               '{"a":' . '[' x 1000 . ']' x 1000 . '}' => [400, 'malformed'],
               '{"a":"' . 'x' x 20000 . '"}' => [413, 'too_large']);

    for my $body (sort keys %bad) {
        my $res = post(key(), $body);
        my $what = substr($body, 0, 20) =~ s/[^ -~]/?/gr;

        is($res->code, $bad{$body}[0], "status of $what");
        is($res->json->{code}, $bad{$body}[1], "code of $what");
    }
};

subtest 'in flight' => sub {
    my $key = key();
    my $body = encode_json({ %ana, email => 'slow@example.com' });
    my $request = "POST /l/corner-coffee-club HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/json\r\nIdempotency-Key: $key\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    pause($p->{writer});

    my $first = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $p->{nginx}{port});

    $first->syswrite($request);

    my $res;

    ok(wait_for { $res = post($key, $body); $res->code == 409 },
       'a retry while the first is under way is a conflict');
    is($res->headers->header('Retry-After'), 1, 'with a time to wait');
    is($res->json->{code}, 'in_flight', 'and a code');

    resume($p->{writer});
    ok(wait_for { post($key, $body)->code == 202 }, 'later it is received');
    is(count('slow@'), 1, 'and stored once');
};

subtest 'links' => sub {
    my $res = post(key(), \%ana, "$p->{url}/l/nobody");

    is($res->code, 404, 'an unknown one is not found');
    is($res->json->{code}, 'link_unknown', 'in JSON');
};

done_testing();
